"""The exercises of notebook 06."""

from snnlab.course.exercises import Exercise

ALL: tuple[Exercise, ...] = ()
