"""From what a detector says to the things it has found, each once."""

from typing import Any, NamedTuple

import numpy as np
import torch

from snnlab._arguments import checks
from snnlab.data.detector import CLASSES, NUMBERS
from snnlab.detection.boxes import boxes_of, overlap, places
from snnlab.exceptions import ShapeError

# Two boxes that coincide more than this are of one thing. Digits in a scene coincide far less.
SAME = 0.3
# So many places of a scene, those with the highest scores, are looked at.
_MOST = 60


class Found(NamedTuple):
    """What was found in scenes, the most certain thing first.

    Parameters
    ----------
    classes : array of int64, shape (B, K)
        -1 where less was found than in other scenes.
    scores : array, shape (B, K)
        How certain it is, in [0, 1].
    boxes : array, shape (B, K, 4)
        Left, upper, right and lower end in pixels.
    """

    classes: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray


def find(outputs: Any, least: float = 0.05) -> Found:
    """Return what a detector has found.

    A place says the class of its highest logit. Of boxes that coincide only the one with the
    highest score is kept (non-maximum suppression), whatever their classes.

    Parameters
    ----------
    outputs : array, shape (B, 14, 336)
        Of the network "mnist_detector", or `record.outputs[step]` of its spiking twin.
    least : float
        What is found has a higher score: some 0.3 for a picture, much less for a measure.

    Returns
    -------
    Found

    Raises
    ------
    ShapeError
        If the outputs have another shape.
    OptionError
        If `least` is not between 0 and 1.

    Source: Lin et al. 2017b (score by a sigmoid, the best places first).

    >>> outputs = np.full((1, 14, 336), -9.0)
    >>> outputs[0, 10:] = 0
    >>> outputs[0, [7, 3], [100, 101]] = 2.0, 1.0  # neighbours, which mean the same digit
    >>> found = find(outputs)
    >>> found.classes.tolist(), found.boxes.tolist()
    ([[7]], [[[12.0, 20.0, 24.0, 32.0]]])
    """
    expected = "a number from 0 to 1."
    least = checks.number(least, "least", 0, 1, expected=expected)
    outputs = read(outputs)
    logits, numbers = outputs[:, :CLASSES], outputs[:, CLASSES:]
    every = np.arange(len(outputs))[:, None]
    highest = logits.max(1)
    best = np.argsort(-highest, axis=1, kind="stable")[:, :_MOST]
    scores = 1 / (1 + np.exp(-highest[every, best].clip(-700)))
    classes, boxes = logits.argmax(1)[every, best], boxes_of(numbers)[every, best]
    kept = _each_once(boxes, scores > least)
    order = np.argsort(~kept, axis=1, kind="stable")[:, : max(1, int(kept.sum(1).max()))]
    kept = kept[every, order]
    classes = np.where(kept, classes[every, order], -1)
    return Found(classes, np.where(kept, scores[every, order], 0), boxes[every, order])


def read(outputs: Any) -> np.ndarray:
    """Return the outputs of a detector in float64, refused if they have another shape."""
    if isinstance(outputs, torch.Tensor):
        outputs = outputs.detach().cpu()
    outputs = np.asarray(outputs, np.float64)
    shape = CLASSES + NUMBERS, places()[1].size
    if outputs.ndim != 3 or outputs.shape[1:] != shape:
        raise ShapeError(
            f"outputs: shape {outputs.shape}, expected (B, {shape[0]}, {shape[1]}), what the "
            f'detector says. Write snnlab.data.load_network("mnist_detector"), and for a record '
            f"record.outputs[-1]."
        )
    return outputs


def _each_once(boxes: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Return which boxes are kept, shape (B, K), of those alive, the best first, (B, K, 4)."""
    same = overlap(boxes, boxes) > SAME
    alive, kept = alive.copy(), np.zeros_like(alive)
    for place in range(alive.shape[1]):
        kept[:, place] = alive[:, place]
        alive &= ~(kept[:, place, None] & same[:, place])
    return kept
