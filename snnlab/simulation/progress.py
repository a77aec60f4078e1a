"""A progress bar for work that takes long."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(total: int, unit: str) -> Iterator[Any]:
    """Show a progress bar of tqdm after two seconds, until the work is done."""
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=f" {unit}", delay=2.0, leave=False) as bar:
        try:
            yield bar
        finally:
            # The work may take less than planned; tqdm would leave a red bar behind.
            bar.total = bar.n
