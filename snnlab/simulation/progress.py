"""A progress bar for work that takes long."""

import os
from typing import Any


def progress_bar(total: int, unit: str) -> Any:
    """Return a progress bar of tqdm that appears after two seconds, and goes at the end."""
    from tqdm.auto import tqdm

    off = os.environ.get("TQDM_DISABLE") == "1"  # tqdm's bar for notebooks does not read it
    return tqdm(total=total, unit=f" {unit}", delay=2.0, leave=False, disable=off)
