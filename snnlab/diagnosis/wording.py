"""The values of a metric in sentences: accuracies as everybody says them, others by their name."""

from snnlab.simulation.measures import ACCURACY, Scale


def shown(value: float, scale: Scale) -> str:
    """Return a share in percent, other values with four digits.

    >>> shown(0.5, ACCURACY), shown(0.123456, Scale("rmse", "RMS error", False, False))
    ('50.00%', '0.1235')
    """
    return f"{value:.2%}" if scale.is_share else f"{value:.4g}"


def signed(gain: float, scale: Scale, whole: float) -> str:
    """Return a gain with its sign, in points for shares; what is rounding is +0, -0 too.

    Of other metrics it is rounding if it is so small a part of the `whole`.
    """
    if scale.is_share:
        return f"{round(100 * gain, 2) + 0.0:+.2f}"
    return f"{gain if abs(gain) > 1e-4 * abs(whole) else 0.0:+.3g}"


def lost(snn: float, ann: float, scale: Scale) -> str:
    """Return how much worse the first is than the second."""
    loss = scale.gain(snn, ann)
    if scale.is_share:
        points = 100 * abs(loss)
        if points < 0.005:
            return "nothing is lost"
        return f"{points:.2f} points {'lost' if loss > 0 else 'gained'}"
    if shown(snn, scale) == shown(ann, scale):
        return "nothing is lost"
    return f"{abs(loss):.3g} {'worse' if loss > 0 else 'better'}"


def are_right(value: float, scale: Scale, verb: str = "are") -> str:
    """Return '50.00% are right', or 'the RMS error is 0.5'.

    >>> are_right(0.5, ACCURACY, "would be")
    '50.00% would be right'
    """
    if scale == ACCURACY:
        return f"{shown(value, scale)} {verb} right"
    return f"the {scale.words} {'is' if verb == 'are' else verb} {shown(value, scale)}"


def reads(value: float, scale: Scale, what: str = "") -> str:
    """Return 'reads 50.00% correctly', or 'has RMS error 0.5'.

    >>> reads(0.5, Scale("rmse", "RMS error", False, False), " of them")
    'has RMS error 0.5'
    """
    if scale == ACCURACY:
        return f"reads {shown(value, scale)}{what} correctly"
    return f"has {scale.words} {shown(value, scale)}"
