"""What learners write wrong in the exercises of notebook 04, by the words they then hear."""

import numpy as np

# Of four numbers, in the order propagated, clipping, quantization, deviation, the first wrong one
# is told. What the ReLU says is 1.125, the mean current is 0.6875, the threshold 1.5.
PARTS = {
    "for propagated. A part is what comes later": [[0.4375, 0, 0.0625, 0.375]],
    "with all that has arrived": [[1.625, 0, 0.0625, 0.375]],
    "What should have arrived?": [[0.6875, 0, 0.0625, 0.375]],
    "before the neuron did anything": [[0, 0, 0.0625, 0.375], [0.0, 0.0, 0.0, 0.0]],
    "What should the mean current be": [[1, 0, 0.0625, 0.375]],
    "how far the mean current is": [
        [-0.4375, 0.6875 - 1.5, 0.0625, 0.375],
        (-0.4375, 1.5 - 0.6875, 0.0625, 0.375),
    ],
    "how far the ANN's number is": [
        [-0.4375, 1.125 - 1.5, 0.0625, 0.375],
        [-0.4375, 1.5 - 1.125, 0.0625, 0.375],
    ],
    "Is what arrives above": [[-0.4375, 2, 0.0625, 0.375]],
    "Is the stair above or below": [[-0.4375, 0, -0.0625, 0.375]],
    "starts empty": [[-0.4375, 0, 0.375 - 0.6875, 0.375]],
    "for quantization. That is with spikes per step": [[-0.4375, 0, 2 / 4 - 0.6875, 0.375]],
    "the spikes that it has fired": [np.array([-0.4375, 0, 3 * 0.375 - 0.6875, 0])],
    "the current that should have arrived": [[-0.4375, 0, 0, 0.4375]],
    "what does that stand for": [[-0.4375, 0, 7, 0.375]],
    "all of its digits": [[-0.44, 0, 0.06, 0.38], [-0.4375, 0, 0.0625, 0.37]],
    "more often than under a steady": [[-0.4375, 0, 0.0625, -0.375]],
    "That is a number of spikes": [[-0.4375, 0, 0.0625, 1]],
    "for deviation. That is with spikes per step": [[-0.4375, 0, 0.0625, 1 / 4]],
    "what lies between it and the stair": [[-0.4375, 0, 0.0625, 3 * 0.375 - 0.6875]],
    "left of it without the parts before": [[-0.4375, 0, 0.0625, 0]],
    "step by step, and how often": [[-0.4375, 0, 0.0625, 0.5]],
    "There is nothing here yet. Write four numbers": [None, ...],
    "The list has no parts yet": [[], [None] * 4, [...] * 4],
    "This is a function": [lambda: 0],
    "This is the number 0": [0],
    "Not all in the list are numbers": [
        [-0.4375, 0, 0.0625, None],
        [-0.4375, False, 0.0625, 0.375],
        ["a", "b", "c", "d"],
        [-0.4375, 0, 0.0625, 1j],
        [-0.4375, 0, 0.0625, np.nan],
    ],
    "The list has 3 numbers": [[-0.4375, 0.0625, 0.375]],
    "The list has 1 number.": [[0.0]],
}

# The layer and the part to blame for patient 3.
CULPRIT = {
    "makes no error of its own": [("output", "propagated"), ("output", "clipping")],
    "no other than in the healthy network": [("relu1", "quantization"), ("relu1", "clipping")],
    "has relu6 made it": [("relu6", "propagated"), ["relu6", "clipping"]],
    "has relu3 made it": [("relu3", "propagated")],
    "Of which part does its bar consist": [("relu2", "quantization"), ("relu2", "propagated")],
    "There is nothing here yet": [None, ..., (None, None), (..., ...)],
    "Two names are needed": ["relu2", ("relu2",), {"relu2": "clipping"}, 2, lambda: 0],
    "The layer comes first": [("clipping", "relu2"), ["propagated", "relu3"]],
    "No layer here has the name": [("relu7", "clipping"), (2, "clipping"), (None, "clipping")],
    "No part has the name": [("relu2", "cutting"), ("relu2", None), ("relu2", ...)],
}
