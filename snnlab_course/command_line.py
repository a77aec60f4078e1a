"""The command `snnlab`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from snnlab_course import collecting, copies, doctor, lab
from snnlab_course.problems import CommandError

_FOLDER = Path("snnlab-notebooks")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status: 0, or 1 if something is wrong.

    A usage that cannot be understood ends with 2, as is usual.
    """
    given = _parser().parse_args(arguments)
    try:
        return int(given.run(given))
    except CommandError as problem:
        print(f"snnlab {given.command}: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="snnlab",
        description="The course snnlab: how a trained network becomes a spiking one.",
        epilog="'snnlab COMMAND --help' says more of each.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_lab(commands)
    _add_notebooks(commands)
    _add_collect(commands)
    _add_doctor(commands)
    return parser


def _add_lab(commands: argparse._SubParsersAction) -> None:
    words = "copy the notebooks into a folder and open JupyterLab there"
    sub = commands.add_parser(
        "lab",
        help=words,
        description=f"{words.capitalize()}. Notebooks that are in the folder already stay as they "
        "are, so this is also how you go on. JupyterLab is started with settings that make the "
        "sliders quick and ask nothing about news.",
    )
    sub.add_argument("folder", nargs="?", type=Path, default=_FOLDER, metavar="DIR")
    sub.set_defaults(run=lambda given: lab.open_lab(given.folder))


def _add_notebooks(commands: argparse._SubParsersAction) -> None:
    words = "write copies of the notebooks into a folder"
    sub = commands.add_parser(
        "notebooks",
        help=words,
        description=f"{words.capitalize()}. A notebook that is there already is left as it is. "
        "The copies keep the stored pictures, so that they can be read before anything runs.",
    )
    sub.add_argument("folder", type=Path, metavar="DIR")
    sub.add_argument(
        "--instructor", action="store_true", help="with the solutions of the exercises filled in"
    )
    who = sub.add_mutually_exclusive_group()
    who.add_argument(
        "--learner",
        metavar="NAME",
        help="a mystery neuron and patients of this learner's own; the same name, the same ones",
    )
    who.add_argument("--seed", type=_seed, metavar="N", help="the same by a number")
    sub.set_defaults(run=_notebooks)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 0 or more")
    return int(text)


def _notebooks(given: argparse.Namespace) -> int:
    owner = None
    if given.learner is not None:
        owner = copies.Owner.named(given.learner)
    elif given.seed is not None:
        owner = copies.Owner(given.seed)
    done = copies.write(given.folder, owner=owner, instructor=given.instructor)
    for name in done.left:
        print(f"{name}: is there already, left as it is")
    print(
        f"{len(done.written)} of {len(done.written) + len(done.left)} notebooks written to ", end=""
    )
    print(f"{given.folder}" + (f", with seed {owner.seed}" if owner else ""))
    return 0


def _add_collect(commands: argparse._SubParsersAction) -> None:
    words = "make a table of the learners' progress files"
    sub = commands.add_parser(
        "collect",
        help=words,
        description=f"{words.capitalize()}. DIR holds what they handed in: files named "
        "snnlab_progress.json, each in a folder with the learner's name, or files named "
        "NAME.json or NAME_snnlab_progress.json.",
        epilog="The column 'by hand' says whether a file was changed other than by the notebooks. "
        "It finds slips and idle edits. It proves nothing against somebody who reads the code of "
        "this package: whoever can run the course can also compute the seal of a file. So do not "
        "grade by it; ask the learner to explain an answer.",
    )
    sub.add_argument("folder", type=Path, metavar="DIR")
    sub.add_argument("--csv", type=Path, metavar="FILE", help="write the table into this file too")
    sub.set_defaults(run=lambda given: collecting.collect(given.folder, given.csv))


def _add_doctor(commands: argparse._SubParsersAction) -> None:
    words = "say what is installed, what is missing, and how to get it"
    sub = commands.add_parser(
        "doctor",
        help=words,
        description=f"{words.capitalize()}. Ends with status 1 if the notebooks would not run.",
    )
    sub.add_argument(
        "--smoke", action="store_true", help="also convert and simulate a small network"
    )
    sub.set_defaults(run=lambda given: doctor.examine(smoke=given.smoke))
