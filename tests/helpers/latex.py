"""The symbols of the formulas in a text."""

import re

FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$((?:[^$\n]|\n(?!\n))+?)\$", re.S)
# What stands in formulas without being a symbol that needs words.
COMMANDS = re.compile(
    r"\\(?:d?frac|underbrace|overbrace|sqrt|sum|prod|max|min|ln|log|exp|mathrm|operatorname|left|right|big|Big"
    r"|lfloor|rfloor|lceil|rceil|q?quad|cdot|times|ldots|dots|le|ge|leq|geq|ne|approx|sim|to"
    r"|infty|pi|in|pm|leftarrow|rightarrow|Rightarrow|limits|begin|end|cases|displaystyle"
    r"|big[lr]?|Big[lr]?|lvert|rvert|mid|colon|partial)(?![A-Za-z])"
    r"|\\[,;:!> ]|\\\\"
)
WORDS = re.compile(r"\\(?:text|mathrm|operatorname)\s*\{[^{}]*\}")
# A subscript of two letters or more, or a number, belongs to its symbol; a single letter is an
# index, and a symbol of its own.
SYMBOL = re.compile(
    r"(?:\\(?:hat|bar|tilde|vec)\s*\{?\s*)?(?:\\[a-zA-Z]+|[a-zA-Z])"
    r"\}?(?:_\{[A-Z]{2,}\}|_\{?[0-9]+\}?)?"
)


def symbols(text):
    """Return the symbols of all formulas between dollar signs, written as in LaTeX."""
    found = set()
    for match in FORMULA.finditer(re.sub(r"```.*?```|`[^`\n]*`", " ", text, flags=re.S)):
        formula = match.group(1) or match.group(2)
        formula = re.sub(r"_\\(?:text|mathrm)\s*\{([A-Z]{2,})\}", r"_{\1}", formula)
        formula = re.sub(r"_\{\\(?:text|mathrm)\s*\{([A-Z]{2,})\}\}", r"_{\1}", formula)
        formula = COMMANDS.sub(" ", WORDS.sub(" ", formula))
        formula = re.sub(r"\bd(?=[a-z]\b)", "", formula)  # of dv/dt
        for symbol in SYMBOL.findall(formula):
            found.add(re.sub(r"[{}\s]", "", symbol))
    return found
