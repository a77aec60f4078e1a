"""A neuron as equations with units, checked by Brian2 when it is made."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from snnlab import _text
from snnlab._arguments import checks
from snnlab.brian import quantities, validation
from snnlab.brian.isolation import isolated
from snnlab.exceptions import OptionError

_OWN = "one of your own"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Model(_text.ShownAsTable):
    """A neuron as Brian2 equations.

    Parameters
    ----------
    equations : str
        One per line, each with its unit after a colon. They hold the membrane potential `v` in
        volt and read the input current `I` in amp, which `simulate_neuron` supplies.
    threshold : str
        The neuron fires in every step in which this condition holds.
    reset : str
        What a spike does.
    parameters : mapping from name to quantity
        Every other name in the strings: a quantity with its unit, or a plain number.
    initial : mapping from variable to quantity or str
        What variables start from; 0 by default.
    refractory : quantity, optional
        How long the neuron does not fire after a spike. An equation marked "(unless refractory)"
        stands still as long.
    method : str
        How Brian2 integrates the equations: "euler", "exact", "exponential_euler", "rk4", ...
    purpose, source : str
        What the model is for in conversion, and the paper it comes from.

    Raises
    ------
    OptionError
        If Brian2 rejects a string (with its message, and the line), a unit is missing or wrong,
        or a variable is started that the equations do not have.

    Examples
    --------
    >>> from brian2 import mV, nF
    >>> own = Model(
    ...     "dv/dt = I/C : volt", "v >= v_threshold", "v = 0*mV",
    ...     parameters={"C": 1*nF, "v_threshold": 10*mV},
    ... )
    >>> own.replace(v_threshold=20*mV).parameters["v_threshold"]
    20. * mvolt
    """

    equations: str
    threshold: str
    reset: str
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    initial: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    refractory: Any = None
    method: str = "euler"
    purpose: str = _OWN
    source: str = ""

    def __post_init__(self) -> None:
        for part in ("parameters", "initial"):
            value = _dictionary(getattr(self, part), part)
            object.__setattr__(self, part, MappingProxyType(dict(value)))
        with isolated():
            validation.inspect(self)

    def replace(self, **changes: Any) -> "Model":
        """Return the model with other parameters, or with other parts.

        Parameters
        ----------
        changes
            New values of parameters (`tau=5*ms`) or of the parts named in `Model`. `parameters`
            adds to those there are. A neuron with another equation, threshold or reset loses its
            purpose and source, if no others are given.

        Raises
        ------
        OptionError
            If a name is neither, a parameter has another unit than before, or as in `Model`.

        >>> from brian2 import ms
        >>> from snnlab.brian import models
        >>> models["lif"].replace(tau=5*ms).parameters["tau"]
        5. * msecond
        """
        parts = {field.name for field in dataclasses.fields(self)}
        added = _dictionary(changes.pop("parameters", {}), "parameters")
        parameters = dict(self.parameters) | dict(added)
        for name in [name for name in changes if name not in parts]:
            if name not in self.parameters:
                raise OptionError(
                    f"{name}: found no parameter of this name, expected one of "
                    f"{list(self.parameters)}.{checks.close(name, self.parameters)} To add one "
                    f"write parameters={{{name!r}: ...}}."
                )
            quantities.like(changes[name], name, self.parameters[name])
            parameters[name] = changes.pop(name)
        if changes.keys() & {"equations", "threshold", "reset"}:
            # It is no longer the neuron of the paper.
            changes = {"purpose": _OWN, "source": ""} | changes
        return dataclasses.replace(self, parameters=parameters, **changes)

    def _table(self) -> _text.Table:
        rows = [["equations", line] for line in validation.lines(self.equations)]
        rows.append(["fires when", self.threshold])
        rows.append(["a spike does", "; ".join(validation.lines(self.reset))])
        if self.refractory is not None:
            rows.append(["refractory for", str(self.refractory)])
        rows += [["parameter", f"{name} = {value}"] for name, value in self.parameters.items()]
        rows += [["starts from", f"{name} = {start}"] for name, start in self.initial.items()]
        rows += [["for conversion", self.purpose], ["source", self.source]]
        given = [row for row in rows if row[1]]
        return _text.Table("Neuron model", ["part", "in Brian2's words"], given, words=True)


def _dictionary(value: Any, name: str) -> Mapping:
    if not isinstance(value, Mapping):
        raise OptionError(
            f"{name}: found {type(value).__name__}, expected a dictionary. Write "
            f"{name}={{'name': value}}."
        )
    return value
