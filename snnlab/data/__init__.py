"""Images to learn from, without a download, and the training of a small network on them."""

from snnlab.data.digits import Images, load_digits
from snnlab.data.training import train

__all__ = ["Images", "load_digits", "train"]
