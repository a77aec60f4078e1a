"""Questions before notebook 01."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "0.3",
        "A spiking neuron is read after 4 steps. How many different things can it have said?",
        (
            Wrong("4", "To stay silent is an answer, too: no spike at all."),
            Right("5", "It has fired 0, 1, 2, 3 or 4 times: T + 1 values after T steps."),
            Wrong(
                "16",
                "That would be four signs of which the order matters. Whoever listens only "
                "counts, so two spikes are two spikes, whenever they come.",
            ),
        ),
    ),
    Question(
        "0.6",
        "The threshold of a layer is far too low. What do more steps do about it?",
        (
            Wrong(
                "They bring back, slowly, what is missing",
                "A neuron fires at most once per step. So it never passes on more than its "
                "threshold, however long you wait.",
            ),
            Wrong(
                "They make it worse, step by step",
                "A neuron whose activation is too large fires at every step from the "
                "beginning. That does not change any more.",
            ),
            Right(
                "Nothing: what is above the threshold stays cut off",
                "A neuron fires at most once per step, and so its rate has an upper end.",
            ),
        ),
    ),
    Question(
        "0.4",
        "For one image many neurons of a converted network stay silent. Why?",
        (
            Right(
                "Their ReLUs give 0 for this image, and silence says 0",
                "A silent neuron is not broken; it costs no spike and no work.",
            ),
            Wrong(
                "They lie too deep in the network for spikes to reach them",
                "A spike travels through the whole network within the step in which it was sent.",
            ),
            Wrong(
                "The conversion has switched them off",
                "The weights stay as they were. In the ANN about as many ReLUs give 0 for this "
                "image.",
            ),
        ),
    ),
)
