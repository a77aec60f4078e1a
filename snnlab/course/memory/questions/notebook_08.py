"""Questions before notebook 08."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "7.2",
        "Spikes are pooled in each step. Why is that right for the average, and wrong for the "
        "maximum?",
        (
            Wrong(
                "The average is cheaper to compute",
                "It is not a matter of cost. Think of two neurons that take turns: what does "
                "the maximum of each step say?",
            ),
            Right(
                "Sums may be taken in any order, and the largest of each step need not be the "
                "largest in the end",
                "Two neurons that take turns look like one that always fires.",
            ),
            Wrong(
                "Spikes are 0 or 1, and have no maximum",
                "In one step they have: 1, if any of them fires. What is wanted is the maximum "
                "of the counts in the end.",
            ),
        ),
    ),
    Question(
        "6.5",
        "The scales of the layers go into the weights. By what is a bias divided?",
        (
            Right(
                "By the scale of its own layer",
                "It comes with nothing, so it is counted in the unit of its own layer only.",
            ),
            Wrong(
                "As the weights are: by the scale of its own layer over that of the layer before",
                "A weight meets what comes in, and makes up for its unit. Nothing comes in "
                "with a bias.",
            ),
            Wrong(
                "By nothing: it stays as it is",
                "Then it would be in the old unit, and the threshold of its neuron in the new one.",
            ),
        ),
    ),
    Question(
        "4.3",
        "On two logarithmic axes a part of the error is a straight line, ten times lower for "
        "ten times the steps. What is its law?",
        (
            Wrong(
                "1/√T",
                "That falls half as steeply: about three times lower for ten times the steps.",
            ),
            Wrong(
                "It falls exponentially",
                "Then it would not be straight on these axes, and fall faster and faster.",
            ),
            Right("1/T", "So does quantization: twice the steps, half the error."),
        ),
    ),
)
