"""One learner: runs notebooks one after the other, and prints what each needed.

    python -m benchmarks.learner FOLDER NAME...

A process of its own that loads next to nothing, so that all memory but some MB is the kernel's.
"""

import json
import sys
import time
from datetime import datetime
from pathlib import Path

import nbformat
from nbclient import NotebookClient

CELL_SECONDS = 1000  # a cell that takes longer has failed, as in `make test`
NEEDED = """
import json, resource
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({
    "peak": int(status["VmHWM"].split()[0]) / 1024,
    "processor": sum(use.ru_utime + use.ru_stime for use in used),
}))
"""


def run(notebook: Path) -> dict[str, float | str]:
    """Run a notebook in a kernel; return seconds, and what the kernel needed in MB and seconds."""
    book = nbformat.read(notebook, as_version=4)
    book.cells.append(nbformat.v4.new_code_cell(NEEDED))
    where = {"metadata": {"path": str(notebook.parent)}}
    begin = time.monotonic()
    NotebookClient(book, timeout=CELL_SECONDS, resources=where).execute()
    seconds = time.monotonic() - begin
    slowest = max(lasted(cell) for cell in book.cells if "execution" in cell.metadata)
    needed = json.loads(book.cells[-1].outputs[0].text)
    return {"name": notebook.stem, "seconds": seconds, "slowest cell": slowest} | needed


def lasted(cell: nbformat.NotebookNode) -> float:
    """Return how many seconds a cell took."""
    stamps = cell.metadata.execution
    keys = ("iopub.execute_input", "shell.execute_reply")
    begin, end = (datetime.fromisoformat(stamps[key]) for key in keys)
    return (end - begin).total_seconds()


if __name__ == "__main__":
    print(json.dumps([run(Path(sys.argv[1], name)) for name in sys.argv[2:]]))
