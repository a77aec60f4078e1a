"""Networks trained as spiking ones, each beside the converted network of the same shape.

    python -m benchmarks gallery [IDEA ...]

Accuracy on the 360 test images of the digits, steps, synaptic additions an image as
`snnlab.operations` counts them, and seconds of processor time for the training; medians over the
seeds. An idea is one function in one of the files named `gallery_`, from the images and a seed to
what was measured.
"""

import statistics

import torch

from benchmarks import gallery_gradients
from benchmarks.gallery_rows import Idea, Measured, converted
from snnlab.data import Images, load_digits

SEEDS = (0, 1, 2)
IDEAS: dict[str, Idea] = {
    **gallery_gradients.IDEAS,
}
HEADER = (
    *("idea", "% right", "steps", "additions", "s"),
    *("converted: % right", "additions", "s", "published", "known from"),
)


def measure(*wanted: str) -> None:
    """Measure ideas by name, all of them if none is named, and print the table."""
    if not set(wanted) <= {*IDEAS}:
        raise SystemExit(f"usage: python -m benchmarks gallery [{'|'.join(IDEAS)}]")
    torch.set_num_threads(1)
    data = load_digits()
    print(f"| {' | '.join(HEADER)} |\n{'|---' * len(HEADER)}|")
    for name in wanted or IDEAS:
        print(row(name, IDEAS[name], data), flush=True)


def row(name: str, idea: Idea, data: Images) -> str:
    """Return the row of an idea in Markdown, medians over the seeds."""
    own = [idea.measure(data, seed) for seed in SEEDS]
    steps = round(statistics.median(measured.steps for measured in own))
    right, additions, seconds = shown(own)
    beside = ["", "", ""]
    if idea.ann:
        beside = shown([converted(idea.ann, steps, seed) for seed in SEEDS])
    cells = [name, right, str(steps), additions, seconds, *beside, idea.published, idea.known]
    return f"| {' | '.join(cells)} |"


def shown(several: list[Measured]) -> list[str]:
    """Return the cells of a network, medians over its trainings."""

    def middle(field: str) -> float:
        return statistics.median(getattr(measured, field) for measured in several)

    right = f"{100 * middle('accuracy'):.2f}"
    return [right, f"{middle('additions'):,.0f}", f"{middle('seconds'):.1f}"]
