"""What learners write wrong in the exercises of notebook 04, by the words they then hear."""

WRONG = {}
