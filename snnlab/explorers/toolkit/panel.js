// Once a panel is there, gives its parts the names that stand beside them, marks the place of its
// words to be read out, and sets its buttons to play going. ipywidgets gives a slider's handle and
// a group of buttons no name, and replaces a text instead of changing it: a screen reader would
// say nothing. A handle of version 7 has no role either, and tells where it is in percent of its
// way.
function snnlabName(panel) {
  panel.querySelector('WORDS .widget-html-content').setAttribute('role', 'status');
  const handles = [...panel.querySelectorAll('ROW HANDLE')];
  for (const handle of handles.filter(handle => !handle.hasAttribute('role'))) {
    const tell = () => handle.setAttribute('aria-valuenow', parseInt(handle.style.left) || 0);
    handle.setAttribute('role', 'slider');
    new MutationObserver(tell).observe(handle, {attributeFilter: ['style']});
    tell();
  }
  const groups = [...panel.querySelectorAll('ROW .widget-radio-box')];
  for (const group of groups) group.setAttribute('role', 'radiogroup');
  for (const part of [...handles, ...groups]) {
    const label = part.closest('ROW').querySelector('.widget-label');
    part.setAttribute('aria-label', label.textContent);
  }
}

// A panel may be shown several times, and each time this runs once more.
(function complete(tries) {
  const panels = [...document.querySelectorAll('.PANEL')].filter(panel =>
    !('snnlab' in panel.dataset) && panel.querySelector('WORDS .widget-html-content')
      && panel.querySelectorAll('ROW HANDLE').length >= SLIDERS);
  if (!panels.length && tries) setTimeout(complete, 100, tries - 1);
  for (const panel of panels) {
    panel.dataset.snnlab = 'complete';
    snnlabName(panel);
    panel.querySelectorAll('ROW .snnlab-play button').forEach(button => snnlabPlayButton(button));
  }
})(100);
