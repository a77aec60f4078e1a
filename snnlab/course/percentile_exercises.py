"""The exercises of notebook 05."""

from snnlab.course.exercises import Exercise

ALL: tuple[Exercise, ...] = ()
