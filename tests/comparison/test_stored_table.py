"""The stored tables of methods: made anew in part, and beside what papers print."""

from pathlib import Path

import pandas as pd
import pytest

import snnlab as sl
from benchmarks import methods
from benchmarks.subjects import packaged

STORED = (Path(methods.__file__).parent / "README.md").read_text(encoding="utf-8")
STEPS = (1, 2, 4, 8)
ONE_IMAGE = 100 / 360


def stored(network: str, method: str) -> list[tuple[float, float]]:
    """Return percent right and million additions, as the table of a network has them."""
    table = STORED.split("## Every method")[1].split(f"**{network}**")[1].split("\n\n")[1]
    (row,) = (line for line in table.split("\n") if line.startswith(f"| {method} |"))
    cells = row.split("|")[2:-2]
    return [tuple(map(float, cell.strip(" )").split(" ("))) for cell in cells]


@pytest.mark.slow
def test_two_rows_of_the_table_are_found_again():
    subject = packaged("digits_resnet20", 0, None)
    names = ["99.9 %", "per channel, potential corrected"]
    data = subject.x_cal, subject.x, subject.y
    table = sl.compare(subject.model, *data, methods=names, timesteps=STEPS)
    for name in names:
        mine = table[table.method == name]
        expected = stored("digits_resnet20", name)[: len(STEPS)]
        for row, (right, additions) in zip(mine.itertuples(), expected, strict=True):
            # Another machine may round a sum at the threshold otherwise.
            assert 100 * row.accuracy == pytest.approx(right, abs=ONE_IMAGE + 0.01)
            assert row.additions / 1e6 == pytest.approx(additions, abs=0.06)


def test_what_papers_print_stands_below_what_was_measured():
    table = pd.DataFrame(
        {"method": "QCFS", "timesteps": [2, 4], "accuracy": [0.5, 0.75], "ann": 0.8}
    )
    others = pd.read_csv(methods.PUBLISHED)
    ours = [table.assign(method=name) for name in others.method.unique()]
    lines = methods.beside_published("cifar10_resnet20", pd.concat(ours)).split("\n")
    here = lines.index(next(line for line in lines if line.startswith("| QCFS | here")))
    assert lines[here] == "| QCFS | here | 80.00 | 50.00 | 75.00 |  |  |  | measured |"
    assert lines[here + 1] == (
        "|  | Bu 2022, ResNet-20 | 91.77 | 73.20 | 83.75 | 89.55 | 91.62 | 92.24 | paper |"
    )
    assert methods.beside_published("mnist_mlp", table) == ""


def test_published_figures_are_of_methods_and_networks_that_are_measured():
    others = pd.read_csv(methods.PUBLISHED)
    assert {*others.method} <= {*sl.comparison.METHODS}
    assert {*others.network} <= {*methods.NETWORKS}
    assert others.accuracy.between(50, 100).all()
    assert {*others.known} == {"paper", "abstract", "authors' page", "table of QCFS"}
