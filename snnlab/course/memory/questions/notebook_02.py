"""Questions before notebook 02."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "1.2",
        "A neuron resets to zero instead of by subtraction. What is lost?",
        (
            Right(
                "At each spike, what the potential was above the threshold",
                "In the books, more has flowed in than spikes and potential hold.",
            ),
            Wrong(
                "At each spike, all that has flowed in since the last one",
                "One threshold of it is in the spike itself. Only what was above is thrown away.",
            ),
            Wrong(
                "Nothing, if one waits long enough",
                "Each spike throws something away, so waiting longer loses more.",
            ),
        ),
    ),
    Question(
        "0.7",
        "Which two parts of the error cannot occur in the first layer of a converted network?",
        (
            Wrong(
                "Clipping and quantization",
                "The first layer counts, and it has a threshold, like all others.",
            ),
            Wrong(
                "Propagated and clipping",
                "Nothing comes before it, so nothing is propagated. But an activation above "
                "the threshold is cut off there as anywhere.",
            ),
            Right(
                "Propagated and deviation",
                "Nothing comes before it, and the image flows in as a steady current.",
            ),
        ),
    ),
    Question(
        "1.4",
        "A leaky neuron gets a very weak, steady current. What will it do, if one waits for ever?",
        (
            Wrong(
                "It fires, only very late",
                "That holds without a leak. With one the potential stops climbing where as "
                "much leaks out as flows in.",
            ),
            Right(
                "It stays silent",
                "The potential climbs towards a value below the threshold, and no further.",
            ),
            Wrong(
                "It fires at a rate that is proportional to the current",
                "That is what a ReLU asks for, and what a neuron without leak does.",
            ),
        ),
    ),
)
