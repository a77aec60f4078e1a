"""Checking a model with Brian2, and plain messages about what it rejects and where."""

import re
from typing import Any

import brian2 as b2
from brian2.stateupdaters.base import UnsupportedEquationsException

from snnlab._arguments import checks
from snnlab.brian import quantities
from snnlab.brian.isolation import explanation, given_up
from snnlab.exceptions import OptionError

# How `simulate_neuron` adds a current that does not change.
CONSTANT_CURRENT = "I : amp (constant)"

# Those of Brian2 that need no further library, simple ones first.
METHODS = ("euler", "exact", "exponential_euler", "heun", "milstein", "rk2", "rk4")
# What may stand in parentheses behind the unit, by the kind of equation; Brian2's own list.
_FLAGS = {
    "differential equation": ("unless refractory",),
    "parameter": ("constant", "shared", "linked"),
    "subexpression": ("shared", "constant over dt"),
}
_EXAMPLES = {
    "equations": "dv/dt = I/C : volt",
    "threshold": "v >= v_threshold",
    "reset": "v -= v_threshold",
}
_PLAIN_UNITS = {
    "metre ** 2 * kilogram * second ** -4 * amp ** -1": "volt/second",
    "metre ** 2 * kilogram * second ** -3 * amp ** -1": "volt",
    "m^2 kg s^-4 A^-1": "volt/second",
    "m^2 kg s^-3 A^-1": "volt",
}
_UNITS = ("amp", "coulomb", "farad", "hertz", "metre", "ohm", "second", "siemens", "volt", "watt")


def neuron_group(
    model: Any, size: int, clock: b2.Clock, current: str = CONSTANT_CURRENT, **namespace: Any
) -> b2.NeuronGroup:
    """Return `size` neurons of a `Model`, not yet started.

    `current` is the line that defines `I`; `namespace` holds what that line reads. The names are
    always the same, so that compiled code is found again.
    """
    # Read first, because Brian2 warns of a group that it began to make and could not.
    equations = b2.Equations(f"{model.equations}\n{current}")
    equations.check_flags(_FLAGS)
    return b2.NeuronGroup(
        size,
        equations,
        threshold=model.threshold,
        reset=model.reset,
        refractory=False if model.refractory is None else model.refractory,
        method=model.method,
        namespace=dict(model.parameters) | namespace,
        clock=clock,
        name="neurons",
    )


def inspect(model: Any) -> None:
    """Check each part of a `Model`, and have Brian2 check it; the messages are plain.

    Raises
    ------
    OptionError
        Naming the part, the line, what Brian2 says, and what to write.
    """
    _inspect_parts(model)
    try:
        equations = b2.Equations(model.equations)
        equations.check_flags(_FLAGS)
    except Exception as error:
        raise _rejected("equations", model.equations, error) from error
    _inspect_variables(model, equations)
    group = neuron_group(model, 1, b2.Clock(1 * b2.ms))
    # It never runs. Should a part be rejected below, Brian2 would warn of that.
    given_up(group)
    group.active = True
    for part, runner in (
        ("equations", group),
        ("equations", group.state_updater),
        ("threshold", group.thresholder["spike"]),
        ("reset", group.resetter.get("spike")),
    ):
        try:
            if runner is not None:
                runner.before_run({})
        except UnsupportedEquationsException as error:
            raise OptionError(
                f"method = {model.method!r}: cannot solve these equations. Expected one that can. "
                f"Write method='euler', or 'exponential_euler' for linear leaks, or 'heun' for "
                f"noise that is multiplied by a variable."
            ) from error
        except Exception as error:
            raise _rejected(part, getattr(model, part), error) from error
    for name, start in model.initial.items():
        try:
            setattr(group, name, start)
        except Exception as error:
            raise _rejected("initial", f"{name} = {start}", error) from error


def lines(text: str) -> list[str]:
    """Return the lines of a string that are not empty, without the blanks around them."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _inspect_parts(model: Any) -> None:
    """Check what can be checked without Brian2."""
    for part in ("equations", "threshold", "reset", "purpose", "source"):
        checks.instance(getattr(model, part), str, part, "Write it as a string.")
    for part in ("equations", "threshold"):
        if not lines(getattr(model, part)):
            raise OptionError(f"{part}: empty. Expected such as {_EXAMPLES[part]!r}.")
    checks.option(model.method, "method", METHODS)
    if model.refractory is not None:
        quantities.positive(model.refractory, "refractory", b2.ms)
    elif "unless refractory" in model.equations:
        raise OptionError(
            "refractory: not given, but an equation stands still '(unless refractory)'. Expected a "
            "time. Write refractory=5*brian2.ms."
        )
    for name, value in model.parameters.items():
        checks.instance(name, str, f"parameters: the name {name!r}", "Write it as a string.")
        try:
            b2.Equations.check_identifier(name)
        except Exception as error:
            raise OptionError(
                f"parameters: the name {name!r} cannot be used: {explanation(error)}. Expected a "
                f"name that is free. Choose another."
            ) from error
        quantities.scalar(value, name)
    if "v_threshold" in model.parameters:
        quantities.positive(model.parameters["v_threshold"], "v_threshold", b2.mV)
    if "v_init" in model.parameters:
        checks.fraction_of_threshold(model.parameters["v_init"])
    for name, value in model.initial.items():
        if not isinstance(value, str):
            quantities.scalar(value, f"initial {name}")


def _inspect_variables(model: Any, equations: b2.Equations) -> None:
    """Check which names the strings define, read and change."""
    if "v" not in equations.diff_eq_names or equations["v"].dim is not b2.volt.dim:
        raise OptionError(
            "equations: no membrane potential. Expected a line 'dv/dt = ... : volt'; `v` is what "
            "is recorded and drawn."
        )
    own = "I" in equations.names or "I" in model.parameters
    if own or "I" not in equations.identifiers:
        raise OptionError(
            f"equations: the input current `I` comes from simulate_neuron, but they "
            f"{'define it themselves' if own else 'do not read it'}. Expected it on the right "
            f"side only, as in 'dv/dt = I/C : volt'."
        )
    twice = sorted(equations.names & set(model.parameters))
    if twice:
        raise OptionError(
            f"parameters: {twice} are variables of the equations. Expected one or the other; to "
            f"start a variable from a value write initial={{{twice[0]!r}: ...}}."
        )
    assigned = re.findall(r"^\s*(\w+)\s*[-+*/]?=(?!=)", model.reset.replace(";", "\n"), re.M)
    for what, names in (("reset", set(assigned)), ("initial", set(model.initial))):
        unknown = sorted(names - equations.names)
        if unknown:
            advice = checks.close(unknown[0], equations.names)
            if unknown[0] in model.parameters:
                advice = " A parameter stays as it is; give what changes a line in the equations."
            raise OptionError(
                f"{what}: changes {unknown[0]!r}, which is no variable of the equations. Expected "
                f"one of {sorted(equations.names)}.{advice}"
            )


def _rejected(part: str, text: str, error: Exception) -> OptionError:
    """Return the refusal of one part, with Brian2's message and the line that it is about."""
    message = explanation(error)
    line = _guilty_line(part, lines(text), message)
    return OptionError(
        f"{part}, line {line!r}: rejected by Brian2: {_readable(message)}. "
        f"{_advice(part, line, message)}"
    )


def _guilty_line(part: str, candidates: list[str], message: str) -> str:
    """Return the line that Brian2 cannot read, or else the one that its message speaks of."""
    if part == "equations":
        for line in candidates:
            try:
                b2.Equations(line)
            except Exception:
                return line
    quoted = re.findall(r"['\"]([^'\"]+)['\"]", message)
    told = "".join(message.split())
    guilty = [line for line in candidates if "".join(line.split()) in told]
    for pattern in (r"^d?{}\b", r"\b{}\b"):
        for name in quoted:
            named = re.compile(pattern.format(re.escape(name)))
            guilty += filter(named.search, candidates)
    # 'u + 1' is how Brian2 writes what stood there as u += 1.
    for name in quoted:
        words = set(re.findall(r"\w+", name))
        guilty += [line for line in candidates if words <= set(re.findall(r"\w+", line))]
    return (guilty or candidates)[0]


def _readable(message: str) -> str:
    """Return Brian2's message without the notation of its parser."""
    message = re.sub(r"\s*\(<unknown>, line \d+\)", "", message)
    message = re.sub(r"\. The following base units are allowed.*", "", message)
    if "Parsing failed" in message or "Expected !W" in message or "Re:(" in message:
        return "it cannot be read"
    for unit, plain in _PLAIN_UNITS.items():
        message = message.replace(unit, plain)
    return {"BitXor": "^ is no power"}.get(message, message)


def _advice(part: str, line: str, message: str) -> str:
    """Return what to write instead."""
    variable = re.match(r"d(\w+)/dt", line)
    unit = re.search(r"refers to '(\w+)'", message)
    if part == "equations" and ":" not in line:
        return "Expected the unit of the variable at the end of the line, as in ': volt'."
    if unit:
        return f"Expected a unit without prefix, such as volt.{checks.close(unit[1], _UNITS)}"
    if "^" in line:
        return "Expected powers as **, as in v**2."
    if "unit" in message and variable:
        name = variable[1]
        return (
            f"Expected that the right side has the unit of {name}, divided by second. Look at the "
            f"units of the parameters, too."
        )
    return (
        f"Expected such as {_EXAMPLES.get(part, 'v = 5*mV')!r}: names of the equations and of the "
        f"parameters, and a unit for every number."
    )
