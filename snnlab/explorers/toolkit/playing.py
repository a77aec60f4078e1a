"""A button that lets a control of time move by itself."""

import html
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from snnlab.explorers.toolkit.controls import Slider, Steps, StepScale
from snnlab.explorers.toolkit.scripting import script

# A whole play takes so long, but no position longer than that. Whoever asked the system for less
# motion sees whole steps, a second each.
SECONDS, LONGEST, STILL = 8.0, 0.6, 1.0
# The kernel draws frames, a few at a time so that the first are soon there, and the browser plays
# them by its own clock. Who takes hold of a control, or presses another button, stops the play.
# Then the field takes the position where it stands, so that the kernel knows it, and the words are
# read out. A question is the token of the play and the first position that is wanted, an answer the
# token and the frames. If there are none, that position does not work, and the field takes it all
# the same: the kernel says why.
_SCRIPT = """
(button => {
  SHARED
  let panel, row, field, words, question, from, token = null, frames, failed, shown, halt;
  const list = () => field.tagName == 'SELECT';
  const place = value => Math.round((value - field.min) / field.step);
  const at = () => list() ? field.selectedIndex : place(field.value);
  const last = () => list() ? field.length - 1 : place(field.max);
  function send(part) { part.dispatchEvent(new Event('change', {bubbles: true})); }
  function ask() {
    question.value = `${token} ${from + frames.length}`;
    send(question);
  }
  async function take(text) {
    const [mine, packed] = text.split(' ');
    if (mine != token) return;
    const data = await snnlabUnpacked(packed);
    if (mine != token) return;
    data.pictures.forEach((_, number) => frames.push(snnlabFrame(data, number)));
    failed = !data.pictures.length;
    if (!failed && from + frames.length <= last()) ask();
    const ready = () => from + frames.length - !failed;
    halt ??= snnlabPlay(button, PACE, from, last(), ready, show, stop);
  }
  function show(position) {
    shown = position;
    if (list()) field.selectedIndex = position;
    else field.value = Number(field.min) + position * field.step;
    const handle = row.querySelector('.noUi-origin');
    if (handle) handle.style.transform = `translate(${1000 * (position / last() - 1)}%, 0)`;
    if (position == from + frames.length) { stop(); return; }
    const [svg, said] = frames[position - from];
    const picture = panel.querySelector('.snnlab-moving svg');
    if (picture) {
      picture.innerHTML = svg;
      picture.setAttribute('aria-label', said);
    }
    const text = document.createElement('p');
    text.textContent = said;
    words.replaceChildren(text);
  }
  function start() {
    from = at() == last() || at() == DEFAULT ? 0 : at();
    [token, frames, shown, halt] = [String(Math.random()), [], null, null];
    button.textContent = 'Pause';
    words.setAttribute('aria-live', 'off');
    ask();
  }
  function stop() {
    if (token === null) return;
    token = null;
    if (halt) halt();
    button.textContent = 'Play';
    if (shown !== null) send(field);
    setTimeout(() => {
      if (token !== null) return;
      words.setAttribute('aria-live', 'polite');
      words.replaceChildren(...words.childNodes);
    }, 500);
  }
  function taken(event) {
    const other = event.target != button && event.target.closest('.snnlab-row');
    if (token === null || !other || event.key == 'Tab') return;
    stop();
    // Its own slider would go on from where the play began, until the kernel has answered.
    if (other == row && event.target.closest('.noUi-target')) {
      event.stopPropagation();
      event.preventDefault();
    }
  }
  button.addEventListener('click', () => {
    if (!panel) {
      [panel, row] = ['.snnlab-explorer', '.snnlab-row'].map(name => button.closest(name));
      field = row.querySelector('input, select');
      words = panel.querySelector('.snnlab-words .widget-html-content');
      question = row.querySelector('.snnlab-question input');
      const answers = new MutationObserver(changes => {
        for (const change of changes) for (const part of change.addedNodes) take(part.textContent);
      });
      answers.observe(row.querySelector('.snnlab-answer .widget-html-content'), {childList: true});
      for (const kind of ['pointerdown', 'keydown']) panel.addEventListener(kind, taken, true);
    }
    (token === null ? start : stop)();
  });
})(this.previousElementSibling)
"""
SHARED = Path(__file__).with_suffix(".js")


def pace(control: Steps | StepScale) -> tuple[float, int]:
    """Return how many ms a position lasts when a control is played, and how many make one step."""
    moves = max(1, len(control.positions) - 1)
    whole = max(1, round(1 / control.step)) if isinstance(control, Slider) else 1
    return 1000 * min(LONGEST, SECONDS / moves), whole


def play_parts(control: Steps | StepScale, frames: Callable[[int], str]) -> list[Any]:
    """Return the widgets that play a control; they have to stand in its row, behind its field.

    Parameters
    ----------
    control : Steps or StepScale
    frames : callable
        From a position to packed frames of some positions from there on; none if it does not work.
    """
    pause, whole = pace(control)
    default = control.place(control.default)
    given = {"pause": pause, "still": 1000 * STILL, "whole": whole}
    label = html.escape(f"{control.label} moves by itself", quote=True)
    shared = SHARED.read_text(encoding="utf-8")
    button = widgets.HTML(
        f'<button type="button" class="jupyter-button widget-button" title="{label}">Play</button>'
        + script(_SCRIPT, SHARED=shared, PACE=json.dumps(given), DEFAULT=default)
    )
    unseen = widgets.Layout(display="none")
    question, answer = widgets.Text(layout=unseen), widgets.HTML(layout=unseen)
    for part, name in ((button, "play"), (question, "question"), (answer, "answer")):
        part.add_class(f"snnlab-{name}")

    def reply(change: Mapping[str, Any]) -> None:
        token, first = change["new"].split()
        answer.value = f"{token} {frames(int(first))}"
        answer.value = ""  # else it would be saved with the notebook

    question.observe(reply, "value")
    return [button, question, answer]
