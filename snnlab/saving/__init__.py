"""A network in other forms: one file without code, and plain modules of torch."""

from snnlab.saving.modules import as_modules
from snnlab.saving.parts import read, write

__all__ = ["as_modules", "read", "write"]
