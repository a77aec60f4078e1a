// Moves the pictures of explorers that were recorded when the site was built; see docs/recorded.py.
// The data come as a script and not by fetch, which browsers refuse to a page opened from a disk.
async function snnlabRecorded(name, packed) {
  const data = await snnlabUnpacked(packed);
  const panels = document.querySelectorAll(`.snnlab-recorded[data-name="${name}"]`);
  for (const panel of panels) present(panel, data);
}

function present(panel, data) {
  const fields = [...panel.querySelectorAll('.snnlab-row input, .snnlab-row select')];
  const [picture, words] = [panel.querySelector('svg'), panel.querySelector('[role=status]')];
  const at = field => field.tagName == 'SELECT' ? field.selectedIndex : Number(field.value);
  const places = fields.map(f => f.tagName == 'SELECT' ? f.length : Number(f.max) + 1);
  const begin = fields.map(at);
  let all = panel.dataset.all == 'true', live = null;
  let stop = () => {};

  function put(field, position) {
    if (field.tagName == 'SELECT') { field.selectedIndex = position; return; }
    field.value = position;
    const text = JSON.parse(field.dataset.texts)[position];
    field.setAttribute('aria-valuetext', text);
    field.nextElementSibling.textContent = text;
  }

  // All combinations count like digits; otherwise the positions of each control follow each other.
  function frame(moved) {
    if (all) return fields.reduce((sum, field, k) => sum * places[k] + at(field), 0);
    return places.slice(0, moved).reduce((sum, count) => sum + count, 0) + at(fields[moved]);
  }

  function show(moved) {
    if (!all) fields.forEach((field, k) => { if (k != moved) put(field, begin[k]); });
    put(fields[moved], at(fields[moved]));
    const [svg, said] = live ? live(fields.map(at)) : snnlabFrame(data, frame(moved));
    picture.innerHTML = svg;
    picture.setAttribute('aria-label', said);
    words.textContent = said;
  }

  function play(button, moved) {
    const field = fields[moved], last = places[moved] - 1;
    if ([last, begin[moved]].includes(at(field))) put(field, 0);
    button.textContent = 'Pause';
    words.setAttribute('aria-live', 'off');
    const { pause, whole } = button.dataset;
    const pace = {pause, whole: Number(whole), still: panel.dataset.still};
    const move = position => { put(field, position); show(moved); };
    const halt = snnlabPlay(panel, pace, at(field), last, () => last, move, () => stop());
    stop = () => {
      halt();
      stop = () => {};
      button.textContent = 'Play';
      words.setAttribute('aria-live', 'polite');
    };
  }

  fields.forEach((field, k) => {
    field.disabled = false;
    field.addEventListener('input', () => { stop(); show(k); });
    const button = field.closest('.snnlab-row').querySelector('.snnlab-play');
    if (!button) return;
    button.disabled = false;
    button.addEventListener('click', () => button.textContent == 'Pause' ? stop() : play(button, k));
  });
  const whole = panel.querySelector('.snnlab-all');
  if (whole) whole.addEventListener('click', async () => {
    const note = panel.querySelector('.snnlab-note');
    [whole.disabled, note.textContent] = [true, 'Loading. The controls go on as before.'];
    try {
      live = await snnlabLive(panel.dataset.live);
      live(fields.map(at));
      [all, whole.hidden, note.textContent] = [true, true, 'Now all controls move.'];
    } catch (error) {
      [live, whole.disabled] = [null, false];
      note.textContent = `This did not work: ${error.message}. Press again to try again.`;
    }
  });
  if (whole) whole.disabled = false;
  const reset = panel.querySelector('.snnlab-reset');
  reset.disabled = false;
  reset.addEventListener('click', () => {
    stop();
    fields.forEach((field, k) => put(field, begin[k]));
    show(0);
  });
}

document.addEventListener('DOMContentLoaded', () => {
  const panels = [...document.querySelectorAll('.snnlab-recorded')];
  for (const source of new Set(panels.map(panel => panel.dataset.source))) {
    const script = document.createElement('script');
    script.src = source;
    document.head.append(script);
  }
});
