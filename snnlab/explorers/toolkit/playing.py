"""A button that lets a control of time move by itself."""

import html
from typing import Any

import ipywidgets as widgets

from snnlab.explorers.toolkit.controls import Slider, Steps, StepScale
from snnlab.explorers.toolkit.scripting import script

# A whole play takes so long, but no position longer than that. Whoever asked the system for less
# motion sees whole steps, a second each.
SECONDS, LONGEST, STILL = 8.0, 0.6, 1.0
# The clock runs in the browser, and the field beside the slider takes the position of this moment.
# While the kernel is at one picture, no other is asked for: pictures are dropped, never queued, and
# nothing is on its way when Reset is pressed. Who takes hold of the control, or presses another
# button, stops the play. The words are not read out before it stands still.
_SCRIPT = """
(button => {
  const less = matchMedia('(prefers-reduced-motion: reduce)');
  let panel, row, field, words, playing = false, asked = null, from, begin;
  const list = () => field.tagName == 'SELECT';
  const place = value => Math.round((value - field.min) / field.step);
  const at = () => list() ? field.selectedIndex : place(field.value);
  const last = () => list() ? field.length - 1 : place(field.max);
  function go(position) {
    asked = performance.now();
    if (list()) field.selectedIndex = position;
    else field.value = Number(field.min) + position * field.step;
    field.dispatchEvent(new Event('change', {bubbles: true}));
  }
  function advance() {
    if (!playing) return;
    const now = performance.now();
    const [pause, stride] = less.matches ? [STILL, WHOLE] : [PAUSE, 1];
    const moved = Math.floor((now - begin) / pause) * stride;
    const position = Math.min(from - (moved && from % stride) + moved, last());
    // A picture that never comes, because of an error, is not waited for.
    const waits = asked !== null && now - asked < 2000;
    if (!waits && position != at()) go(position);
    if (at() == last()) stop();
  }
  function tick() {
    advance();
    if (playing && button.isConnected) requestAnimationFrame(tick);
  }
  function start() {
    playing = true;
    button.textContent = 'Pause';
    words.setAttribute('aria-live', 'off');
    if (at() == last() || at() == DEFAULT) go(0);
    [from, begin] = [at(), performance.now()];
    requestAnimationFrame(tick);
  }
  function stop() {
    playing = false;
    button.textContent = 'Play';
    setTimeout(() => {
      if (playing) return;
      words.setAttribute('aria-live', 'polite');
      words.replaceChildren(...words.childNodes);
    }, 500);
  }
  function taken(event) {
    const other = row.contains(event.target) || event.target.closest('button');
    if (playing && event.target != button && other && event.key != 'Tab') stop();
  }
  button.addEventListener('click', () => {
    if (!panel) {
      [panel, row] = ['.snnlab-explorer', '.snnlab-row'].map(name => button.closest(name));
      field = row.querySelector('input, select');
      words = panel.querySelector('.snnlab-words .widget-html-content');
      const shown = new MutationObserver(() => { asked = null; advance(); });
      shown.observe(words, {childList: true});
      for (const kind of ['pointerdown', 'keydown']) panel.addEventListener(kind, taken, true);
    }
    (playing ? stop : start)();
  });
})(this.previousElementSibling)
"""


def pace(control: Steps | StepScale) -> tuple[float, int]:
    """Return how many ms a position lasts when a control is played, and how many make one step."""
    moves = max(1, len(control.positions) - 1)
    whole = max(1, round(1 / control.step)) if isinstance(control, Slider) else 1
    return 1000 * min(LONGEST, SECONDS / moves), whole


def play_button(control: Steps | StepScale) -> Any:
    """Return the button that plays a control; it has to stand in the row of the control."""
    pause, whole = pace(control)
    default = control.place(control.default)
    given = {"PAUSE": pause, "STILL": 1000 * STILL, "WHOLE": whole, "DEFAULT": default}
    label = html.escape(f"{control.label} moves by itself", quote=True)
    button = widgets.HTML(
        f'<button type="button" class="jupyter-button widget-button" title="{label}">Play</button>'
        + script(_SCRIPT, **given)
    )
    button.add_class("snnlab-play")
    return button
