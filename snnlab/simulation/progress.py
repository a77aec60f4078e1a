"""A progress bar for work that takes long."""

from typing import Any


def progress_bar(total: int, unit: str) -> Any:
    """Return a progress bar of tqdm that appears after two seconds, and goes at the end."""
    from tqdm.auto import tqdm

    return tqdm(total=total, unit=f" {unit}", delay=2.0, leave=False)
