"""JupyterLab on copies of the notebooks, with the course's settings."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from snnlab_course import copies, places
from snnlab_course.problems import CommandError


def open_lab(folder: Path) -> int:
    """Copy the notebooks into a folder, open JupyterLab on the first, and return its exit status.

    Raises
    ------
    CommandError
        If JupyterLab is not installed, or the notebooks cannot be written.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise CommandError(
            "JupyterLab is not installed, expected it with the extra lab. Write: "
            'pip install "snnlab-course[lab]"'
        )
    done = copies.write(folder)
    kept = f", {len(done.left)} were there already" if done.left else ""
    print(f"{len(done.written)} notebooks written to {folder}{kept}", flush=True)
    command = [sys.executable, "-m", "jupyterlab", *_flags(), str(folder / _first())]
    return subprocess.call(command, env=environment())


def environment() -> dict[str, str]:
    """Return the environment that JupyterLab is started in.

    `JUPYTER_CONFIG_PATH` leads to the settings for quick sliders. Threads of torch wait without
    spinning, because beside one other busy program they would take many times as long.
    """
    found = [str(places.jupyter_settings()), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    own = {"JUPYTER_CONFIG_PATH": os.pathsep.join(found)}
    return {"OMP_WAIT_POLICY": "PASSIVE"} | os.environ | own


def _flags() -> list[str]:
    """Return what Jupyter asks of root, who is the normal user in a container."""
    return ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []


def _first() -> str:
    return places.notebooks()[0].name
