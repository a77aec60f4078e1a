"""A network in one file: tensors, and in words of JSON how they are computed with."""

from snnlab.saving.parts import read, write

__all__ = ["read", "write"]
