"""A script that the browser runs when a widget has been shown."""

import html
from typing import Any

# ipywidgets runs no `<script>`, but an image that has been loaded may call one.
_DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="


def script(code: str, **names: Any) -> str:
    """Return HTML that runs JavaScript, with names in it replaced by their values.

    In the script `this` is the image that has called it, an element without extent.

    >>> script("go(this, STEPS)", STEPS=4)[-43:]
    'onload="go(this, 4)" style="display: none">'
    """
    for name, value in names.items():
        code = code.replace(name, str(value))
    return f'<img alt="" src="{_DOT}" onload="{html.escape(code)}" style="display: none">'
