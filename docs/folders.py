"""The picture of the folders, drawn from the imports of the package: python docs/folders.py."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "snnlab"
WIDTH, HEIGHT, GAP = 212, 46, 30


def units() -> dict[str, Path]:
    """Return the folders, and the files beside them, by name."""
    found = {path.parent.name: path for path in PACKAGE.glob("*/__init__.py")}
    found |= {path.stem: path for path in PACKAGE.glob("*.py")}
    # All use the errors and what begins with an underscore, so an arrow to them would say nothing.
    return {n: found[n] for n in sorted(found) if not n.startswith("_") and n != "exceptions"}


def imports() -> dict[str, set[str]]:
    """Return what each folder imports of the others."""
    arrows: dict[str, set[str]] = {name: set() for name in units()}
    for name, path in units().items():
        files = path.parent.rglob("*.py") if path.name == "__init__.py" else [path]
        for file in files:
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("snnlab"):
                    full = [f"{node.module}.{alias.name}" for alias in node.names]
                    arrows[name] |= {module.split(".")[1] for module in full}
        arrows[name] &= set(arrows) - {name}
    return arrows


def reachable(arrows: dict[str, set[str]], name: str) -> set[str]:
    """Return all that stands below a folder."""
    return set().union(arrows[name], *(reachable(arrows, other) for other in arrows[name]))


def shortest(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """Leave out each arrow that a longer way replaces."""
    return {
        name: {one for one in below if not any(one in reachable(arrows, two) for two in below)}
        for name, below in arrows.items()
    }


def height(arrows: dict[str, set[str]], name: str) -> int:
    """Return how many floors stand below a folder."""
    return max((1 + height(arrows, below) for below in arrows[name]), default=0)


def svg() -> str:
    """Return the picture: a box for each folder, below those that it imports."""
    arrows = imports()
    rows: dict[int, list[str]] = {}

    def next_use(name: str) -> int:
        # On the right what is used some floors further down, past the boxes between.
        return min((height(arrows, user) for user in arrows if name in arrows[user]), default=0)

    for name in sorted(arrows, key=next_use):
        rows.setdefault(height(arrows, name), []).append(name)
    across = max(map(len, rows.values())) * (WIDTH + GAP)
    place = {
        name: (across * (column + 0.5) / len(row), GAP + floor * (HEIGHT + GAP))
        for floor, row in rows.items()
        for column, name in enumerate(row)
    }
    lines, words = [], []
    for name, belows in shortest(arrows).items():
        x, y = place[name]
        words += [f"{name} uses {', '.join(sorted(belows)) or 'none of the others'}"]
        for below in belows:
            from_x, from_y = place[below]
            lines.append(
                f'<path d="M{from_x:g} {from_y + HEIGHT:g} C{from_x:g} {y - GAP / 2:g} '
                f'{x:g} {y - GAP:g} {x:g} {y - 2:g}" marker-end="url(#tip)"/>'
            )
    boxes = [
        f'<rect x="{x - WIDTH / 2:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{x:g}" y="{y + HEIGHT / 2 + 6:g}">{name}</text>'
        for name, (x, y) in place.items()
    ]
    size = f"{across:g} {GAP + len(rows) * (HEIGHT + GAP):g}"
    return STYLE.format(size=size, words=". ".join(words), drawn="\n".join([*lines, *boxes]))


STYLE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img" aria-labelledby="t d">
<title id="t">The folders of snnlab</title>
<desc id="d">{words}.</desc>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"
orient="auto"><path d="M0 0 L8 4 L0 8 z" style="fill: #555; stroke: none"/></marker></defs>
<style>path {{ fill: none; stroke: #555; stroke-width: 1.6 }}
rect {{ fill: #eef4fa; stroke: #0072b2; stroke-width: 1.6 }}
text {{ font: 18px monospace; text-anchor: middle; fill: #111 }}</style>
<rect width="100%" height="100%" style="fill: #fff; stroke: none"/>
{drawn}
</svg>
"""

if __name__ == "__main__":
    print(svg())
