"""Bu et al. 2025: an output that is read from a later step on."""

import dataclasses

from snnlab._arguments import checks
from snnlab.simulation.record import Record


def delayed_readout(record: Record, first: int) -> Record:
    r"""Return the outputs of a run without its first steps.

    .. math:: y_t = \frac{S_{\tau + t} - S_\tau}{t}, \qquad t = 1, \dots, T - \tau

    with the accumulated output S. In deep networks the first steps know little of the image, for
    the neurons in front have to fill first.

    Parameters
    ----------
    record : Record
    first : int
        τ, the steps that are left out, fewer than T.

    Returns
    -------
    Record
        Of T - τ steps. It holds outputs only: what they cost is in `record`.

    Raises
    ------
    OptionError
        If `first` leaves no step.

    Source: Bu et al. 2025 (delayed read-out).

    >>> from torch import nn
    >>> from snnlab import Fixed, convert, simulate
    >>> net = convert(nn.ReLU(), [[1.0]], threshold=Fixed(1.0), v_init=0.0)
    >>> record = simulate(net, [[0.5]], timesteps=6)
    >>> record.outputs.ravel().tolist()
    [0.0, 0.5, 0.3333333432674408, 0.5, 0.4000000059604645, 0.5]
    >>> delayed_readout(record, 4).outputs.ravel().tolist()
    [0.0, 0.5]
    """
    checks.instance(record, Record, "record", "Write snnlab.simulate(network, x, timesteps) first.")
    expected = f"a whole number from 0 to {record.timesteps - 1}, so that a step is left to read."
    first = checks.number(first, "first", 0, record.timesteps - 1, whole=True, expected=expected)
    before = record.output_sums[first - 1] if first else 0
    return dataclasses.replace(
        record,
        timesteps=record.timesteps - first,
        totals={},
        output_sums=record.output_sums[first:] - before,
        at={},
        recorded_spikes={},
        recorded_potentials={},
        pooled={},
        crossings={},
    )
