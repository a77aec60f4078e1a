"""Networks that are trained as spiking ones, small enough to read: one idea a file.

Each module is one idea and says its paper, how far we have read it, and what is our reading of it.
`neurons` and `training` are what several of them share. A module is loaded when it is first used.
"""

import importlib

__all__ = [
    "batchnorm_through_time",
    "cart_pole",
    "desire",
    "distillation",
    "event_based",
    "hoyer",
    "in_memory",
    "neurons",
    "proxy",
    "single_step",
    "spiking_dqn",
    "spiking_resnet",
    "stdp",
    "surrogate_gradients",
    "tiny",
    "training",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        return importlib.import_module(f"snnlab.gallery.{name}")
    raise AttributeError(f"module 'snnlab.gallery' has no attribute {name!r}")
