"""Pack the course for those who have no git: python tools/course_zip.py [FILE].

The learner's copies of the notebooks, the licence, and how to begin. Equal sources give equal
bytes.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from snnlab_course import copies  # noqa: E402
from tools import online  # noqa: E402

HOW = """\
snnlab {version}: how a trained neural network becomes a spiking one

These are the notebooks of the course. They need Python 3.11, 3.12 or 3.13, and the package
that they import. In this folder, type:

    python -m venv course
    . course/bin/activate          on Windows: course\\Scripts\\activate
    pip install "snnlab-course[lab]=={version}" --extra-index-url https://download.pytorch.org/whl/cpu
    snnlab lab notebooks

JupyterLab opens on the first notebook. Nothing is sent anywhere. Here the course is kept:

    {address}
"""


def main() -> int:
    """Write the file, by default into build/."""
    name = f"snnlab-course-{online.version()}"
    file = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / f"{name}.zip"
    file.parent.mkdir(parents=True, exist_ok=True)
    pack(file, name)
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    return 0


def pack(file: Path, name: str) -> None:
    """Write the zip, in which all stands in one folder."""
    address = f"https://github.com/{online.REPOSITORY}"
    content = {
        "README.txt": HOW.format(version=online.version(), address=address),
        "LICENSE.txt": (ROOT / "LICENSE").read_text(encoding="utf-8"),
    }
    with tempfile.TemporaryDirectory() as folder:
        copies.write(Path(folder))
        for copy in sorted(Path(folder).iterdir()):
            content[f"notebooks/{copy.name}"] = copy.read_text(encoding="utf-8")
    with zipfile.ZipFile(file, "w") as archive:
        for place, text in content.items():
            # With a time of its own, and compressed in the same way everywhere.
            entry = zipfile.ZipInfo(f"{name}/{place}")
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, text, compresslevel=9)


if __name__ == "__main__":
    sys.exit(main())
