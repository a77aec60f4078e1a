"""A progress bar that is not shown but looked at."""


class Bar:
    """What was asked of a bar, and what it counted."""

    def __init__(self, total, unit, delay, leave, disable):
        self.planned = self.total = total
        self.unit, self.delay, self.leave = unit.strip(), delay, leave
        self.n, self.closed = 0, False

    def update(self, done=1):
        self.n += done

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True


def watch(monkeypatch):
    """Put such bars in the place of tqdm's, and return the list of those that are made."""
    bars = []

    def made(**options):
        bars.append(Bar(**options))
        return bars[-1]

    monkeypatch.setattr("tqdm.auto.tqdm", made)
    return bars
