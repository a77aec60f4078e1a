"""What a command says instead of doing its work."""


class CommandError(Exception):
    """Something outside the program is not as it has to be; the words say what to do."""
