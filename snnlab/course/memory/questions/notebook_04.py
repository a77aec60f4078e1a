"""Questions before notebook 04."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "3.2",
        "Uneven currents arrive, none larger than the threshold. What do the spikes of the "
        "neuron tell about the charge that it has received?",
        (
            Wrong(
                "Its value at the end",
                "The charge may have fallen again by then, and a spike that was sent cannot be "
                "taken back.",
            ),
            Right(
                "The highest value that it ever had",
                "Each spike is a mark on the wall, and it stays when the water falls.",
            ),
            Wrong(
                "Its mean over all steps",
                "The neuron keeps no mean. It fires each time the charge reaches the next "
                "threshold.",
            ),
        ),
    ),
    Question(
        "2.3",
        "Few steps. Why is the best threshold lower than the largest activation?",
        (
            Right(
                "Finer stairs help the many more than the cut hurts the few",
                "What is cut off stays cut off; therefore the best threshold grows with time.",
            ),
            Wrong(
                "With few steps nothing is cut off yet",
                "What is above the threshold is cut off from the first step on.",
            ),
            Wrong(
                "With few steps no neuron reaches a high threshold",
                "A neuron whose activation is near the threshold fires in nearly every step. "
                "The trouble is all that lies between the coarse stairs below.",
            ),
        ),
    ),
    Question(
        "0.7",
        "One part of a single neuron's error is not healed by time. Which?",
        (
            Wrong(
                "Quantization",
                "After T steps there are T + 1 levels. With more steps they lie closer together.",
            ),
            Wrong(
                "Deviation",
                "With time the uneven currents come closer to their mean, and so do the spikes.",
            ),
            Right(
                "Clipping",
                "No neuron can fire more than once per step, however many steps there are.",
            ),
        ),
    ),
)
