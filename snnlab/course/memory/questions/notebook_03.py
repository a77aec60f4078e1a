"""Questions before notebook 03."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "2.2",
        "A neuron starts half full instead of empty. What becomes of its errors under steady "
        "currents?",
        (
            Wrong(
                "Mean and spread are both halved",
                "The stairs are as wide as before. They are only moved.",
            ),
            Right(
                "The mean goes, the spread stays",
                "The start moves the stairs, and does not make them finer.",
            ),
            Wrong(
                "The spread shrinks, the mean stays",
                "The spread is that of any rounding to stairs of this width. Which stair is "
                "taken, too low or the nearest, is a matter of the mean.",
            ),
        ),
    ),
    Question(
        "1.3",
        "Reset to zero, and a current that just misses the threshold in one step. How often "
        "does the neuron fire, compared with the ReLU?",
        (
            Wrong(
                "Nearly as often: it misses by so little",
                "After one step it is not enough, after two it is nearly twice what is needed. "
                "It fires once, and nearly a threshold is thrown away.",
            ),
            Wrong(
                "Never: it does not reach the threshold",
                "What has flowed in stays in the neuron. In the second step there is more than "
                "enough.",
            ),
            Right(
                "About half as often",
                "It fires in every second step, and no number of steps cures that.",
            ),
        ),
    ),
    Question(
        "0.3",
        "What is changed when a network is converted?",
        (
            Right(
                "A spiking neuron takes the place of each ReLU; the weights stay",
                "Only a threshold for each layer has to be chosen.",
            ),
            Wrong(
                "A spiking neuron takes the place of each ReLU; the weights are trained anew",
                "A conversion trains nothing. The weights of the ANN are kept.",
            ),
            Wrong(
                "The weights are rounded, so that spikes can carry them",
                "A spike carries no number. It says only that it came, and the weight it meets "
                "is the one that was trained.",
            ),
        ),
    ),
)
