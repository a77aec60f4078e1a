"""A progress bar for work that takes long."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(total: int | None, unit: str) -> Iterator[Any]:
    """Show a progress bar of tqdm after two seconds, until the work is done; None: nobody knows.

    Without tqdm there is none.
    """
    try:
        from tqdm.auto import tqdm
    except ModuleNotFoundError:
        yield _Silent()
        return

    off = os.environ.get("TQDM_DISABLE") == "1"  # tqdm's bar for notebooks does not read it
    with tqdm(total=total, unit=f" {unit}", delay=2.0, leave=False, disable=off) as bar:
        try:
            yield bar
        finally:
            # The work may take less than planned; tqdm would leave a red bar behind.
            bar.total = bar.n


class _Silent:
    """Takes what a progress bar is told."""

    def update(self, _: int = 1) -> None:
        """Show nothing."""
