"""A progress bar for work that takes long."""

import time

_PROGRESS_AFTER = 2.0


class Progress:
    """A progress bar that appears only when the work takes longer than about two seconds.

    It goes when the `with` block ends.
    """

    def __init__(self, total: int, unit: str):
        self.total, self.unit, self.done, self.bar = total, unit, 0, None
        self.begin = time.monotonic()

    def add(self, done: int) -> None:
        """Count work as done."""
        self.done += done
        if self.bar is not None:
            self.bar.update(done)
        elif self.done < self.total and time.monotonic() - self.begin > _PROGRESS_AFTER:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=self.total, initial=self.done, unit=f" {self.unit}", leave=False)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
