"""What every explorer shares: a picture redrawn in place, its text, and named controls."""

import base64
import html
import io
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image


class Picture:
    """A figure of which only the moving artists are redrawn: the axes stay as they are.

    Redrawing a whole figure takes 60 ms, moving a few artists over a kept background 2 ms.
    """

    def __init__(self, figure: Figure, moving: Sequence[Any]):
        self.canvas = FigureCanvasAgg(figure)
        self.moving = moving
        for artist in moving:
            artist.set_animated(True)
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(figure.bbox)

    def png(self) -> bytes:
        """Return the picture with its artists where they are now."""
        self.canvas.restore_region(self.background)
        for artist in self.moving:
            artist.axes.draw_artist(artist)
        buffer = io.BytesIO()
        image = Image.fromarray(np.asarray(self.canvas.buffer_rgba())[..., :3])
        image.quantize(64).save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()


class Panel:
    """An explorer on the screen. It shows itself in a cell, also where no kernel runs.

    Parameters
    ----------
    controls : dict from name to ipywidgets widget
        Each has a `value` and a `description`. A slider's handle has no name for a screen reader,
        so every slider comes with a named field, linked to it.
    update : callable
        Gets the controls' values by name, moves the artists, and returns the description.
    picture : Picture
    """

    def __init__(
        self,
        controls: dict[str, Any],
        update: Callable[..., str],
        picture: Picture,
    ):
        self.controls, self.update, self.picture = controls, update, picture
        self.image, self.text = widgets.HTML(), widgets.HTML()
        self.description = ""
        self.box = widgets.VBox([*map(_with_field, controls.values()), self.image, self.text])
        for control in controls.values():
            control.observe(lambda _: self.refresh(), "value")
        self.refresh()

    def refresh(self) -> None:
        """Bring picture and text up to date; an error shows in the panel and is raised."""
        try:
            values = {name: control.value for name, control in self.controls.items()}
            self.description = self.update(**values)
        except Exception as error:
            self.text.value = f'<p role="alert">{html.escape(str(error))}</p>'
            raise
        self.png = self.picture.png()
        data, alt = base64.b64encode(self.png).decode(), html.escape(self.description, quote=True)
        self.image.value = f'<img src="data:image/png;base64,{data}" alt="{alt}">'
        self.text.value = f'<p role="status">{html.escape(self.description)}</p>'

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        live = self.box._repr_mimebundle_() or {}
        return live | {
            "image/png": base64.b64encode(self.png).decode(),
            "text/plain": self.description,
        }


def _with_field(control: Any) -> Any:
    """Return a slider beside a field of the same name that takes typed values."""
    if isinstance(control, widgets.IntSlider):
        field = widgets.BoundedIntText(control.value, min=control.min, max=control.max)
    elif isinstance(control, widgets.FloatSlider):
        limits = {"min": control.min, "max": control.max, "step": control.step}
        field = widgets.BoundedFloatText(control.value, **limits)
    elif isinstance(control, widgets.SelectionSlider):
        field = widgets.Dropdown(options=control.options, value=control.value)
    else:
        return control
    field.description, control.description = control.description, ""
    field.style.description_width, field.layout.width = "initial", "17em"
    control.readout = False
    widgets.link((control, "value"), (field, "value"))
    return widgets.HBox([control, field])
