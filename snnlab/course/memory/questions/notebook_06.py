"""Questions before notebook 06."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "5.1",
        "All thresholds are far higher than what the neurons have to say. What does one notice?",
        (
            Wrong(
                "Large activations are cut off",
                "That is the other edge: thresholds that are too low.",
            ),
            Right(
                "The answer comes late",
                "Each neuron has to collect a whole threshold before it can say anything at all.",
            ),
            Wrong(
                "There are many spikes",
                "The higher the threshold, the more charge goes into one spike. There are fewer.",
            ),
        ),
    ),
    Question(
        "3.1",
        "The currents +1, +1, −1, −1 reach an empty neuron with threshold 1, and it fires "
        "twice, although they sum to 0. Why?",
        (
            Wrong(
                "A neuron does not hear negative currents",
                "It does: they pull its potential down, here to −2, and it has to climb back "
                "before its next spike.",
            ),
            Wrong(
                "The negative currents are too weak",
                "They are as strong as the others. In the end the potential is below 0.",
            ),
            Right(
                "The spikes have left before the negative currents come",
                "And no spike can be taken back.",
            ),
        ),
    ),
    Question(
        "2.1",
        "Under a steady current the largest error of a neuron shall be half as large. What "
        "does that take?",
        (
            Right(
                "Twice the steps",
                "What is left over is less than one threshold, spread over all steps.",
            ),
            Wrong(
                "Four times the steps",
                "That is the price where chance errors average out. Nothing is by chance under "
                "a steady current.",
            ),
            Wrong(
                "One more step",
                "With T steps the error is below θ/T. One more step makes that θ/(T + 1), "
                "which is hardly less if T is large.",
            ),
        ),
    ),
)
