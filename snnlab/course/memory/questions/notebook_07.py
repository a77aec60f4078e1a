"""Questions before notebook 07."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "6.2",
        "When is a threshold at the 99th percentile better than one at the 99.9th?",
        (
            Wrong(
                "When there is much time",
                "Then the stairs are fine with both, and what was cut off is all that remains.",
            ),
            Wrong(
                "When a layer has many neurons",
                "Their number does not decide. Stairs become finer with time and a cut does "
                "not, so time decides.",
            ),
            Right(
                "When there is little time",
                "Then coarse stairs are the largest error, and a lower threshold makes them finer.",
            ),
        ),
    ),
    Question(
        "5.4",
        "The weights are scaled so that all thresholds become 1. What happens to the spike trains?",
        (
            Right(
                "They stay the same, but for rounding",
                "Weights and threshold are divided by the same number: the same network in "
                "other units.",
            ),
            Wrong(
                "There are more spikes, because the thresholds are lower",
                "The currents are lower, too, by the same factor.",
            ),
            Wrong(
                "They begin earlier",
                "The potential reaches the threshold in the same step, since both are divided "
                "by the same number.",
            ),
        ),
    ),
    Question(
        "3.5",
        "Which errors grow when a threshold is too low, and which when it is too high?",
        (
            Wrong(
                "Too low: quantization; too high: clipping",
                "The stairs are θ/T wide, so a high threshold makes them coarse. And cut off "
                "is what lies above the threshold.",
            ),
            Right(
                "Too low: clipping and deviation; too high: quantization",
                "The best threshold is in between.",
            ),
            Wrong(
                "Too low: quantization; too high: deviation",
                "With a high threshold the charge has further to climb, so spikes that should "
                "not be become rarer. And the stairs are θ/T wide.",
            ),
        ),
    ),
)
