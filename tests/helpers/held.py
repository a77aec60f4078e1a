"""The notebooks that are held to the rules of the course, by their numbers.

Their minutes, their text, their symbols, the questions about them, and their place on the map are
tested. In the end these are all: "00" to "11".
"""

HELD: tuple[str, ...] = ()
