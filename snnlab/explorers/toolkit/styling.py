"""How explorers are drawn, whatever the user has set."""

from contextlib import AbstractContextManager

from matplotlib import style

from snnlab.plots._style import STYLE


def own_style() -> AbstractContextManager[None]:
    """Return a context with the style of the course alone, whatever the user has set."""
    return style.context(["default", STYLE])
