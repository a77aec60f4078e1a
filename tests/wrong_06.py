"""What learners write wrong in the exercises of notebook 06, by the words they then hear."""

WRONG = {}
