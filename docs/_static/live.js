// Runs an explorer in the page, once a reader asks for all of its settings; see docs/live.py.
// Python comes from a server elsewhere, 20 MB of it, so nothing is loaded before the button is
// pressed, and once for all explorers of the page.
let SNNLAB_PYTHON = 'https://cdn.jsdelivr.net/pyodide/v314.0.6/full/';
let snnlabPython = null;

function snnlabScript(address) {
  return new Promise((done, failed) => {
    const script = document.createElement('script');
    script.src = address;
    script.onload = done;
    script.onerror = () => failed(new Error(`${address} does not answer`));
    document.head.append(script);
  });
}

async function snnlabStarted() {
  await snnlabScript(SNNLAB_PYTHON + 'pyodide.js');
  const python = await loadPyodide({indexURL: SNNLAB_PYTHON});
  await python.loadPackage(['numpy', 'matplotlib', 'pillow']);
  // The package comes as a script and not by fetch, which browsers refuse to a page from a disk.
  await snnlabScript('../_static/package.js');
  const bytes = Uint8Array.from(atob(snnlabPackage), letter => letter.charCodeAt(0));
  python.unpackArchive(bytes, 'zip');
  return python.pyimport('live');
}

// Returns a function from positions of the controls to the inside of the SVG, and the words.
async function snnlabLive(source) {
  snnlabPython ??= snnlabStarted();
  try {
    const live = await snnlabPython;
    return positions => JSON.parse(live.shown(source, JSON.stringify(positions)));
  } catch (error) {
    snnlabPython = null;  // so that pressing again tries again
    throw error;
  }
}
