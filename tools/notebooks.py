"""Run notebooks from a fresh kernel and store what they show.

    python tools/notebooks.py [notebooks/00_start_here.ipynb ...]

Widgets need their kernel, so of an explorer only its picture and its words are stored, and of a
prediction, or of questions to recall, what is asked and, folded, what it opens; without this a
reader who opens the notebook would see "model not found" in their place. The words of an explorer
are stored once more on their own, because viewers show only the picture of an output that has both.
"""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from docs import recorded  # noqa: E402

WIDGET = "application/vnd.jupyter.widget-view+json"


def main() -> int:
    """Run the notebooks named on the command line, or all."""
    os.environ["SNNLAB_PROGRESS"] = "off"  # what is stored knows of no learner
    files = [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("*.ipynb"))
    for file in files:
        print(f"running {file.name} ...", flush=True)
        notebook = nbformat.read(file, as_version=4)
        folder = {"metadata": {"path": str(file.parent)}}
        run(NotebookClient(notebook, resources=folder, store_widget_state=False), file.stem[:2])
        clean(notebook)
        nbformat.write(notebook, file)
    return 0


def run(client: NotebookClient, notebook: str) -> None:
    """Run all cells, and ask each question for what it opens as soon as its cell has run.

    Later cells may change what it is made of. What explorers of networks show is recorded for the
    site.
    """
    for old in recorded.KEPT.glob(f"{notebook}-*"):
        old.unlink()
    client.reset_execution_trackers()
    code = [n for n, cell in enumerate(client.nb.cells) if cell.cell_type == "code"]
    with client.setup_kernel():
        for count, index in enumerate(code, 1):
            cell = client.execute_cell(client.nb.cells[index], index, execution_count=count)
            for output in cell.outputs:
                place = f"{notebook}-{index}"
                if is_question(output):
                    kept = keeping(cell.source, f"Out[{count}]._opens(None)", place)
                    html = ask(client, f"[{kept}, Out[{count}].folded()][1]")
                    output.data["text/html"] += str(html)
                elif WIDGET in output.get("data", {}) and "image/png" in output.data:
                    ask(client, f"[{keeping(cell.source, f'Out[{count}]', place)}, 0][1]")


def ask(client: NotebookClient, source: str) -> object:
    """Return what a line of Python gives in the kernel."""
    client.nb.cells.append(nbformat.v4.new_code_cell(source))
    cell = client.execute_cell(client.nb.cells[-1], len(client.nb.cells) - 1, store_history=False)
    client.nb.cells.pop()
    (text,) = (o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result")
    return ast.literal_eval(text)


def keeping(cell: str, thing: str, place: str) -> str:
    """Return Python that records an explorer, if the site cannot make it without a network."""
    if "explorers." not in cell or recorded.explorers_of(cell):
        return "None"
    path = f"__import__('sys').path.insert(0, {str(ROOT)!r})"
    return f"{path} or __import__('docs.recorded', fromlist=['']).keep({thing}, {place!r})"


def is_question(output: nbformat.NotebookNode) -> bool:
    """Return whether an output is that of a prediction, or of questions to recall."""
    return {WIDGET, "text/html"} <= set(output.get("data", {}))


def clean(notebook: nbformat.NotebookNode) -> None:
    """Take out of the stored outputs what only this run could know or show."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        kept = []
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            is_widget, is_explorer = WIDGET in shown, "image/png" in shown
            keeps_words = is_explorer or is_question(output)
            shown.pop(WIDGET, None)
            if not is_widget or keeps_words:  # otherwise a progress bar
                kept.append(output)
            if is_widget and is_explorer:
                words = {"text/plain": shown["text/plain"]}
                kept.append(nbformat.v4.new_output("display_data", words))
        if "outputs" in cell:
            cell.outputs = kept


if __name__ == "__main__":
    sys.exit(main())
