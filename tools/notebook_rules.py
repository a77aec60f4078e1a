"""Say how long a notebook takes, and which rules of the course it breaks.

    python tools/notebook_rules.py [notebooks/00_start_here.ipynb ...]

Minutes are computed: a minute for 150 words of Markdown, 0.6 for a stored picture, 1.5 for a
prediction, 5 for an exercise, more for some that have to be worked out by hand, and 1.5 for a list
of things to try. What stands under a heading that ends with "(further)" is not needed by anything
later, and does not count; its heading states its minutes on their own. A line across the page
ends it.
"""

from __future__ import annotations

import html
import itertools
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_MINUTES, MOST_WORDS, MOST_IN_A_PARAGRAPH, MOST_TABLES = 45, 2_300, 60, 3
TOLERANCE, TOLERANCE_MORE = 3, 1
EXERCISE = 5
# Exercises that have to be worked out by hand or by trial, and take longer.
LONG = {"1.7": 25, "3.4": 8, "4.1": 10, "5.5": 8}

HEADING = re.compile(r"(?m)^(?:(#+) (.*)|---)$")
MINUTES = re.compile(r"<sub>minutes (\d+) to (\d+)</sub>")
MORE = re.compile(r"<sub>(\d+) minutes? more</sub>")
PROMPT = re.compile(r"\*\*Predict (\d+\.\d+)\.")
ASKED = re.compile(r"Predict (\d+\.\d+): (.*)\? Run the notebook to commit\.", re.S)
DETAILS = re.compile(r"<details>(?:(?!<details>).)*?</details>", re.S)


@dataclass
class Piece:
    """A part of a cell that lies in one section: text, or code with its outputs."""

    cell: dict
    text: str = ""

    @property
    def is_code(self) -> bool:
        """Return whether it is a cell of code."""
        return self.cell["cell_type"] == "code"

    @property
    def source(self) -> str:
        """Return the code of the cell."""
        return "".join(self.cell["source"])

    @property
    def outputs(self) -> list[dict]:
        """Return what is stored below a cell of code."""
        return self.cell.get("outputs", [])

    @property
    def folded(self) -> bool:
        """Return whether its code is closed, in JupyterLab and on the site."""
        metadata = self.cell["metadata"]
        hidden = metadata.get("jupyter", {}).get("source_hidden", False)
        return bool(hidden and "hide-input" in metadata.get("tags", []))


@dataclass
class Section:
    """A heading and what follows, up to the next one."""

    heading: str = ""
    further: bool = False
    pieces: list[Piece] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Return the heading without its minutes."""
        return re.sub(r"\s*<sub>.*", "", self.heading)

    @property
    def text(self) -> str:
        """Return all its Markdown."""
        return "\n\n".join(piece.text for piece in self.pieces if not piece.is_code)

    @property
    def checked(self) -> set[str]:
        """Return the numbers of the exercises that `course.check` checks."""
        code = "\n".join(piece.source for piece in self.pieces if piece.is_code)
        return set(re.findall(r"course\.check\(\s*\"([^\"]+)\"", code))

    @property
    def minutes(self) -> float:
        """Return how long it takes on the main track."""
        return 0.0 if self.further else self.work

    @property
    def work(self) -> float:
        """Return how long it takes."""
        pictures = sum("image/png" in o.get("data", {}) for _, o in outputs([self]))
        exercises = set(re.findall(r"\*\*Exercise (\d+\.\d+)\.", self.text)) | self.checked
        asked = [ASKED.match(plain(output)) for _, output in outputs([self])]
        stored = [found[1] for found in asked if found]
        predictions = len(stored) + len(set(PROMPT.findall(self.text)) - set(stored))
        tries = len(re.findall(r"\*\*Try \d+\.\d+", self.text))
        return (
            words(self.text) / 150
            + 0.6 * pictures
            + 1.5 * predictions
            + sum(LONG.get(number, EXERCISE) for number in exercises)
            + 1.5 * tries
        )


def load(file: Path) -> list[Section]:
    """Return the sections of a notebook; the first one is what stands before all headings."""
    sections, level_of_further = [Section()], 0
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "markdown":
            sections[-1].pieces.append(Piece(cell))
            continue
        source = re.sub(r"(?ms)^```.*?^```", _without_headings, "".join(cell["source"]))
        ends = [*HEADING.finditer(source)]
        starts = [0, *(found.start() for found in ends), len(source)]
        for number, (start, end) in enumerate(itertools.pairwise(starts)):
            if number:
                marks, heading = ends[number - 1].groups("")
                marks = marks or "##"  # a line across the page
                level = len(marks)
                further = re.sub(r"\s*<sub>.*", "", heading).endswith("(further)")
                if further and not level_of_further:
                    level_of_further = level
                elif not further and level <= level_of_further:
                    level_of_further = 0
                if level == 2 or bool(level_of_further) != sections[-1].further:
                    sections.append(Section(heading, bool(level_of_further)))
            if source[start:end].strip():
                sections[-1].pieces.append(Piece(cell, source[start:end]))
    return sections


def outputs(sections: list[Section]) -> list[tuple[Piece, dict]]:
    """Return all stored outputs with the cells that they belong to."""
    return [(piece, o) for section in sections for piece in section.pieces for o in piece.outputs]


def plain(output: dict) -> str:
    """Return the plain text of an output."""
    return "".join(output.get("data", {}).get("text/plain", output.get("text", "")))


def prose(text: str) -> str:
    """Return Markdown without code, formulas and tags."""
    text = re.sub(r"(?ms)^```.*?^```", " ", text)
    text = re.sub(r"(?s)\$\$.*?\$\$|(?<![\\$])\$(?:[^$\n]|\n(?!\n))+?\$", " ", text)
    return re.sub(r"<[/a-zA-Z][^>]*>", " ", text)


def words(text: str) -> int:
    """Return the number of words of Markdown; what has no letter or digit is none."""
    return len(re.findall(r"\S*\w\S*", prose(text)))


def paragraphs(text: str) -> list[str]:
    """Return blocks between blank lines, and the items of lists, without headings and tables."""
    text = re.sub(r"(?m)^> ?", "", prose(text))
    text = re.sub(r"(?m)^(#+ .*|\|.*)$", "\n", text)
    text = re.sub(r"(?m)^\s*(?:[-*]|\d+\.) ", "\n\n", text)
    return [block for block in re.split(r"\n\s*\n", text) if block.strip()]


def minutes(sections: list[Section]) -> float:
    """Return how long a notebook takes."""
    return sum(section.minutes for section in sections)


def stated(sections: list[Section]) -> int | None:
    """Return the minutes that the first cell states."""
    found = re.search(r"\*\*(\d+) minutes\.\*\*", sections[0].text)
    return int(found[1]) if found else None


def in_readme(file: Path) -> int | None:
    """Return the minutes that the table of README.md states for a notebook."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"\(notebooks/{file.name}\) \| (\d+) \|", readme)
    return int(found[1]) if found else None


# --- the rules: each returns what breaks it --------------------------------------------------


def wrong_minutes(file: Path) -> list[str]:
    """Compare first cell, headings and README with what is computed."""
    sections, faults = load(file), []
    real, said = minutes(sections), stated(sections)
    if real > MOST_MINUTES + 0.5:
        faults.append(f"takes {real:.0f} minutes, {MOST_MINUTES} at most")
    for place, value in {"the first cell": said, "README.md": in_readme(file)}.items():
        if value is None or abs(value - real) > TOLERANCE:
            faults.append(f"takes {real:.1f} minutes, and {place} says {value}")
    clock, so_far = None, 0.0
    for section in sections:
        so_far += section.minutes
        found = MINUTES.search(section.heading)
        if not re.match(r"\d+\.\d+ ", section.heading) and not found:
            continue
        if section.further:
            more = MORE.search(section.heading)
            if not more:
                faults.append(f"{section.title!r} is further, and states no minutes more")
            elif abs(int(more[1]) - section.work) > TOLERANCE_MORE:
                words = f"takes {section.work:.1f} minutes more, and states {more[1]}"
                faults.append(f"{section.title!r} {words}")
        elif not found:
            faults.append(f"{section.title!r} states no minutes")
        else:
            begin, end = map(int, found.groups())
            if clock is None and begin > TOLERANCE:
                faults.append(f"{section.title!r} is the first, and begins at {begin}")
            if clock not in (None, begin):
                faults.append(f"{section.title!r} begins at {begin}, after minute {clock}")
            if abs(end - so_far) > TOLERANCE:
                faults.append(f"{section.title!r} ends at {so_far:.1f}, and states {end}")
            clock = end
    if clock is not None and said is not None and abs(clock - said) > 1:
        faults.append(f"the last heading ends at {clock}, and the first cell says {said}")
    return faults


def long_texts(file: Path) -> list[str]:
    """Count all words, and those of each paragraph."""
    text = "\n\n".join(section.text for section in load(file) if not section.further)
    count, faults = words(text), []
    if count > MOST_WORDS:
        faults.append(f"has {count:,} words, {MOST_WORDS:,} at most")
    for paragraph in paragraphs(text):
        if (count := words(paragraph)) > MOST_IN_A_PARAGRAPH:
            begin = " ".join(paragraph.split()[:8])
            faults.append(f"a paragraph of {count} words, {MOST_IN_A_PARAGRAPH} at most: {begin} …")
    return faults


def many_tables(file: Path) -> list[str]:
    """Count the tables that are open."""
    sections = [section for section in load(file) if not section.further]
    shown = [(section.title, section.text) for section in sections]
    for section in sections:
        for _, output in outputs([section]):
            data = output.get("data", {})
            shown.append((section.title, _opened("".join(data.get("text/html", "")))))
            shown.append((section.title, "".join(data.get("text/markdown", ""))))
    titles = []
    for title, text in shown:
        tables = text.count("<table") + len(re.findall(r"(?m)^\|[\s:|-]+\|$", text))
        titles += [title] * tables
    if len(titles) <= MOST_TABLES:
        return []
    return [f"has {len(titles)} tables, {MOST_TABLES} at most: in {', '.join(titles)}"]


def spoilers(file: Path) -> list[str]:
    """Look for the result of each prediction above its prompt.

    Read is what is open in the same and in the section before: text, captions, printed lines. What
    is looked for: a number with three digits or more, as it is; a shorter number with its unit
    beside it, "8 steps" or "step 8"; words if there are three or more, or the choice among them
    that is right. Choices of which all stand above are a list, and give nothing away.
    """
    sections, faults = load(file), []
    for number, choices, result, place, index in _predictions(sections):
        above = _above(sections, number, place, index)
        listed = [choice for choice in choices if _says(above, choice)]
        if len(choices) > 1 and len(listed) == len(choices):
            continue
        told = [choice for choice in choices if len(choice.split()) > 2 and choice in result]
        faults += [
            f"{key!r}, the result of Predict {number}, stands above its prompt"
            for key in {result, *told}
            if _gives_away(above, key)
        ]
    return faults


def open_scaffolding(file: Path) -> list[str]:
    """Look for open code, and for anything shown, between a prompt and where it is answered."""
    sections, faults = load(file), []
    pieces = [piece for section in sections for piece in section.pieces]
    asked = ""
    for index, piece in enumerate(pieces):
        if prompts := PROMPT.findall(piece.text):
            asked, start = prompts[-1], index
        for output in piece.outputs:
            if not (found := ASKED.match(plain(output))):
                continue
            if found[1] != asked:
                faults.append(f"Predict {found[1]} has no prompt above it")
                continue
            for between in pieces[start + 1 : index + 1]:
                if between.is_code and not between.folded:
                    faults.append(f"open between prompt and answer {asked}: {_begin(between)}")
                if between.is_code and not all(ASKED.match(plain(o)) for o in between.outputs):
                    faults.append(f"shown between prompt and answer {asked}: {_begin(between)}")
            start = index
    return faults


RULES = (wrong_minutes, long_texts, many_tables, spoilers, open_scaffolding)


def _predictions(sections: list[Section]) -> list[tuple[str, list[str], str, int, int]]:
    """Return number, choices and result of each prediction, and where it stands."""
    found = []
    for place, section in enumerate(sections):
        for index, piece in enumerate(section.pieces):
            for output in piece.outputs:
                asked = ASKED.match(plain(output))
                stored = "".join(output.get("data", {}).get("text/html", ""))
                result = re.search(r"simulated: (.*?)\.?</p>", stored, re.S)
                if asked and result:
                    choices = _choices(asked[2])
                    found.append((asked[1], choices, html.unescape(result[1]), place, index))
    return found


def _choices(text: str) -> list[str]:
    """Return the choices of 'a, b or c', or of 'a; b, c; or d'; none of 'a number from ...'."""
    if re.match(r"a (whole )?number from ", text):
        return []
    separator = r";\s*(?:or )?" if ";" in text else r",\s*| or "
    return [choice for choice in re.split(separator, text) if choice]


def _above(sections: list[Section], number: str, place: int, index: int) -> str:
    """Return what is open above the prompt, in its section and the one before."""
    before = [*sections[place - 1].pieces] if place else []
    lines = []
    for piece in [*before, *sections[place].pieces[: index + 1]]:
        prompt = re.search(rf"\*\*Predict {re.escape(number)}\.", piece.text)
        if prompt:
            lines.append(piece.text[: prompt.start()])
            break
        lines.append(piece.text)
        for output in piece.outputs:
            if not ASKED.match(plain(output)):
                data = output.get("data", {})
                lines += [plain(output), "".join(data.get("text/markdown", ""))]
                lines.append(re.sub("<.*?>", " ", _opened("".join(data.get("text/html", "")))))
    return " ".join(_opened(" \n".join(lines)).replace("**", "").split())


def _gives_away(above: str, key: str) -> bool:
    """Return whether a text tells a result."""
    number = re.fullmatch(r"([-+−]?[\d.,]*\d)\s*(\D*)", key)
    if not number:
        return len(key.split()) > 2 and _says(above, key)
    value, unit = number.groups()
    if len(re.sub(r"\D", "", value.lstrip("0.-+−"))) >= 3:
        return _says(above, value)
    if not unit:
        return False
    thing = re.escape(unit.rstrip("s")) + "s?"
    return bool(
        re.search(rf"(?<![\w.,]){re.escape(value)}\s*{thing}(?!\w)", above)
        or re.search(rf"(?<!\w){thing} {re.escape(value)}(?![\w%]|[.,]\d)", above)
    )


def _says(text: str, key: str) -> bool:
    """Return whether words or a number stand in a text, and not within others."""
    return bool(re.search(rf"(?<![\w.,]){re.escape(key)}(?![\w%]|[.,]\d)", text, re.I))


def _opened(text: str) -> str:
    """Return HTML or Markdown without what is folded."""
    while (shorter := DETAILS.sub(" ", text)) != text:
        text = shorter
    return text


def _begin(piece: Piece) -> str:
    """Return the first line of a cell."""
    return piece.source.strip().splitlines()[0][:60]


def _without_headings(code: re.Match) -> str:
    return re.sub(r"(?m)^#", " #", code[0])


def main() -> int:
    """Print for each notebook its minutes, its words, and what breaks a rule."""
    files = [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("*.ipynb"))
    broken = 0
    for file in files:
        sections = load(file)
        count = words("\n\n".join(s.text for s in sections if not s.further))
        print(f"{file.stem}: {minutes(sections):.1f} minutes, {count:,} words")
        for rule in RULES:
            faults = rule(file)
            broken += len(faults)
            for fault in faults:
                print(f"  {rule.__name__}: {fault}")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
