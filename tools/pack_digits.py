"""Pack scikit-learn's digits into the package, so that the course needs no scikit-learn.

python tools/pack_digits.py
"""

from __future__ import annotations

import io
import sys

import numpy as np
from sklearn import datasets

from snnlab.data import bundled

SOURCE = (
    "Optical Recognition of Handwritten Digits, test set: E. Alpaydin, C. Kaynak 1998, UCI machine "
    "learning repository, doi 10.24432/C50P49; CC BY 4.0. As in scikit-learn, in its order"
)


def main() -> int:
    """Write the file and its card."""
    bunch = datasets.load_digits()
    out = io.BytesIO()
    # Whole numbers from 0 to 16, and labels from 0 to 9.
    images, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.uint8)
    np.savez_compressed(out, images=images, labels=labels)
    bundled.write("digits.npz", out.getvalue(), source=SOURCE, images=len(images))
    return 0


if __name__ == "__main__":
    sys.exit(main())
