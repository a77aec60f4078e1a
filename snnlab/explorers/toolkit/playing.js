// What notebooks and the site share: frames that were drawn beforehand, and the clock that plays
// them. See recording.py for what is packed.
async function snnlabUnpacked(packed) {
  const bytes = Uint8Array.from(atob(packed), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).json();
}

// Returns the inside of the SVG, and the words.
function snnlabFrame(data, number) {
  const svg = data.pictures[number].map(line => data.lines[line]).join('\n');
  return [svg, data.lines[data.words[number]]];
}

// Shows each position when its time has come, and leaves out those whose time has passed.
// `ready()` is the last position that can be shown by now; `show` and `end` are called when it
// moves, and when it has come to the last. Returns a function that stops it.
function snnlabPlay(element, pace, from, last, ready, show, end) {
  const less = matchMedia('(prefers-reduced-motion: reduce)');
  const begin = performance.now();
  let playing = true, at = null;
  function tick() {
    if (!playing || !element.isConnected) return;
    const [lasts, stride] = less.matches ? [pace.still, pace.whole] : [pace.pause, 1];
    const moves = Math.floor((performance.now() - begin) / lasts) * stride;
    const position = Math.min(from - (moves && from % stride) + moves, ready());
    if (position != at) show(at = position);
    if (at == last) end();
    else requestAnimationFrame(tick);
  }
  requestAnimationFrame(tick);
  return () => { playing = false; };
}
