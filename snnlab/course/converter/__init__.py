"""The converter that a learner writes, function by function, and keeps in a file of theirs."""
