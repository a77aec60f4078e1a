"""The exercises of the notebooks: solutions, cases, typical mistakes, hints."""

from snnlab.course.exercises.registry import check, exercise

__all__ = ["check", "exercise"]
