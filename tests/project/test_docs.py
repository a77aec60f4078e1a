"""The site, README and the files beside it say what is there."""

import ast
import base64
import gzip
import html
import importlib
import io
import json
import math
import pkgutil
import re
import runpy
import subprocess
import sys
import threading
import tomllib
import zipfile
import zlib
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe

import snnlab as sl
from docs.recorded import KEPT, explorers_of
from snnlab.conversion import verification
from tools import lab, online

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
THEORY = (DOCS / "theory.md").read_text(encoding="utf-8")
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
FOLDERS = [m.name for m in pkgutil.iter_modules(sl.__path__) if m.ispkg and m.name[0] != "_"]
FACES = ["snnlab"] + [f"snnlab.{name}" for name in FOLDERS]
TESTS = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
TARGETS = re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"))


# --- the site --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Return the folder of the site. It builds only if every reference in it leads somewhere."""
    folder = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("face", [*FACES, "snnlab.explorers.Explorer"])
def test_every_public_name_is_described(site, face):
    _, _, _, _, packed = (site / "objects.inv").read_bytes().split(b"\n", 4)
    described = set(re.findall(r"(?m)^(\S+) py:", zlib.decompress(packed).decode()))
    if face in FACES:
        names = importlib.import_module(face).__all__
    else:
        names = ["move", "script", "code", "compute", "layout", "draw", "describe", "formula"]
    assert names
    assert {f"{face}.{name}" for name in names} - described == set()


@pytest.mark.slow
def test_every_page_is_there_and_reachable(site):
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    notebooks = {f"notebooks/{file.stem}.html" for file in (ROOT / "notebooks").glob("*.ipynb")}
    folders = {f"api/{face.removeprefix('snnlab.')}.html" for face in FACES[1:]}
    own = {f"{file.stem}.html" for file in DOCS.glob("*.md")}
    assert len(own) > 8
    assert notebooks | folders | own <= pages


@pytest.mark.slow
def test_links_from_notebook_to_notebook_stay_on_the_site(site):
    for page in (site / "notebooks").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'href="[\w/.]*\.ipynb"', text)
        for target in re.findall(r'href="(\d\d_\w+\.html)', text):
            assert (page.parent / target).exists()


@pytest.mark.slow
def test_each_notebook_can_be_opened_elsewhere_from_its_page(site):
    where = online.ref()
    for file in online.NOTEBOOKS:
        page = (site / "notebooks" / f"{file.stem}.html").read_text(encoding="utf-8")
        links = re.findall(r'<a class="snnlab-launch[^"]*" href="([^"]*)"', page)
        assert links == [online.binder(file.name, where), online.colab(file.name, where)]


@pytest.mark.slow
def test_equations_are_handed_to_mathjax(site):
    page = (site / "api" / "dynamics.html").read_text(encoding="utf-8")
    assert page.count('<div class="math') > 5
    assert ".. math::" not in page
    assert "MathJax" in page


@pytest.mark.slow
def test_every_picture_has_words(site):
    pictures = [
        tag
        for page in site.rglob("*.html")
        for tag in re.findall(
            r"<img[^>]*_(?:images|static/[^>]*svg)[^>]*>", page.read_text(encoding="utf-8")
        )
    ]
    assert len(pictures) > 20  # those of predictions lie folded in the pages
    words = [re.search(r'alt="([^"]*)"', tag) for tag in pictures]
    assert [t for t, w in zip(pictures, words, strict=True) if not w or len(w[1]) < 15] == []
    assert [w[1] for w in words if re.search(r"\.(png|svg)$", w[1])] == []


@pytest.mark.slow
def test_docstrings_lead_to_their_derivations(site):
    page = (site / "api" / "analysis.html").read_text(encoding="utf-8")
    assert page.count("theory.html#derivation-") >= 7


# --- explorers that move without a kernel ----------------------------------------------------


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def browser():
    with lab.browser() as started:
        yield started


@pytest.fixture
def opened(site, browser):
    """Return a function that opens a notebook's page from the disk, with all answers unfolded."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(1000 * lab.RUN_SECONDS)
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))

    def open_page(name):
        page.goto((site / "notebooks" / f"{name}.html").as_uri())
        page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        for panel in page.locator(".snnlab-recorded").all():
            panel.locator(".snnlab-reset:enabled").wait_for()
        return page

    yield open_page
    page.close()
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def explorer_cells(file):
    """Yield the number of each cell that shows an explorer, and the words stored with it."""
    for number, cell in enumerate(json.loads(file.read_text(encoding="utf-8"))["cells"]):
        for output in cell.get("outputs", []):
            if alt := output.get("metadata", {}).get("image/png", {}).get("alt"):
                yield number, "".join(cell["source"]), alt
            folded = "".join(output.get("data", {}).get("text/html", ""))
            if found := re.search(
                r'<img alt="[^"]*" src="data:[^"]*"><p>(.*?)</p></details>', folded
            ):
                yield number, "".join(cell["source"]), html.unescape(found[1])


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_explorer_moves_on_its_page_and_begins_as_the_notebook_has_it(file):
    for number, source, words in explorer_cells(file):
        kept = KEPT / f"{file.stem[:2]}-{number}.html"
        if kept.exists():
            said = re.findall(r'<p role="status">(.*?)</p>', kept.read_text(encoding="utf-8"))
            assert [html.unescape(text) for text in said] == [words]
            assert explorers_of(source) == []
        else:
            assert [explorer.words for explorer in explorers_of(source)] == [words], source


def test_nothing_is_kept_that_no_notebook_shows():
    shown = {
        f"{file.stem[:2]}-{number}" for file in NOTEBOOKS for number, *_ in explorer_cells(file)
    }
    assert {file.stem for file in KEPT.iterdir()} <= shown


# What the browser makes of a picture, so that spelling does not count.
SAME = """(svg, text) => {
    const other = svg.cloneNode(false);
    other.innerHTML = text;
    return other.innerHTML == svg.innerHTML;
}"""


POSITION = "field => field.type == 'range' ? Number(field.value) : field.selectedIndex"


def assert_shows(panel, explorer, setting):
    data = explorer.compute(**setting)
    explorer.draw(data)
    words = explorer.told(data, setting)
    assert panel.get_by_role("status").inner_text() == words
    picture = panel.locator("svg")
    assert picture.get_attribute("aria-label") == words
    for name, declared in explorer.declared.items():
        field = panel.get_by_label(declared.label, exact=True)
        assert field.evaluate(POSITION) == declared.place(setting[name])
        if field.evaluate("field => field.type") == "range":
            assert field.get_attribute("aria-valuetext") == declared.shown(setting[name])
    assert picture.evaluate(SAME, explorer.picture.svg())


def assert_moves(panel, explorer):
    """Move each control of an explorer that the page has without a network."""
    begin = setting = explorer.values
    assert_shows(panel, explorer, begin)
    for control, declared in explorer.declared.items():
        if panel.get_attribute("data-all") == "false":
            setting = begin  # the other controls go back
        for position in moved(panel.get_by_label(declared.label, exact=True)):
            setting = setting | {control: declared.positions[position]}
            assert_shows(panel, explorer, setting)
    panel.get_by_role("button", name="Reset").press("Enter")
    assert_shows(panel, explorer, begin)


def moved(field):
    """Move a control by keys, and yield its positions."""
    slides = field.evaluate("field => field.type") == "range"
    last = field.evaluate("field => Number(field.max) || field.length - 1")
    for key, position in (("Home", 0), ("ArrowRight" if slides else "ArrowDown", 1), ("End", last)):
        if field.evaluate(POSITION) != position:  # else nothing moves, and no other goes back
            field.press(key)
            yield position


def assert_replays(panel, place):
    """Move each control of an explorer that was recorded with its network."""
    _, packed = ast.literal_eval((KEPT / f"{place}.js").read_text().removeprefix("snnlabRecorded"))
    data = json.loads(gzip.decompress(base64.b64decode(packed)))
    fields = panel.locator(".snnlab-row input, .snnlab-row select").all()
    begin = setting = [field.evaluate(POSITION) for field in fields]
    places = [field.evaluate("field => Number(field.max) + 1 || field.length") for field in fields]
    everything = panel.get_attribute("data-all") == "true"
    assert len(data["words"]) == (math.prod(places) if everything else sum(places))
    for k, field in enumerate(fields):
        setting = setting if everything else begin
        for position in moved(field):
            setting = [*setting[:k], position, *setting[k + 1 :]]
            number = sum(places[:k]) + position
            if everything:
                number = int(np.ravel_multi_index(setting, places))
            assert panel.get_by_role("status").inner_text() == data["lines"][data["words"][number]]
            svg = "\n".join(data["lines"][line] for line in data["pictures"][number])
            assert panel.locator("svg").evaluate(SAME, svg)
            assert [field.evaluate(POSITION) for field in fields] == setting


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_control_gives_what_the_kernel_gives(opened, file):
    panels = opened(file.stem).locator(".snnlab-recorded").all()
    cells = list(explorer_cells(file))
    assert len(panels) == len(cells) > 0
    for panel, (number, source, _) in zip(panels, cells, strict=True):
        place = f"{file.stem[:2]}-{number}"
        if (KEPT / f"{place}.html").exists():
            assert_replays(panel, place)
        else:
            assert_moves(panel, *explorers_of(source))


@pytest.mark.slow
@pytest.mark.browser
def test_a_control_that_is_played_ends_at_its_last_position(opened):
    panel = opened("02_quantization_error").locator(".snnlab-recorded")
    panel = panel.filter(has=panel.page.locator(".snnlab-play")).last
    field = panel.locator(".snnlab-row").filter(has=panel.page.locator(".snnlab-play"))
    field = field.locator("input").first
    seen = panel.evaluate_handle(
        """panel => {
            const seen = [], words = panel.querySelector('[role=status]');
            new MutationObserver(() => seen.push(words.textContent))
                .observe(words, {childList: true});
            return seen;
        }"""
    )
    panel.get_by_role("button", name="Play").press("Enter")
    panel.get_by_role("button", name="Pause").wait_for()
    panel.get_by_role("button", name="Play").wait_for(timeout=60_000)
    assert field.evaluate("field => field.value == field.max")
    assert len(set(seen.json_value())) > 5
    assert panel.get_by_role("status").get_attribute("aria-live") == "polite"


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_a_narrow_page_fits_and_its_explorers_are_accessible(opened, dark):
    page = opened(NOTEBOOKS[0].stem)
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert Axe().run(page, context=".snnlab-recorded").response["violations"] == []


@pytest.mark.slow
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_the_explorers_of_a_page_weigh_less_than_a_megabyte_compressed(site, file):
    page = (site / "notebooks" / f"{file.stem}.html").read_text(encoding="utf-8")
    names = set(re.findall(r"_static/recorded/([\w-]+)\.js", page))
    data = [
        site / "_static" / "recorded" / (name + end) for name in names for end in (".js", ".png")
    ]
    assert 0 < sum(len(gzip.compress(file.read_bytes())) for file in data) < 2**20


# --- explorers that run in the page ----------------------------------------------------------


# In the place of Pyodide: Python beside this test, asked by requests that wait for their answer.
STAND_IN = """
async function loadPyodide() {
    const ask = (place, body) => {
        const request = new XMLHttpRequest();
        request.open('POST', SNNLAB_PYTHON + place, false);
        request.send(body);
        if (request.status != 200) throw new Error(request.responseText);
        return request.responseText;
    };
    const letters = bytes => bytes.reduce((text, byte) => text + String.fromCharCode(byte), '');
    return {
        loadPackage: async names => ask('packages/', names.join(' ')),
        unpackArchive: (bytes, kind) => ask('unpack/' + kind, btoa(letters(bytes))),
        pyimport: name => ({shown: (...given) => ask('call/' + name, JSON.stringify(given))}),
    };
}
"""
PAGE_PYTHON = """
import json, sys
sys.path.insert(0, ".")
sys.modules["torch"] = sys.modules["ipywidgets"] = None  # as in Pyodide
import MODULE
for line in sys.stdin:
    print(json.dumps(MODULE.shown(*json.loads(line))), flush=True)
"""


class PagePython(BaseHTTPRequestHandler):
    """Answers what a page asks Pyodide for, from what the page itself has unpacked."""

    def do_GET(self):
        self.answer(STAND_IN)

    def do_POST(self):
        given = self.rfile.read(int(self.headers["Content-Length"])).decode()
        _, kind, name = self.path.split("/")
        if kind == "packages":
            self.server.packages = given.split()
            self.answer("")
        elif kind == "unpack":
            zipfile.ZipFile(io.BytesIO(base64.b64decode(given))).extractall(self.server.folder)
            self.answer(name)
        else:
            self.answer(self.called(name, given))

    def called(self, module, given):
        if self.server.python is None:
            code = PAGE_PYTHON.replace("MODULE", module)
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            command = [sys.executable, "-c", code]
            self.server.python = subprocess.Popen(command, cwd=self.server.folder, **pipes)
        print(given, file=self.server.python.stdin, flush=True)
        return json.loads(self.server.python.stdout.readline())

    def answer(self, text):
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def python(tmp_path):
    """A server in the place of Pyodide's."""
    server = ThreadingHTTPServer(("localhost", 0), PagePython)
    server.folder, server.python, server.asked = tmp_path, None, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    if server.python is not None:
        server.python.communicate()


@pytest.fixture
def panel(site, browser, python):
    """The first explorer of a page that can compute all settings."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(1000 * lab.RUN_SECONDS)
    page.goto((site / "notebooks" / "01_spiking_neurons.html").as_uri())
    assert page.evaluate("SNNLAB_PYTHON").startswith("https://cdn.jsdelivr.net/pyodide/v")
    serve(page, python.server_port)
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    panel = page.locator(".snnlab-recorded[data-live]").first
    panel.locator(".snnlab-reset:enabled").wait_for()
    yield panel
    page.close()


def serve(page, port):
    page.evaluate("port => { SNNLAB_PYTHON = `http://localhost:${port}/`; }", port)


ALONE = """
import json, sys
here, root = sys.argv[1:]
sys.path = [here, *(place for place in sys.path if place not in ("", root))]
sys.modules |= {"torch": None, "ipywidgets": None}
import live, snnlab
assert snnlab.__file__.startswith(here)
print(live.shown("explorers.Counting()", "[0, 0, 0, 0]"))
"""


@pytest.mark.slow
def test_what_the_page_loads_draws_with_nothing_else_of_the_project(site, tmp_path):
    script = (site / "_static" / "package.js").read_text(encoding="utf-8")
    packed = base64.b64decode(re.search("'(.+)'", script)[1])
    zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path)
    command = [sys.executable, "-c", ALONE, str(tmp_path), str(ROOT)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    svg, words = json.loads(done.stdout)
    explorer = sl.explorers.Counting()
    first = {name: control.positions[0] for name, control in explorer.declared.items()}
    assert words == explorer.move(**first)
    assert svg == explorer.picture.svg()


@pytest.mark.slow
@pytest.mark.browser
def test_all_settings_are_computed_in_the_page_once_somebody_asks(panel, python):
    assert python.asked == []
    panel.get_by_role("button", name="All settings").press("Enter")
    panel.get_by_text("Now all controls move.").wait_for()
    assert python.packages == ["numpy", "matplotlib", "pillow"]
    assert panel.get_by_role("button", name="All settings").count() == 0
    (explorer,) = explorers_of(panel.get_attribute("data-live"))
    setting = explorer.values
    for control, declared in explorer.declared.items():
        for position in moved(panel.get_by_label(declared.label, exact=True)):
            setting = setting | {control: declared.positions[position]}
            assert_shows(panel, explorer, setting)  # the other controls stay where they are
    panel.get_by_role("button", name="Reset").press("Enter")
    assert_shows(panel, explorer, explorer.values)


@pytest.mark.slow
@pytest.mark.browser
def test_without_an_answer_the_page_says_so_and_can_be_asked_again(panel, python):
    serve(panel.page, 9)  # where nobody answers
    button = panel.get_by_role("button", name="All settings")
    button.press("Enter")
    panel.get_by_text("pyodide.js does not answer. Press again to try again.").wait_for()
    field = panel.locator(".snnlab-row input").first
    before = panel.get_by_role("status").inner_text()
    field.press("End")
    assert panel.get_by_role("status").inner_text() != before
    serve(panel.page, python.server_port)
    button.press("Enter")
    panel.get_by_text("Now all controls move.").wait_for()


@pytest.mark.slow
def test_only_explorers_that_need_no_torch_offer_it(site):
    found = set()
    for page in (site / "notebooks").glob("*.html"):
        for source in re.findall(r'data-live="([^"]*)"', page.read_text(encoding="utf-8")):
            found |= set(re.findall(r"explorers\.([A-Z]\w+)", html.unescape(source)))
    assert len(found) > 5
    assert found & set(sl.explorers._WITH_TORCH) == set()


# --- what the pages say ----------------------------------------------------------------------


def derived():
    """Return the names of the functions and classes that are derived here."""
    return {
        node.name
        for path in (ROOT / "snnlab").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and "Derived here" in (ast.get_docstring(node) or "")
    }


def test_what_is_derived_here_is_derived_on_the_theory_page():
    sections = dict(re.findall(r"(?m)^\(derivation-(\w+)\)=\n#+ .*\n\n(.*)$", THEORY))
    wanted = {name.lower() for name in derived()}
    assert len(wanted) > 10
    assert wanted - set(sections) == set()
    for label, first in sections.items():
        (role,) = re.findall(r"\{(?:func|class)\}`([\w.]+)`", first)
        module, _, name = role.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))
        assert name.lower() == label


def cited():
    """Return each O-number that tests cite, with the tests that are named by it."""
    found = {}
    for text in TESTS.values():
        for number in re.findall(r"\bO(\d+b?)\b", text):
            found.setdefault(number, set())
        for name, number in re.findall(r"def (test_o(\d+b?)_\w+)", text):
            found.setdefault(number, set()).add(name)
    return found


def test_theory_page_has_the_identities_that_tests_cite_and_no_others():
    assert set(re.findall(r"(?m)^### O(\d+b?):", THEORY)) == set(cited())


def test_every_identity_names_its_tests_and_they_exist():
    defined = set(re.findall(r"(?m)^def (test_\w+)", "\n".join(TESTS.values())))
    for number, section in re.findall(r"(?ms)^### O(\d+b?):(.*?)(?=^### |\Z)", THEORY):
        named = set(re.findall(r"`(test_\w+)`", section))
        assert named
        assert named - defined == set()
        assert cited()[number] - named == set(), number


def test_files_that_the_pages_name_exist():
    for page in (DOCS / "architecture.md", ROOT / "CONTRIBUTING.md", DOCS / "theory.md"):
        named = re.findall(r"`((?:snnlab|tests|docs|tools)/[\w./]*)`", page.read_text("utf-8"))
        missing = [path for path in named if not (ROOT / path).exists()]
        assert missing == [], page.name
        assert named or page.name == "theory.md"


@pytest.mark.slow
def test_architecture_page_lists_every_folder():
    folders = runpy.run_path(str(DOCS / "folders.py"))
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"(?m)^\| \{mod\}`snnlab\.(\w+)`", text)
    assert sorted(listed) == sorted([*folders["units"](), "exceptions"])
    before = []
    for name in listed:
        assert folders["imports"]().get(name, set()) <= set(before), name
        before.append(name)


def test_picture_of_the_folders_has_an_arrow_for_what_imports_directly():
    folders = runpy.run_path(str(DOCS / "folders.py"))
    picture = folders["svg"]()
    assert "saving uses dynamics." in picture
    assert picture.count("<rect") == 1 + len(folders["units"]())


def test_reference_lists_every_name_of_the_package():
    text = (DOCS / "api" / "index.rst").read_text(encoding="utf-8")
    assert sorted(re.findall(r"(?m)^   (\w+)$", text.split("Folder by folder")[0])) == sorted(
        sl.__all__
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/user_guide.md"])
def test_python_of_the_page_runs_from_top_to_bottom(page):
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"))
    code = "import matplotlib; matplotlib.use('agg')\n" + "\n".join(blocks)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_user_guide_shows_every_explorer():
    text = (DOCS / "user_guide.md").read_text(encoding="utf-8")
    assert {*re.findall(r"explorers\.([A-Z]\w+)\(", text), "Explorer"} == set(sl.explorers.__all__)


# --- the repository's address, and what runs there -------------------------------------------


def test_the_address_is_that_of_pyproject_wherever_it_stands():
    repository, issues = URLS["Repository"], URLS["Issues"]
    assert issues == repository + "/issues"
    owner_and_name = repository.removeprefix("https://github.com/")
    assert owner_and_name == online.REPOSITORY
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    badge = re.search(r"\[!\[checks\]\((.*?)\)\]\((.*?)\)", readme)
    assert badge.groups() == (f"{badge[2]}/badge.svg", f"{repository}/actions/workflows/ci.yml")
    assert set(re.findall(r"https://github\.com/[\w-]+/[\w-]+", readme)) == {repository}
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["repository-code"] == repository
    files = [*(ROOT / "snnlab").rglob("*.py"), *DOCS.glob("*.*"), *(DOCS / "api").iterdir()]
    assert [f.name for f in files if owner_and_name in f.read_text(encoding="utf-8")] == []


def test_installed_metadata_has_the_address():
    installed = metadata.metadata("snnlab-course").get_all("Project-URL", [])
    assert sorted(installed) == sorted(f"{k}, {v}" for k, v in URLS.items()), "run `make test`"


def test_a_gap_in_the_converter_asks_for_a_report_at_the_address(monkeypatch):
    described = Message()
    for label, url in URLS.items():
        described["Project-URL"] = f"{label}, {url}"
    monkeypatch.setattr(metadata, "metadata", lambda name: described)
    assert verification._please() == f"Please report it at {URLS['Issues']}, with the model."


def test_without_metadata_it_asks_all_the_same(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", missing)
    assert verification._please() == "Please report it, with the model."


@pytest.mark.parametrize(
    "file", sorted((ROOT / ".github" / "workflows").iterdir()), ids=lambda file: file.name
)
def test_workflow_runs_targets_that_exist(file):
    jobs = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    called = [target for run in runs for target in re.findall(r"\bmake ([\w-]+)", run)]
    assert called or any("-m pytest" in run for run in runs)
    assert set(called) <= set(TARGETS)


def test_targets_that_contributing_names_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`make ([\w-]+)`", text)) <= set(TARGETS)


def test_pre_commit_has_the_pinned_ruff():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (ruff,) = [repo for repo in config["repos"] if "ruff" in repo["repo"]]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert f"ruff=={ruff['rev'].removeprefix('v')}" in pins


def test_links_between_notebooks_lead_to_notebooks():
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            for link in re.findall(r"\]\(([^)#:]+\.ipynb)", "".join(cell["source"])):
                assert (file.parent / link).exists(), (file.name, link)
