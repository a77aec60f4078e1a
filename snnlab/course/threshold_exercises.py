"""The exercises of notebook 04."""

from snnlab.course.exercises import Exercise

ALL: tuple[Exercise, ...] = ()
