"""What learners write wrong in the exercises of notebook 05, by the words they then hear."""

WRONG = {}
