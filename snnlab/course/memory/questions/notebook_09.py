"""Questions before notebook 09."""

from snnlab.course.memory.question import Question, Right, Wrong

ALL = (
    Question(
        "8.2",
        "Two networks were measured on 500 images each, drawn at random: one reads 98.6 %, the "
        "other 99.0 %. What follows?",
        (
            Right(
                "Nothing yet: two images are chance",
                "An accuracy near 99 % from 500 images is off by about half a point.",
            ),
            Wrong(
                "The second one is better",
                "It read two images more, and others were drawn. Draw again, and the order may "
                "turn round.",
            ),
            Wrong(
                "Both are equally good",
                "That is not shown either. Run both on the same images, and count where they "
                "disagree.",
            ),
        ),
    ),
    Question(
        "7.1",
        "A BatchNorm is folded with a wrong sign, and the test on a new network passes. Why?",
        (
            Wrong(
                "The test allows differences that are too large",
                "There was no difference at all, large or small.",
            ),
            Wrong(
                "Folding does something only after training",
                "It does the same before. Look at which numbers the sign stands before, and "
                "what they are in a new network.",
            ),
            Right(
                "In a new network the numbers behind the sign are 0",
                "So test on a network in which no number is 0 or 1.",
            ),
        ),
    ),
    Question(
        "5.2",
        "Thresholds from the weights alone promise that no step brings more than one "
        "threshold. What do they cost?",
        (
            Wrong(
                "Accuracy that no time brings back",
                "That would be the price of thresholds that are too low. These are high.",
            ),
            Right(
                "Time: they are far higher than needed",
                "The worst case that they provide for hardly ever comes, and it multiplies "
                "from layer to layer.",
            ),
            Wrong(
                "Training images to choose them",
                "They need none: that is what they are good for.",
            ),
        ),
    ),
)
