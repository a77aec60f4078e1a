"""The errors of the package. Catch `SNNLabError` to catch them all."""


class SNNLabError(ValueError):
    """Base of every error that snnlab raises on purpose."""


class UnsupportedLayerError(SNNLabError):
    """The model holds something that cannot be turned into spikes."""


class ShapeError(SNNLabError):
    """An array has the wrong shape, type or content."""


class OptionError(SNNLabError):
    """An option has a value outside its range."""


class CalibrationError(SNNLabError):
    """The calibration data give no usable threshold."""


class VerificationError(SNNLabError):
    """The converted network does not compute what the model computes."""


class MemoryBudgetError(SNNLabError):
    """The work or the recording does not fit into the memory allowed."""


class DataError(SNNLabError):
    """A file of images or weights is missing, damaged, or holds something else."""
