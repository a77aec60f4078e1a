"""Questions before notebook 10."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "9.2",
        "Which error grows with the number of layers?",
        (
            Wrong(
                "The own error of each layer",
                "A neuron does not know how deep it sits. It counts, as everywhere.",
            ),
            Right("The propagated one", "Each layer hands on what arrives, and adds its own."),
            Wrong(
                "None, if the thresholds are well chosen",
                "Each layer is off by a little even at the best threshold, and what it does "
                "wrong is handed on.",
            ),
        ),
    ),
    Question(
        "8.1",
        "A pixel is sent as random spikes, and its rate shall be twice as exact. How many "
        "steps does that take?",
        (
            Right(
                "Four times as many",
                "Chance errors shrink with the root of the number of steps.",
            ),
            Wrong("Twice as many", "That is enough for a constant current, which rolls no dice."),
            Wrong(
                "The square of as many",
                "The square is what random spikes need to be as exact as a constant current "
                "is. Here both are random.",
            ),
        ),
    ),
    Question(
        "6.1",
        "A threshold is set to the largest activation of its layer. What is wrong with that?",
        (
            Wrong(
                "It cuts off too much",
                "Nothing is cut off there, on the calibration images at least.",
            ),
            Wrong(
                "It changes the answers of the ANN",
                "The ANN has no thresholds. They belong to the spiking neurons only.",
            ),
            Right(
                "One neuron on one image sets the scale for all",
                "All others have to live with its coarse stairs.",
            ),
        ),
    ),
)
