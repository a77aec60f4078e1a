"""Where in a model something happens: the path of a module, and the line of the user's file."""

import linecache
import os
import sys
import traceback
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

from snnlab.graph.operations import name_of

_TORCH = str(Path(torch.__file__).parent) + os.sep
_HERE = str(Path(__file__).parent) + os.sep
_INSTALLED = ("site-packages", "dist-packages")
_EINOPS = f"{os.sep}einops{os.sep}"
_CELL = f"{os.sep}ipykernel_"  # where a notebook pretends that its cells are
_GENERATED = "<eval_with_key>"  # the code of an fx.GraphModule
_CALL = nn.Module._call_impl.__code__


def origin(paths: dict[int, str], until: CodeType) -> dict[str, Any]:
    """Return the path of the module that runs, its class if torch's own, and the lines.

    `paths` has the names of modules by their id; `until` is the code from where the model is run.
    """
    scope, own, ours, steps = None, None, True, []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not until:
        file = frame.f_code.co_filename
        if frame.f_code is _CALL:
            module = frame.f_locals["self"]
            path = paths.get(id(module))
            own = type(module).__name__ if ours and path is not None else own
            scope, ours = path if scope is None else scope, False
        elif file.startswith(_GENERATED):
            ours = False
        elif not file.startswith((_TORCH, _HERE)):
            ours = False
            steps.append((file, frame.f_lineno))
        frame = frame.f_back
    return {"scope": scope or "", "own": own, "steps": steps}


def place(origin: dict[str, Any], name: str) -> str:
    """Return 'layer 'block.conv1' (Conv2d), line 3 of model.py (`...`)'."""
    name = origin["own"] or name_of(name)
    layer = f"layer {origin['scope']!r} ({name})" if origin["scope"] else f"{name!r}"
    return layer + line_of(origin["steps"])


def line_of(steps: list[tuple[str, int]]) -> str:
    """Return ', line 12 of model.py (`x = sigmoid(x)`)', or ''; the innermost step comes first.

    It is the innermost line of the user's own, else that of an installed model.
    """
    steps = [step for step in steps if _EINOPS not in step[0]]
    users = [step for step in steps if not any(folder in step[0] for folder in _INSTALLED)]
    found = users or steps
    if not found:
        return ""
    file, number = found[0]
    source = linecache.getline(file, number).strip()
    name = "the cell" if _CELL in file else Path(file).name
    return f", line {number} of {name}" + (f" (`{source}`)" if source else "")


def line_of_error(error: Exception) -> str:
    """Return ', line 12 of model.py (`x = sigmoid(x)`)' of where an error was raised."""
    steps = [
        (step.filename, step.lineno or 0)
        for step in reversed(traceback.extract_tb(error.__traceback__))
        if not step.filename.startswith((_TORCH, _HERE, _GENERATED))
    ]
    return line_of(steps)
