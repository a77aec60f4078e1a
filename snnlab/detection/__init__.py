"""Detection: boxes as signed numbers, what is found in a scene, and how good that is."""

from snnlab.detection.boxes import boxes_of, numbers_of, overlap, places
from snnlab.detection.finding import Found, find
from snnlab.detection.loss import detection_loss
from snnlab.detection.measure import average_precision, mean_average_precision

__all__ = [
    "Found",
    "average_precision",
    "boxes_of",
    "detection_loss",
    "find",
    "mean_average_precision",
    "numbers_of",
    "overlap",
    "places",
]
