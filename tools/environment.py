"""Make the environment `.venv`, or the pins in constraints.txt.

    python tools/environment.py lab     what `make lab` needs
    python tools/environment.py docs    the same and what builds the site
    python tools/environment.py test    the same and the test tools
    python tools/environment.py dev     the same and the linters
    python tools/environment.py pins    write constraints.txt anew

Only the standard library is used: this script runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CONSTRAINTS = ROOT / "constraints.txt"
# Each extra is installed with those before it, so a wider environment serves a narrower target.
EXTRAS = ("lab", "docs", "test", "dev")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 5
PYTHONS = ((3, 11), (3, 12), (3, 13))
# Debian 12 has Python 3.11.2, and newer ones need 3.11.5.
HELD = ("soupsieve<3",)
# They come with torch's build for graphics cards, which names their versions itself.
OF_GPU = ("cuda-", "nvidia-", "triton==")
HEADER = """\
# The exact versions that snnlab is tested with, of all packages of all its extras; where a version
# of Python or a system needs another, the marker says which. Used with `pip install -c`. Made by
# `make pins`; do not edit by hand, except the line of torch.
"""
WRONG_PYTHON = """\
snnlab is pinned and tested with Python 3.11, 3.12 and 3.13. This is Python {version}, {executable}.
Get one of them in one of these ways, then run the same command again:
  conda create -n py311 -c conda-forge python=3.11 && conda activate py311
  pyenv install 3.11 && pyenv local 3.11
  https://www.python.org/downloads/
If you have it under another name: make PYTHON=/path/to/python3.11
"""


def main() -> int:
    """Do what the command line says; return the exit status."""
    known = (*EXTRAS, "pins")
    if len(sys.argv) != 2 or sys.argv[1] not in known:
        print("usage: python tools/environment.py " + "|".join(known), file=sys.stderr)
        return 2
    if sys.version_info[:2] not in PYTHONS:
        version = ".".join(map(str, sys.version_info[:3]))
        print(WRONG_PYTHON.format(version=version, executable=sys.executable), file=sys.stderr)
        return 1
    try:
        if sys.argv[1] == "pins":
            write_pins()
        else:
            prepare(sys.argv[1])
    except KeyboardInterrupt:
        print("Interrupted. Run the same command to continue.", file=sys.stderr)
        return 130
    except subprocess.CalledProcessError as error:
        print("This step failed; the lines above say why: " + error.cmd, file=sys.stderr)
        return 1
    return 0


def prepare(extra: str) -> None:
    """Bring `.venv` up to date for one extra; do nothing if its stamp is fresh."""
    stamp, mark = stamp_of(extra), fingerprint()
    if stamp.exists() and stamp.read_text() == mark:
        return
    # An install that fails half-way may have changed anything, so no stamp outlives its start.
    for other in EXTRAS:
        stamp_of(other).unlink(missing_ok=True)
    make_venv(VENV)
    remove_namesake(VENV)
    wanted = EXTRAS[: EXTRAS.index(extra) + 1]
    print(
        f"Installing snnlab-course[{','.join(wanted)}] into .venv; minutes the first time.",
        flush=True,
    )
    options = ["-c", str(CONSTRAINTS), *index_options(VENV)]
    pip_install(VENV, *options, "-e", f"{ROOT}[{','.join(wanted)}]")
    for done in wanted:
        stamp_of(done).write_text(mark)
    print("The environment is ready.", flush=True)


def stamp_of(extra: str) -> Path:
    """Return the file that says an extra is installed."""
    return VENV / f"installed-{extra}"


def fingerprint() -> str:
    """Return a hash of all that decides what is in `.venv`.

    The path belongs to it: a copied or moved checkout would import the old one.
    """
    digest = hashlib.sha256(str(ROOT).encode())
    for file in (ROOT / "pyproject.toml", CONSTRAINTS):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def python_of(venv: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_venv(venv: Path) -> None:
    """Create a virtual environment, or complete one whose making was interrupted."""
    if usable(venv):
        return
    print(f"Creating {venv.name} ...", flush=True)
    subprocess.call([sys.executable, "-m", "venv", venv])
    if not usable(venv):
        print(
            f"{venv} is no working environment of Python 3.11 to 3.13. Remove it.", file=sys.stderr
        )
        raise subprocess.CalledProcessError(1, "python -m venv")


def usable(venv: Path) -> bool:
    """Tell whether a virtual environment has one of the versions of Python, and pip."""
    python = python_of(venv)
    test = f"import sys, pip; sys.exit(sys.version_info[:2] not in {PYTHONS})"
    return python.exists() and subprocess.call([python, "-c", test], stderr=subprocess.DEVNULL) == 0


def remove_namesake(venv: Path) -> None:
    """Uninstall the distribution `snnlab`: this project's old name, or another package."""
    found = [*venv.glob("lib/python*/site-packages/snnlab-*.dist-info")]
    if found or [*venv.glob("Lib/site-packages/snnlab-*.dist-info")]:
        command = [python_of(venv), "-m", "pip", "uninstall", "--yes", "--quiet", "snnlab"]
        subprocess.run(command, check=True)


def index_options(venv: Path) -> list[str]:
    """Return pip's options for a torch without the GPU libraries.

    On Linux the default torch brings gigabytes of them. Elsewhere it has none.
    """
    if not sys.platform.startswith("linux"):
        return []
    if any(venv.glob(f"lib/python*/site-packages/torch-{torch_pin()}*.dist-info")):
        return []
    if reachable(CPU_INDEX + "/torch/"):
        return ["--extra-index-url", CPU_INDEX]
    print("PyTorch's CPU index does not answer; torch comes from pip's own index.", flush=True)
    return []


def torch_pin() -> str:
    """Return the version of torch that constraints.txt names."""
    return re.search(r"(?m)^torch==(\S+)$", CONSTRAINTS.read_text()).group(1)


def reachable(url: str) -> bool:
    """Tell whether a page answers within a few seconds in all."""
    import http.client
    import threading
    import urllib.request

    answers = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as reply:
                answers.append(reply.status == 200)
        except (OSError, http.client.HTTPException):
            answers.append(False)

    # A look-up of the name knows no time limit, so the thread is left behind when time is up.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return answers == [True]


def pip_install(venv: Path, *arguments: str) -> None:
    """Run `pip install` and show only the large downloads."""
    command = [python_of(venv), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as pip:
        for line in pip.stdout:
            if " MB" in line and line.lstrip().startswith("Downloading"):
                print("  " + line.strip(), flush=True)
    if pip.returncode != 0:
        raise subprocess.CalledProcessError(pip.returncode, "pip install")


def write_pins() -> None:
    """Write down the newest versions that pyproject.toml admits, for all systems and Pythons.

    torch keeps its pin: the figures of the course were computed with it. To move it, edit its
    line in constraints.txt and run this again.
    """
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        venv, held = Path(folder) / "pins", Path(folder) / "held.txt"
        make_venv(venv)
        pip_install(venv, "uv")
        held.write_text("\n".join((f"torch=={torch_pin()}", *HELD)))
        uv = [python_of(venv), "-m", "uv", "pip", "compile", "--universal", "--all-extras"]
        uv += ["--quiet", "--no-header", "--no-annotate", "--constraints", held]
        uv += [ROOT / "pyproject.toml"]
        found = subprocess.run(uv, check=True, stdout=subprocess.PIPE, text=True).stdout
    pins = [line for line in found.splitlines(keepends=True) if not line.startswith(OF_GPU)]
    CONSTRAINTS.write_text(HEADER + "".join(pins))
    print(f"Wrote {len(pins)} pins to {CONSTRAINTS.name}.")


if __name__ == "__main__":
    sys.exit(main())
