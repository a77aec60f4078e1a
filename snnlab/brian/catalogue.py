"""The neuron models of the course.

All share the capacitance 1 nF, so that a current of 1 nA raises the potential by 1 mV in each
millisecond. The threshold is 10 mV, that of the exponential neuron 20 mV.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from brian2 import ms, mV, nF

from snnlab import _text
from snnlab._arguments import checks
from snnlab.brian.model import Model

_PARAMETERS = {"C": 1 * nF, "v_threshold": 10 * mV, "v_init": 0.0}
# The converter's neuron. The others say what differs from it.
_IF: dict[str, Any] = dict(
    equations="dv/dt = I/C : volt",
    threshold="v >= v_threshold",
    reset="v -= v_threshold",
    parameters=_PARAMETERS,
    initial={"v": "v_init * v_threshold"},
)


class Catalogue(_text.ShownAsTable, Mapping[str, Model]):
    """Neuron models by name, each made when it is first asked for; in a cell it shows a table."""

    def __init__(self, parts: Mapping[str, Mapping[str, Any]]):
        self._parts, self._models = parts, dict[str, Model]()

    def __getitem__(self, name: str) -> Model:
        """Return a model.

        Raises
        ------
        OptionError
            If there is none of this name.
        """
        checks.option(name, "model", self._parts)
        if name not in self._models:
            self._models[name] = Model(**{**_IF, **self._parts[name]})
        return self._models[name]

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def _table(self) -> _text.Table:
        rows = [[name, parts["purpose"], parts["source"]] for name, parts in self._parts.items()]
        header = ["model", "for conversion", "source"]
        return _text.Table(f"{len(self)} neuron models", header, rows, words=True)


models = Catalogue(
    {
        "if": dict(
            purpose="The converter's neuron: its rate is the ReLU of its current, up to the cap.",
            source="Rueckauer et al. 2017 (reset by subtraction)",
        ),
        "if_zero": dict(
            reset="v = 0*volt",
            purpose="The earlier choice: what a spike overshoots is lost, so the rate is too low.",
            source="Diehl et al. 2015 (reset to zero)",
        ),
        "lif": dict(
            equations="dv/dt = I/C - v/tau : volt",
            reset="v = 0*volt",
            parameters=_PARAMETERS | {"tau": 20 * ms},
            method="exact",
            purpose="A leak makes small currents inaudible: no ReLU, so converters do without.",
            source="Lapicque 1907; Gerstner et al. 2014, section 1.3",
        ),
        "if_refractory": dict(
            equations="dv/dt = I/C : volt (unless refractory)",
            refractory=5 * ms,
            purpose="Input during the pause is lost: the rate bends and saturates at 1/refractory.",
            source="Gerstner and Kistler 2002, section 4.1",
        ),
        "adaptive_threshold": dict(
            equations="""
            dv/dt = I/C : volt
            dv_threshold/dt = (v_threshold_0 - v_threshold)/tau_threshold : volt
            """,
            reset="""
            v -= v_threshold
            v_threshold += step
            """,
            parameters={"C": 1 * nF, "v_threshold_0": 10 * mV, "v_init": 0.0}
            | {"tau_threshold": 50 * ms, "step": 1 * mV},
            initial={"v_threshold": "v_threshold_0", "v": "v_init * v_threshold_0"},
            method="exponential_euler",
            purpose="Busy neurons raise their threshold: large activations are compressed.",
            source="after Diehl and Cook 2015 (adaptive threshold)",
        ),
        "bistable": dict(
            threshold="v >= v_threshold and timestep(t, dt)//timestep(period, dt) % 2 == 1",
            parameters=_PARAMETERS | {"period": 10 * ms},
            purpose="Gathers for a period, speaks in the next: the order of arrival is forgotten.",
            source="after Li, Zhao and Zeng 2022 (BSNN), with one threshold and no phase code",
        ),
        "eif": dict(
            equations="dv/dt = (slope*exp((v - v_soft)/slope) - v)/tau + I/C : volt",
            reset="v = 0*volt",
            parameters=_PARAMETERS
            | {"v_threshold": 20 * mV, "v_soft": 10 * mV, "slope": 1 * mV, "tau": 20 * ms},
            purpose="How a real neuron starts a spike: near the threshold it fires by itself.",
            source="Fourcaud-Trocmé et al. 2003",
        ),
        "exponential_synapse": dict(
            equations="""
            dv/dt = I_syn/C : volt
            dI_syn/dt = (I - I_syn)/tau_syn : amp
            """,
            parameters=_PARAMETERS | {"tau_syn": 5 * ms},
            method="exponential_euler",
            purpose="Input arrives spread over time: the same charge and count, but later.",
            source="Gerstner et al. 2014, section 3.1",
        ),
        "alpha_synapse": dict(
            equations="""
            dv/dt = I_syn/C : volt
            dI_syn/dt = (rise - I_syn)/tau_syn : amp
            drise/dt = (I - rise)/tau_syn : amp
            """,
            parameters=_PARAMETERS | {"tau_syn": 5 * ms},
            method="exponential_euler",
            purpose="The same with a slow onset: uneven trains are smoothed before they count.",
            source="Rall 1967",
        ),
    }
)
