"""Sizes in memory: the usual ceiling, and sizes in words."""

GIB = 2**30


def words(size: float) -> str:
    """Return a number of bytes in the largest unit that is not below 1 of it.

    >>> words(3 * GIB / 2), words(5 * 2**20), words(2047), words(12)
    ('1.5 GiB', '5 MiB', '2 KiB', '12 bytes')
    """
    for unit, name in ((GIB, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:g} bytes"
