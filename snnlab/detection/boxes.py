r"""Boxes and the four signed numbers that a place says of one.

The letters: x and y the middle of a box, w and h its width and height, p the middle of the place,
s its stride, all in pixels; d what the network says.
"""

import numpy as np

from snnlab.data.scenes import SIDE

# The cells of a level of the pyramid are so wide; its boxes are told in threes of that.
STRIDES, PER_STRIDE = (4, 8, 16), 3
# Nothing is larger than e**4 times the usual size, whatever a network says at its first step.
_LARGEST = 4.0


def places() -> tuple[np.ndarray, np.ndarray]:
    """Return the middles of the places, shape (2, P), and their strides, shape (P,), in pixels.

    The places of a level lie row by row, the finest level first: P = 256 + 64 + 16.

    >>> middles, strides = places()
    >>> middles[:, 0].tolist(), strides[[0, 256, 320]].tolist()
    ([2.0, 2.0], [4.0, 8.0, 16.0])
    """
    middles, strides = [], []
    for stride in STRIDES:
        ticks = np.arange(stride / 2, SIDE, stride)
        rows, columns = np.meshgrid(ticks, ticks, indexing="ij")
        middles.append(np.stack([columns.ravel(), rows.ravel()]))
        strides.append(np.full(rows.size, stride, float))
    return np.concatenate(middles, 1), np.concatenate(strides)


def boxes_of(numbers: np.ndarray) -> np.ndarray:
    r"""Return the boxes that places tell, shape (B, P, 4): left, upper, right and lower end.

    .. math:: x = p_x + s\,d_x, \qquad y = p_y + s\,d_y, \qquad
              w = 3s\,e^{d_w}, \qquad h = 3s\,e^{d_h}

    A box is cut off at the edges of the scene.

    Parameters
    ----------
    numbers : array, shape (B, 4, P)
        :math:`d_x, d_y, d_w, d_h` of each place. Each may be negative: to the left, above, smaller.

    Source: Girshick et al. 2014 (boxes told relative to others); the usual size of a place is ours.

    >>> boxes_of(np.zeros((1, 4, 336)))[0, 100].tolist()
    [12.0, 20.0, 24.0, 32.0]
    """
    middles, strides = places()
    numbers = np.asarray(numbers, np.float64)
    middles = middles + strides * numbers[:, :2]
    sides = PER_STRIDE * strides * np.exp(numbers[:, 2:].clip(-_LARGEST, _LARGEST))
    ends = np.concatenate([middles - sides / 2, middles + sides / 2], 1)
    return ends.clip(0, SIDE).transpose(0, 2, 1)


def numbers_of(boxes: np.ndarray) -> np.ndarray:
    r"""Return what each place has to say to tell a box: the reverse of `boxes_of`.

    .. math:: d_x = (x - p_x)/s, \qquad d_y = (y - p_y)/s, \qquad
              d_w = \ln\frac{w}{3s}, \qquad d_h = \ln\frac{h}{3s}

    Parameters
    ----------
    boxes : array, shape (B, P, 4)
        A box for each place; for one box at all places, shape (B, 1, 4).

    Returns
    -------
    array, shape (B, 4, P)

    Source: as `boxes_of`.

    >>> numbers_of(np.array([[[12.0, 20.0, 24.0, 32.0]]]))[0, :, 100].tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    middles, strides = places()
    ends = np.asarray(boxes, np.float64).transpose(0, 2, 1)
    middle, sides = (ends[:, :2] + ends[:, 2:]) / 2, ends[:, 2:] - ends[:, :2]
    away, size = (middle - middles) / strides, np.log(sides / (PER_STRIDE * strides))
    return np.concatenate([away, size], 1)


def overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    r"""Return how far boxes coincide, their intersection over their union.

    .. math:: \mathrm{IoU} = \frac{|A \cap B|}{|A \cup B|}

    Parameters
    ----------
    boxes, others : arrays, shape (..., N, 4) and (..., M, 4)
        Left, upper, right and lower end.

    Returns
    -------
    array, shape (..., N, M)
        In [0, 1]; 0 for boxes without extent.

    Source: Everingham et al. 2010.

    >>> overlap(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2]])).round(3).tolist()
    [[0.333]]
    """
    boxes, others = np.asarray(boxes)[..., :, None, :], np.asarray(others)[..., None, :, :]
    ends = np.minimum(boxes[..., 2:], others[..., 2:])
    both = (ends - np.maximum(boxes[..., :2], others[..., :2])).clip(0).prod(-1)
    either = _area(boxes) + _area(others) - both
    return np.divide(both, either, out=np.zeros(both.shape), where=either > 0)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)
