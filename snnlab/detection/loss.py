"""What a detector is trained for."""

import numpy as np
import torch
from torch.nn import functional as F

from snnlab.data.detector import CLASSES
from snnlab.detection.boxes import PER_STRIDE, STRIDES, numbers_of, places

# A thing is told by the places whose middle lies so near its own, in strides.
_NEAR = 0.75
# Focal loss: how much less what is nearly right counts, and the weight of what is there.
_GAMMA, _ALPHA = 2.0, 0.25
# Below this an error in a number of a box counts by its square.
_BETA = 0.1


def targets(y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the places have to say: classes, (B, P), -1 for none, and numbers, (B, 4, P).

    A thing belongs to the level whose usual size is nearest to its longer side, and there to the
    places near its middle; a place that is near two tells the nearer one.
    """
    middles, strides = places()
    ends = y[..., 1:].astype(np.float64)
    middle, sides = (ends[..., :2] + ends[..., 2:]) / 2, ends[..., 2:] - ends[..., :2]
    usual = PER_STRIDE * np.array(STRIDES)
    longer = np.maximum(sides.max(-1), 1)
    level = np.abs(np.log(longer[..., None] / usual)).argmin(-1)
    away = np.abs(middle[..., None] - middles).max(2) / strides  # (B, M, P)
    mine = (away < _NEAR) & (np.array(STRIDES)[level][..., None] == strides)
    mine &= y[..., :1] >= 0
    away[~mine] = np.inf
    nearest, scenes = away.argmin(1), np.arange(len(y))[:, None]
    told = mine.any(1)
    classes = np.where(told, y[scenes, nearest, 0], -1)
    boxes = np.where(told[..., None], ends[scenes, nearest], [0, 0, 1, 1])
    numbers = numbers_of(boxes)
    return torch.from_numpy(classes).long(), torch.from_numpy(numbers).float()


def detection_loss(outputs: torch.Tensor, y: np.ndarray) -> torch.Tensor:
    r"""Return the loss of a detector: of its scores, and of its boxes where a thing is.

    The focal loss of a logit with the probability q of what is right is

    .. math:: -\alpha (1 - q)^\gamma \ln q

    and the error of a number counts by its absolute value. Both are summed over the places and
    divided by the number of places that have a thing to tell.

    Parameters
    ----------
    outputs : tensor, shape (B, 14, 336)
    y : array, shape (B, M, 5)
        As in `snnlab.data.load_scenes`.

    Returns
    -------
    tensor
        One number.

    Source: Lin et al. 2017b.

    >>> from snnlab import data
    >>> x, y = data.load_scenes(1)
    >>> bool(detection_loss(torch.zeros(1, 14, 336), y) > 1)
    True
    """
    classes, numbers = targets(y)
    told = classes >= 0
    right = F.one_hot(classes.clamp(min=0), CLASSES).mT * told[:, None]
    logits, said = outputs[:, :CLASSES], outputs[:, CLASSES:]
    right = right.to(logits)
    surprise = F.binary_cross_entropy_with_logits(logits, right, reduction="none")
    weight = _ALPHA * right + (1 - _ALPHA) * (1 - right)
    focal = (weight * (1 - torch.exp(-surprise)) ** _GAMMA * surprise).sum()
    off = F.smooth_l1_loss(said, numbers, reduction="none", beta=_BETA)
    return (focal + (off * told[:, None]).sum()) / told.sum().clamp(min=1)
