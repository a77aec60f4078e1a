// A button that plays a control. The kernel draws frames, a few at a time so that the first are
// soon there, and the browser plays them by its own clock. Who takes hold of a control, or presses
// another button, stops the play. Then the field takes the position where it stands, so that the
// kernel knows it, and the words are read out. A question is the token of the play and the first
// position that is wanted, an answer the token and the frames. If there are none, that position
// does not work, and the field takes it all the same: the kernel says why. A play goes on from where
// the learner has put the control. Where it was put for them, which the placeholder of the question
// tells, it begins at the first position.
function snnlabPlayButton(button) {
  const pace = JSON.parse(button.dataset.pace);
  const [panel, row] = ['.snnlab-explorer', '.snnlab-row'].map(name => button.closest(name));
  const field = row.querySelector('input, select');
  const words = panel.querySelector('.snnlab-words .widget-html-content');
  const question = row.querySelector('.snnlab-question input');
  let from, token = null, frames, failed, shown, halt;
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
    halt ??= snnlabPlay(button, pace, from, last(), ready, show, stop);
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
    from = [last(), Number(question.placeholder)].includes(at()) ? 0 : at();
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
  const answers = new MutationObserver(changes => {
    for (const change of changes) for (const part of change.addedNodes) take(part.textContent);
  });
  answers.observe(row.querySelector('.snnlab-answer .widget-html-content'), {childList: true});
  for (const kind of ['pointerdown', 'keydown']) panel.addEventListener(kind, taken, true);
  button.addEventListener('click', () => (token === null ? start : stop)());
}
