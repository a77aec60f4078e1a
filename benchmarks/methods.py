"""Conversion methods side by side: accuracy and operations on several networks.

    python -m benchmarks methods                         every method, hours
    python -m benchmarks methods digits_resnet20         on one of the networks, minutes
    python -m benchmarks methods CIFAR.npz               also on CIFAR-10's test images
    python -m benchmarks deep [digits-110 ...] [CIFAR.npz]
                                       those for deep networks, up to 64 steps, three trainings each

The methods are those of `snnlab.comparison.METHODS`. What is done is kept in `build/methods`, so
that an interrupted run goes on where it was, and tables are made of it in seconds. `methods` writes
all rows into `build/methods/NAME.csv`, and draws `NAME.svg`.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")

import joblib
import pandas as pd

import snnlab as sl
from benchmarks.subjects import FOLDER, NETWORKS
from snnlab import plots

STEPS = (1, 2, 4, 8, 16, 32)
DEEP_STEPS = (2, 4, 8, 16, 32, 64)
DEEP = (
    "maximum (OPI)",
    "99.9 %",
    "99.9 % per channel",
    "tuned per channel",
    "per channel, bias corrected",
    "per channel, potential corrected",
    "signed",
    "signed, per channel, bias corrected",
    "analog shortcut",
    "analog shortcut, per channel, potential corrected",
    "analog shortcut, signed, per channel, bias corrected",
)
# What papers print for the same task, without those figures that were known from memory only.
PUBLISHED = Path(__file__).with_name("published.csv")
# Three trainings of the same network: medians are printed.
REPEATED = tuple(name for name, (_, _, seeds) in NETWORKS.items() if len(seeds) > 1)


def measure(*wanted: str) -> None:
    """Measure all methods on the networks that are wanted, and print the tables."""
    for name, file in chosen(wanted, [name for name in NETWORKS if name not in REPEATED]):
        table = rows(name, file, None, STEPS)
        table.to_csv(FOLDER / f"{name}.csv", index=False, float_format="%.6g")
        plots.accuracy_over_additions(table).figure.savefig(FOLDER / f"{name}.svg")
        print(in_markdown(name, table), beside_published(name, table), sep="\n", flush=True)


def measure_deep(*wanted: str) -> None:
    """Measure what serves deep networks, and print the tables."""
    for name, file in chosen(wanted, [*REPEATED, "cifar10_resnet20"]):
        print(in_markdown(name, rows(name, file, DEEP, DEEP_STEPS)), flush=True)


def chosen(wanted: Sequence[str], usual: list[str]) -> list[tuple[str, str | None]]:
    """Return the names of networks, each with the file of CIFAR-10 if one was given."""
    file = next((word for word in wanted if word.endswith(".npz")), None)
    named = set(wanted) - {file}
    if not named <= {*NETWORKS}:
        raise SystemExit(f"usage: python -m benchmarks methods [{'|'.join(NETWORKS)}] [CIFAR.npz]")
    usual = [name for name in usual if file or not name.startswith("cifar")]
    FOLDER.mkdir(parents=True, exist_ok=True)
    return [(name, file) for name in NETWORKS if name in (named or usual)]


def rows(
    name: str, file: str | None, methods: Sequence[str] | None, steps: Sequence[int]
) -> pd.DataFrame:
    """Return the results of each training of a network."""
    load, which, seeds = NETWORKS[name]
    found = []
    for seed in seeds:
        subject = load(which, seed, file)
        with joblib.parallel_config(n_jobs=2):
            table = sl.compare(
                *(subject.model, subject.x_cal, subject.x, subject.y),
                y_cal=subject.y_cal,
                methods=methods,
                timesteps=steps,
                cache=FOLDER / "kept",
            )
        found.append(table.assign(network=name, seed=seed))
    return pd.concat(found, ignore_index=True)


def in_markdown(name: str, table: Any) -> str:
    """Return percent right and million additions of each method, medians over the trainings."""
    steps = sorted(set(table.timesteps))
    lines = [
        f"\n**{name}**: ANN {100 * statistics.median(table.ann):.2f} %\n",
        f"| steps | {' | '.join(map(str, steps))} | s |",
        "|---" * (len(steps) + 2) + "|",
    ]
    for method, mine in table.groupby("method", sort=False):
        here = [mine[mine.timesteps == t] for t in steps]
        cells = [
            f"{100 * r.accuracy.median():.2f} ({r.additions.median() / 1e6:.1f})" for r in here
        ]
        lines.append(f"| {method} | {' | '.join(cells)} | {mine.seconds.median():.1f} |")
    return "\n".join(lines)


def beside_published(name: str, table: pd.DataFrame) -> str:
    """Return percent right here and as published, for the methods of which a paper says it.

    Networks of the same name differ, and so do trainings: compare each with its own ANN.
    """
    theirs = pd.read_csv(PUBLISHED)
    theirs = theirs[theirs.network == name]
    if theirs.empty:
        return ""
    steps = sorted(set(theirs.timesteps))
    lines = [
        f"\n| method | | ANN | {' | '.join(map(str, steps))} | known from |",
        "|---" * (len(steps) + 4) + "|",
    ]

    def line(*beginning: str, rows: pd.DataFrame, known: str) -> None:
        right = dict(zip(rows.timesteps, rows.accuracy, strict=True))
        values = [rows.ann.iloc[0], *(right.get(t, float("nan")) for t in steps)]
        cells = ["" if value != value else f"{value:.2f}" for value in values]
        lines.append(f"| {' | '.join([*beginning, *cells, known])} |")

    for method, published in theirs.groupby("method", sort=False):
        mine = table[table.method == method]
        percent = mine.assign(ann=100 * mine.ann, accuracy=100 * mine.accuracy)
        line(method, "here", rows=percent, known="measured")
        for (paper, net, known), rows in published.groupby(["paper", "net", "known"], sort=False):
            line("", f"{paper}, {net}", rows=rows, known=known)
    return "\n".join(lines)
