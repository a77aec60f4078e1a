"""The settings of the site. `make docs` builds it into build/docs."""

import base64
import importlib
import io
import json
import re
import shutil
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RECORDED = HERE / "_static" / "recorded"
sys.path[:0] = [str(HERE), str(ROOT)]

import folders  # noqa: E402
import recorded  # noqa: E402
from sphinx.util.nodes import make_refnode  # noqa: E402

import snnlab  # noqa: E402
from snnlab.explorers.toolkit import scripting  # noqa: E402
from tools import online  # noqa: E402

project = "snnlab"
author = "The snnlab authors"
copyright = author
release = snnlab.__version__
REF = online.ref()
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_nb",
]
exclude_patterns = ["_build"]
nitpicky = True

# The reference, from the docstrings.
default_role = "py:obj"
autosummary_generate = False
autodoc_typehints = "none"
autodoc_default_options = {"members": True}
numpydoc_show_class_members = False
maximum_signature_line_length = 88

# Pages in Markdown, and the notebooks with the outputs that they store.
myst_enable_extensions = ["attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"

# Comes with the site, which asks no other server for anything.
mathjax_path = "mathjax.js"
MATHJAX = metadata.distribution("sphinx-mathjax-offline").locate_file(
    "sphinx-mathjax-offline/static/mathjax/tex-svg.js"
)

html_theme = "pydata_sphinx_theme"
html_title = f"snnlab {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["playing.js", "live.js", "recorded.js"]
html_show_sourcelink = False
# These pages stand alone; beside the others their neighbours are listed.
ALONE = ("user_guide", "theory", "architecture", "what_converts", "benchmarks")
html_sidebars = dict.fromkeys((*ALONE, "contributing", "changelog"), ())
html_theme_options = {
    "github_url": URLS["Repository"],
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "show_toc_level": 2,
    "navigation_with_keys": False,
}


def copy_notebooks() -> None:
    """Copy the notebooks to where Sphinx looks for pages; a copy that is fresh stays as it is.

    In outputs that are HTML, links to notebooks become links to their pages.
    """
    pages = HERE / "notebooks"
    pages.mkdir(exist_ok=True)
    shutil.rmtree(RECORDED, ignore_errors=True)
    RECORDED.mkdir()
    written: dict[str, bool] = {}
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        content = json.loads(notebook.read_text(encoding="utf-8"))
        put_links(content["cells"][0], notebook.name)
        for number, cell in enumerate(content["cells"]):
            if alive := recorded.shown_in(cell, RECORDED, f"{notebook.stem[:2]}-{number}", written):
                put_alive(cell, alive)
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    words = output["metadata"].get("image/png", {}).get("alt")
                    alt = {"alt": words or "Figure drawn by the code above."}
                    cell["metadata"]["mystnb"] = {"image": alt}
                if "text/html" in output.get("data", {}):
                    shown = "".join(output["data"]["text/html"])
                    output["data"]["text/html"] = re.sub(
                        r'href="(\w+)\.ipynb"', r'href="\1.html"', shown
                    )
        text, copy = json.dumps(content), pages / notebook.name
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")


def packed_package() -> str:
    """Return a script that holds what runs explorers in the page: the package without its data."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(HERE / "live.py", "live.py")
        # The package asks snnlab_course which versions are installed.
        asked = [ROOT / "snnlab_course" / name for name in ("__init__.py", "distributions.py")]
        for file in [*sorted((ROOT / "snnlab").rglob("*")), *asked]:
            if file.suffix in (".py", ".js"):
                archive.write(file, file.relative_to(ROOT))
    return f"var snnlabPackage = '{base64.b64encode(packed.getvalue()).decode()}';\n"


def put_links(cell: dict[str, Any], notebook: str) -> None:
    """Put below the title of a page what opens its notebook elsewhere."""
    title, _, rest = "".join(cell["source"]).partition("\n")
    places = {"Binder": online.binder, "Colab": online.colab}
    links = [
        f"[Open in {place}]({link(notebook, REF)}){{.snnlab-launch}}"
        for place, link in places.items()
    ]
    cell["source"] = f"{title}\n\n{' '.join(links)}\n{rest}"


def put_alive(cell: dict[str, Any], alive: str) -> None:
    """Put what moves in the place of the picture and words that a cell stores.

    Of a prediction it stays folded, so that nobody sees the answer before the question.
    """
    shown = cell["outputs"][0]["data"]
    if "text/html" in shown:
        stored = "".join(shown["text/html"])
        shown["text/html"] = re.sub(
            r"<img [^>]*>(<p>.*</p>)?(?=</details>)", lambda _: alive, stored
        )
    else:
        cell["outputs"] = [cell["outputs"][0] | {"data": {"text/html": alive}, "metadata": {}}]


def complete_docstring(app, what, name, obj, options, lines) -> None:
    """Give what follows the last section of a docstring a heading, as numpydoc expects.

    The docstrings end with a source and an example without headings: they are read in notebooks
    too, where each line counts. "Derived here" leads to the derivation on the theory page, which
    therefore has to be there.
    """
    closed, section = [], ""
    derivation = f":ref:`Derived here <derivation-{name.rpartition('.')[2]}>`"
    for number, line in enumerate(lines):
        underline = lines[number + 1] if number + 1 < len(lines) else ""
        if underline and set(underline) == {"-"}:
            section = line
        elif section and line[:1].strip() and not lines[number - 1].strip():
            heading = "Examples" if line.startswith(">>>") else "Notes"
            if heading != section:
                closed += [heading, "-" * len(heading)]
                section = heading
        closed.append(line.replace("Derived here", derivation))
    lines[:] = closed


def add_short_names(app, env) -> None:
    """Let snnlab.convert lead to where snnlab.conversion.convert is described."""
    objects = env.domains["py"].objects
    described = {}
    for name in objects:
        folder, _, attribute = name.rpartition(".")
        if objects.get(folder, objects[name]).objtype == "module" and folder in objects:
            thing = getattr(importlib.import_module(folder), attribute)
            described[id(thing)] = objects[name]
    for short in snnlab.__all__:
        entry = described[id(getattr(snnlab, short))]
        objects[f"snnlab.{short}"] = entry._replace(aliased=True)


def link_or_code(app, env, node, contnode):
    """Link a word in single backticks to what snnlab has of this name; else leave it as code.

    All other references have to lead somewhere.
    """
    if node.get("refdomain") != "py" or node["reftype"] != "obj":
        return None
    found = env.domains["py"].objects.get(f"snnlab.{node['reftarget']}")
    if found is None:
        return contnode
    return make_refnode(app.builder, node["refdoc"], found.docname, found.node_id, contnode)


def setup(app) -> None:
    """Connect the functions above."""
    copy_notebooks()
    shutil.copyfile(str(MATHJAX), HERE / "_static" / "mathjax.js")
    (HERE / "_static" / "playing.js").write_text(scripting.source("playing"), encoding="utf-8")
    (HERE / "_static" / "package.js").write_text(packed_package(), encoding="utf-8")
    (HERE / "_static" / "folders.svg").write_text(folders.svg(), encoding="utf-8")
    app.connect("autodoc-process-docstring", complete_docstring, priority=400)
    app.connect("env-updated", add_short_names)
    app.connect("missing-reference", link_or_code)
