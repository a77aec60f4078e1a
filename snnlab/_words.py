"""Numbers of things as they stand in a sentence."""


def counted(number: float, thing: str, none: str = "0") -> str:
    """Return a number with its thing, in the plural where needed.

    >>> counted(1, "step"), counted(1024, "step"), counted(1.5, "level"), counted(0, "spike", "no")
    ('1 step', '1,024 steps', '1.5 levels', 'no spikes')
    """
    if number == 0:
        return f"{none} {thing}s"
    shown = f"{number:,.0f}" if number % 1 == 0 else f"{number:g}"
    return f"{shown} {thing}{'' if shown == '1' else 's'}"
