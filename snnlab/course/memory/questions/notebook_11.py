"""Questions before notebook 11."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "10.3",
        "An SNN sends only 0.05 spikes per connection and step. Does it take less energy than "
        "its ANN?",
        (
            Wrong(
                "Yes: of twenty connections nineteen are silent",
                "In one step they are. After 100 steps each connection has carried five spikes.",
            ),
            Wrong(
                "No: a spike costs more than a MAC",
                "A spike costs one addition for each connection, and that is less than a MAC.",
            ),
            Right(
                "That depends on the number of its steps",
                "Rate times steps is what counts, and what it is compared with is the break-even.",
            ),
        ),
    ),
    Question(
        "9.4",
        "The mean error of each layer is taken away by an offset. Why one layer after the "
        "other, and not all at once?",
        (
            Wrong(
                "All at once would need more simulations",
                "It needs fewer: a single one. But think of where the error of the last layer "
                "was made.",
            ),
            Right(
                "What a layer lacks is mostly the work of the layers before",
                "Correct these, and it is gone. Taken away again, it would be counted twice.",
            ),
            Wrong(
                "The offset of a layer depends on the layers behind it",
                "Nothing flows back. It depends on the layers before it.",
            ),
        ),
    ),
    Question(
        "7.3",
        "All ten outputs of a network are negative. How can its answer be read?",
        (
            Right(
                "From the accumulated currents of the outputs",
                "They may fall as low as they like: the largest is still the answer.",
            ),
            Wrong(
                "By counting output spikes, if one waits long enough",
                "A neuron whose current is negative never fires. All ten counts stay 0.",
            ),
            Wrong(
                "Not at all: something went wrong in training",
                "Take the same number away from all ten, and the softmax does not notice. The "
                "largest stays the largest.",
            ),
        ),
    ),
)
