"""A neuron as equations with units, checked by Brian2 when it is made."""

import dataclasses
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import brian2 as b2
from brian2.stateupdaters.base import StateUpdateMethod, UnsupportedEquationsException

from snnlab import _checks, _tables
from snnlab.brian import quantities
from snnlab.brian.isolation import explanation, given_up, isolated
from snnlab.exceptions import OptionError

# How `simulate_neuron` adds a current that does not change.
CONSTANT_CURRENT = "I : amp (constant)"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Model:
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
    purpose: str = "one of your own"
    source: str = ""

    def __post_init__(self) -> None:
        for part in ("equations", "threshold", "reset", "method"):
            _checks.instance(getattr(self, part), str, part, "Write it as a string.")
        for part in ("parameters", "initial"):
            mapping = getattr(self, part)
            _checks.instance(mapping, Mapping, part, f"Write {part}={{'name': value}}.")
            object.__setattr__(self, part, MappingProxyType(dict(mapping)))
        _checks.option(self.method, "method", StateUpdateMethod.stateupdaters)
        if self.refractory is not None:
            quantities.positive(self.refractory, "refractory", b2.ms)
        for name, value in self.parameters.items():
            quantities.scalar(value, name)
        with isolated():
            _check(self)

    def replace(self, **changes: Any) -> "Model":
        """Return the model with other parameters, or with other parts.

        Parameters
        ----------
        changes
            New values of parameters (`tau=5*ms`) or of the parts named in `Model`. `parameters`
            adds to those there are.

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
        parameters = dict(self.parameters) | dict(changes.pop("parameters", {}))
        for name in [name for name in changes if name not in parts]:
            if name not in self.parameters:
                raise OptionError(
                    f"{name}: found no parameter of this name, expected one of "
                    f"{list(self.parameters)}.{_checks.close(name, self.parameters)} To add one "
                    f"write parameters={{{name!r}: ...}}."
                )
            quantities.like(changes[name], name, self.parameters[name])
            parameters[name] = changes.pop(name)
        return dataclasses.replace(self, parameters=parameters, **changes)

    def _table(self) -> tuple[str, list[str], list[list[str]]]:
        rows = [["equations", line.strip()] for line in self.equations.strip().splitlines()]
        rows += [["fires when", self.threshold], ["a spike does", "; ".join(_lines(self.reset))]]
        if self.refractory is not None:
            rows.append(["refractory for", str(self.refractory)])
        rows += [["parameter", f"{name} = {value}"] for name, value in self.parameters.items()]
        rows += [["starts from", f"{name} = {start}"] for name, start in self.initial.items()]
        rows += [["for conversion", self.purpose], ["source", self.source]]
        return "Neuron model", ["part", "in Brian2's words"], [row for row in rows if row[1]]

    def __repr__(self) -> str:
        return _tables.text(*self._table(), words=True)

    def _repr_html_(self) -> str:
        return _tables.to_html(*self._table())


def neuron_group(
    model: Model, size: int, dt: Any, current: str = CONSTANT_CURRENT, **namespace: Any
) -> b2.NeuronGroup:
    """Return `size` neurons of a model, not yet started.

    `current` is the line that defines `I`; `namespace` holds what that line reads.
    """
    # Read first, because Brian2 warns of a group that it began to make and could not.
    equations = b2.Equations(f"{model.equations}\n{current}")
    return b2.NeuronGroup(
        size,
        equations,
        threshold=model.threshold,
        reset=model.reset,
        refractory=False if model.refractory is None else model.refractory,
        method=model.method,
        namespace=dict(model.parameters) | namespace,
        dt=dt,
    )


def _check(model: Model) -> None:
    """Have Brian2 look at each part of a model, and say which part and which line it rejects."""
    try:
        equations = b2.Equations(model.equations)
    except Exception as error:
        raise _rejected("equations", model.equations, error) from error
    _check_variables(model, equations)
    group = neuron_group(model, 1, 1 * b2.ms)
    given_up(group)
    group.active = True
    for part, runner in (
        ("equations", group),
        ("equations", group.state_updater),
        ("threshold", group.thresholder["spike"]),
        ("reset", group.resetter["spike"]),
    ):
        try:
            runner.before_run({})
        except UnsupportedEquationsException as error:
            raise OptionError(
                f"method = {model.method!r}: cannot solve these equations. Expected a method that "
                f"can; 'euler' always does, 'exponential_euler' wherever a leak is linear."
            ) from error
        except Exception as error:
            raise _rejected(part, getattr(model, part), error) from error
    for name, start in model.initial.items():
        try:
            setattr(group, name, start)
        except Exception as error:
            raise _rejected("initial", f"{name} = {start}", error) from error


def _check_variables(model: Model, equations: b2.Equations) -> None:
    if "v" not in equations.diff_eq_names or equations["v"].dim is not b2.volt.dim:
        raise OptionError(
            "equations: no membrane potential. Expected a line 'dv/dt = ... : volt'; `v` is what "
            "is recorded and drawn."
        )
    if "I" in equations.names or "I" not in equations.identifiers:
        found = "define it themselves" if "I" in equations.names else "do not read it"
        raise OptionError(
            f"equations: the input current `I` comes from simulate_neuron, but they {found}. "
            f"Expected it on the right side, as in 'dv/dt = I/C : volt'."
        )
    twice = sorted(equations.names & set(model.parameters))
    if twice:
        raise OptionError(
            f"parameters: {twice} are variables of the equations. Expected one or the other; to "
            f"start a variable from a value write initial={{{twice[0]!r}: ...}}."
        )
    assigned = set(re.findall(r"^\s*(\w+)\s*[-+*/]?=", model.reset.replace(";", "\n"), re.M))
    for what, names in (("reset", assigned), ("initial", set(model.initial))):
        unknown = sorted(names - equations.names)
        if unknown:
            raise OptionError(
                f"{what}: changes {unknown[0]!r}, which is no variable of the equations."
                f"{_checks.close(unknown[0], equations.names)} They are {sorted(equations.names)}."
            )


def _rejected(part: str, text: str, error: Exception) -> OptionError:
    """Return the refusal of one part, with Brian2's message and the line that it is about."""
    message = explanation(error)
    return OptionError(
        f"{part}, line {_guilty_line(text, message)!r}: rejected by Brian2: {message}. Expected "
        f"its notation: names of the equations and of parameters, and a unit for every number."
    )


def _guilty_line(text: str, message: str) -> str:
    """Return the line that Brian2 cannot read, or else the first that a quoted name stands in."""
    lines = _lines(text) or [""]
    if len(lines) == 1:
        return lines[0]
    for line in lines:
        try:
            b2.Equations(line)
        except Exception:
            return line
    quoted = re.findall(r"['\"](\w+)['\"]", message)
    for pattern in (r"^d?{}\b", r"\b{}\b"):
        for name in quoted:
            for line in lines:
                if re.search(pattern.format(name), line):
                    return line
    return lines[0]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
