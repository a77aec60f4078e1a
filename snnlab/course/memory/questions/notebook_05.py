"""Questions before notebook 05."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "4.1",
        "In a deep layer the propagated part of the error is the largest. Who has made it?",
        (
            Wrong(
                "This layer: its threshold is badly chosen",
                "What a layer does wrong itself is clipping, quantization and deviation.",
            ),
            Wrong(
                "Nobody: it is chance",
                "Run the same images again, and the same error comes. It was made, and handed on.",
            ),
            Right(
                "The layers before it",
                "They passed on something else than in the ANN, so another mean current arrives.",
            ),
        ),
    ),
    Question(
        "3.4",
        "A coin decides about the currents. With probability 0.1 the charge ever climbs to the "
        "threshold. The threshold is doubled. What is the probability now?",
        (
            Right(
                "About 0.01",
                "To climb twice as high the charge has to succeed twice: the probability is "
                "squared.",
            ),
            Wrong(
                "About 0.05",
                "The charge has to succeed twice, one time after the other. Then probabilities "
                "are multiplied, not halved.",
            ),
            Wrong(
                "Still 0.1: the currents are the same",
                "They are, but the way up has become twice as long.",
            ),
        ),
    ),
    Question(
        "1.3",
        "An integrate-and-fire neuron without leak gets twice the current. It still needs "
        "several steps for a spike. What happens to its rate?",
        (
            Wrong(
                "It stays, and the spikes become larger",
                "All spikes are alike. Only their number tells something.",
            ),
            Right("It doubles", "It only integrates: twice the current fills it in half the time."),
            Wrong(
                "It rises, but to less than double",
                "Some charge would have to get lost for that, through a leak or a reset to "
                "zero. Here there is neither.",
            ),
        ),
    ),
)
