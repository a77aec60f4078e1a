"""Write what opens the course in a browser: a list in README, and Colab's lines in the notebooks.

    python tools/online.py           # while the project is worked on
    python tools/online.py v0.2.0    # for a release: all links lead to its tag, and stay

The address of the repository stands in pyproject.toml, the version in snnlab/__init__.py. What is
written before is replaced, so this can be run at any time.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BRANCH = "main"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = _PROJECT["urls"]["Repository"].removeprefix("https://github.com/")
BEGIN, END = "<!-- written by tools/online.py -->", "<!-- until here -->"
# Colab has all that the course needs but the course itself. What it has keeps its version: named
# as constraints, it makes pip look for what fits, and refuse what does not.
COLAB = """\
import sys

if "google.colab" in sys.modules:  # elsewhere the course is installed already
    get_ipython().system("pip list --format=freeze > /tmp/colab.txt")
    get_ipython().system('pip install -q -c /tmp/colab.txt "{requirement}"')

"""


def main() -> int:
    """Write README and all notebooks."""
    where = sys.argv[1] if sys.argv[1:] else BRANCH
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(with_list(text, where), encoding="utf-8")
    for file in NOTEBOOKS:
        text = file.read_text(encoding="utf-8")
        new = with_colab(text)
        if new != text:
            file.write_text(new, encoding="utf-8")
            print(f"{file.name}: written")
    return 0


def ref() -> str:
    """Return the tag of this checkout if it is a release, else the branch that is worked on."""
    command = ["git", "tag", "--points-at", "HEAD"]
    try:
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    except FileNotFoundError:
        told = ""
    tags = [tag for tag in told.split() if re.fullmatch(r"v\d+(\.\d+)+", tag)]
    return tags[-1] if tags else BRANCH


def version() -> str:
    """Return the version of the package, which is not imported for that."""
    source = (ROOT / "snnlab" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'(?m)^__version__ = "(.*)"$', source)[1]


# --- links -----------------------------------------------------------------------------------


def binder(notebook: str, where: str) -> str:
    """Return the address that opens a notebook on Binder."""
    return f"https://mybinder.org/v2/gh/{REPOSITORY}/{where}?labpath=notebooks/{notebook}"


def colab(notebook: str, where: str) -> str:
    """Return the address that opens a notebook in Colab."""
    return (
        f"https://colab.research.google.com/github/{REPOSITORY}/blob/{where}/notebooks/{notebook}"
    )


def with_list(readme: str, where: str) -> str:
    """Return README with the list of links, in the place of the one that it has."""
    lines = [
        f"{place}: " + " · ".join(f"[{f.stem[:2]}]({link(f.name, where)})" for f in NOTEBOOKS)
        for place, link in (("Binder", binder), ("Colab", colab))
    ]
    listed = f"{BEGIN}\n- {lines[0]}\n- {lines[1]}\n{END}"
    before, _, rest = readme.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"README.md: found no {BEGIN} and {END}, expected them around the list.")
    return before + listed + after


# --- Colab -----------------------------------------------------------------------------------


def requirement(source: str) -> str:
    """Return what a notebook needs of the course, from the code of its first cell."""
    extras = "course,brian" if re.search(r"(?m)^from brian2 import", source) else "course"
    return f"{_PROJECT['name']}[{extras}]=={version()}"


def with_colab(text: str) -> str:
    """Return a notebook whose first code cell begins with what Colab needs; nothing else changes.

    That cell is folded, and begins with the imports.
    """
    book = json.loads(text)
    cell = next(cell for cell in book["cells"] if cell["cell_type"] == "code")
    before = "".join(cell["source"])
    written = re.escape(COLAB).replace(re.escape("{requirement}"), r"[\w\[\],=.-]+")
    source = re.sub(f"^{written}", "", before)
    source = COLAB.format(requirement=requirement(source)) + source
    if source == before:
        return text
    as_lines = isinstance(cell["source"], list)
    cell["source"] = source.splitlines(keepends=True) if as_lines else source
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
