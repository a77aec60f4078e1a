"""What learners write wrong in the exercises of notebook 09, by the words they then hear."""

import numpy as np


def chain(step, begin=0.0, less=0):
    """Return a loop over the layers; `step` takes the error so far, the own one and the gain."""

    def answer(layers, own, gain):
        error = begin and own
        for _ in range(int(layers) - less):
            error = step(error, own, gain)
        return error

    return answer


def relu(current):
    return current * (current > 0)


WRONG = {
    "9.3": {
        "what all layers add": [
            lambda layers, own, gain: own * layers,
            chain(lambda error, own, gain: error + own),
        ],
        "left of the first layer's error": [
            chain(lambda error, own, gain: error * gain, begin=1.0),
            chain(lambda error, own, gain: error * gain, begin=1.0, less=1),
        ],
        "leaves it as it is": [chain(lambda error, own, gain: gain * (error + own))],
        "begin one layer late": [chain(lambda error, own, gain: gain * error + own, less=1)],
        "one too many": [
            chain(lambda error, own, gain: gain * error + own, less=-1),
            chain(lambda error, own, gain: gain * error + own, begin=1.0),
        ],
        "whose signs are random": [lambda layers, own, gain: own * layers**0.5],
        "where an endless chain ends": [
            lambda layers, own, gain: own * layers if gain >= 1 else own / (1 - gain)
        ],
    },
    "9.4": {
        "pass on the negative ones": [
            lambda z_ann, z, phi, channel: z_ann[:, channel].mean() - phi[:, channel].mean(),
            lambda z_ann, z, phi, channel: (
                max(0, z_ann[:, channel].mean()) - phi[:, channel].mean()
            ),
        ],
        "whose values should this layer come back to": [
            lambda z_ann, z, phi, channel: np.mean(relu(z[:, channel]) - phi[:, channel])
        ],
        "You compare what arrives": [
            lambda z_ann, z, phi, channel: np.mean(z_ann - z, axis=0)[channel],
            lambda z_ann, z, phi, channel: np.mean(relu(z_ann) - relu(z), axis=0)[channel],
        ],
        "more current, or less": [
            lambda z_ann, z, phi, channel: np.mean(phi - relu(z_ann), axis=0)[channel],
            lambda z_ann, z, phi, channel: abs(np.mean(phi - relu(z_ann), axis=0)[channel]),
        ],
        "That is the median": [
            lambda z_ann, z, phi, channel: (
                sorted(relu(z_ann[:, channel]) - phi[:, channel])[len(phi) // 2]
                if len(phi) % 2
                else np.mean(relu(z_ann[:, channel]) - phi[:, channel])
            )
        ],
        "the channel before": [
            lambda z_ann, z, phi, channel: np.mean(relu(z_ann) - phi, axis=0)[channel - 1]
        ],
        "one number for the whole layer": [
            lambda z_ann, z, phi, channel: relu(z_ann).mean() - phi.mean()
        ],
        "rows or columns": [
            lambda z_ann, z, phi, channel: np.mean(relu(z_ann) - phi, axis=1)[channel]
        ],
        "That is the sum over": [
            lambda z_ann, z, phi, channel: sum(relu(z_ann)[:, channel] - phi[:, channel])
        ],
    },
}
