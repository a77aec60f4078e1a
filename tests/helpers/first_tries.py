"""What stands in the exercises of a notebook before the learner has changed it."""

import json
import re
from pathlib import Path

import numpy as np

from snnlab import course

NOTEBOOKS = Path(__file__).parent.parent.parent / "notebooks"


def first_tries(notebook):
    """Return the functions that wait in the cells of a notebook, by the number of the exercise."""
    (file,) = NOTEBOOKS.glob(f"{notebook}_*.ipynb")
    found = {}
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if asked := re.search(r'course\.check\("(\d+\.\d+)", (\w+)\)', source):
            names = {"np": np, "course": course}
            exec(source, names)
            found[asked[1]] = names[asked[2]]
    return found
