"""What learners write wrong in the exercises of notebook 05, by the words they then hear."""

import math


def needed(rule):
    """Return first_spike with a rule for what is left of the steps that bring the charge."""
    return lambda z, theta, start: rule(theta * (1 - start) / z)


def by_neuron(rule):
    """Return largest_current with a rule for one neuron's weights."""
    return lambda w: max(rule(row) for row in w.tolist())


def positive(row):
    return sum(weight for weight in row if weight > 0)


def carrying(scales, layer):
    """Carry the ratio from layer to layer, as the published code does."""
    ratio = 1
    for scale in scales[: layer + 1]:
        ratio = scale / ratio
    return ratio


WRONG = {
    "5.1": {
        "Is that much there": [needed(math.floor), needed(round)],
        "not enough": [needed(lambda x: int(x) + 1)],
        "between two steps": [needed(float)],
        "begin to count": [needed(lambda x: math.ceil(x) - 1)],
        "reaches": [lambda z, theta, start: math.ceil((1 - start) / z)],
        "not empty": [lambda z, theta, start: -(-theta // z)],
        "The start is counted": [lambda z, theta, start: math.ceil((theta - start) / z)],
        "or a debt": [lambda z, theta, start: math.ceil((theta + start * theta) / z)],
        "what it holds already": [lambda z, theta, start: math.ceil(start * theta / z)],
    },
    "5.2": {
        "single weight": [lambda w: w.max(), by_neuron(max)],
        "all inputs fire": [by_neuron(sum), lambda w: max(0, by_neuron(sum)(w))],
        "negative weight lift": [by_neuron(lambda row: sum(map(abs, row)))],
        "all neurons": [lambda w: w[w > 0].sum()],
        "for one input": [lambda w: by_neuron(positive)(w.T)],
        "a neuron in this layer": [lambda w: sum(positive(row) for row in w) / len(w)],
        "rule for the threshold": [by_neuron(lambda row: max(1, positive(row)))],
    },
    "5.5": {
        "take for it": [carrying],
        "once more": [lambda scales, layer: scales[layer]],
        "make it 1": [lambda scales, layer: [1, *scales][layer] / scales[layer]],
        "scales[-1]": [lambda scales, layer: scales[layer] / scales[layer - 1]],
        "divided away": [lambda scales, layer: math.prod(scales[: layer + 1])],
        "of the first layer": [lambda scales, layer: scales[layer] / (scales[0] if layer else 1)],
        "stays as it is": [lambda scales, layer: scales[layer] / scales[layer - 1] if layer else 1],
    },
}
