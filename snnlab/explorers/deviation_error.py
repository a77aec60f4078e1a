"""What the order and the spread of the currents do to a neuron that counts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from snnlab.dynamics import if_step, soft_count
from snnlab.explorers.toolkit.controls import Choice, Control, Slider
from snnlab.explorers.toolkit.drawing import finish, none_at_zero, part_line, ring
from snnlab.explorers.toolkit.prediction import PredictionExplorer
from snnlab.plots._style import BLACK, BLUE, ORANGE

STEPS, NEURONS, V_INIT = 16, 200, 0.5
THRESHOLDS = np.geomspace(0.25, 4, 25)
NOISE = np.random.default_rng(0).standard_normal((STEPS, NEURONS))

ORDERS = {"as they come": "drawn", "largest first": "falling", "smallest first": "rising"}


def arranged(currents: np.ndarray, order: str) -> np.ndarray:
    """Return the same currents, shape (T, N), in another order of arrival."""
    if order == "drawn":
        return currents
    rising = np.sort(currents, axis=0)
    return rising if order == "rising" else rising[::-1]


def compute(order: str, threshold: float, mean: float, spread: float) -> dict[str, Any]:
    """Return the errors of 200 neurons at many thresholds, and the charge and spikes of the first.

    Each neuron receives 16 random currents and starts half full. The last threshold is the chosen
    one. In units of the activation.
    """
    z = arranged(mean + spread * NOISE, order)
    theta = np.append(THRESHOLDS, threshold)
    v, counts = np.tile(V_INIT * theta, (NEURONS, 1)), np.zeros((NEURONS, len(theta)))
    passed_on = np.empty(STEPS)
    for t in range(STEPS):
        v, spikes = if_step(v, z[t, :, None], theta)
        counts += spikes
        passed_on[t] = threshold * counts[0, -1]
    z_mean = z.mean(0)[:, None]
    activation = np.maximum(z_mean, 0)
    clipped = np.minimum(activation, theta)
    steady = theta * soft_count(z_mean, STEPS, theta, V_INIT) / STEPS
    parts = {
        "clipping": clipped - activation,
        "quantization": steady - clipped,
        "deviation": theta * counts / STEPS - steady,
    }
    total = theta * counts / STEPS - activation
    charge = V_INIT * threshold + np.cumsum(z[:, 0])
    return {
        "charge": charge,
        "highest": np.maximum.accumulate(charge),
        "passed_on": passed_on,
        "above": int((z[:, 0] > threshold).sum()),
        "parts": parts,
        "total": total,
        "rms": {part: np.sqrt(np.mean(e**2, 0)) for part, e in (parts | {"total": total}).items()},
        "threshold": threshold,
    }


class DeviationError(PredictionExplorer):
    """The charge of one neuron under uneven currents, and the error of many over the threshold.

    Take hold of the order in which the same currents arrive, of the threshold, and of the mean and
    the spread (the standard deviation) of the currents.

    `prediction` is the threshold at which a learner expects the smallest error.
    """

    compute = staticmethod(compute)
    declared: Mapping[str, Control] = {
        "order": Choice("order", "in which the same currents arrive", ORDERS, "drawn"),
        "threshold": Slider("threshold θ", "one spike is worth this", 0.25, 4.0, 0.25, 1.0),
        "mean": Slider("mean μ", "average of the currents", -0.25, 0.5, 0.0625, 0.25),
        "spread": Slider("spread σ", "how much they differ", 0.0, 0.75, 0.0625, 0.5),
    }

    def layout(self, figure: Figure) -> Sequence[Artist]:
        """Draw the axes of the charge and of the errors."""
        left, right = figure.subplots(1, 2)
        t = np.arange(1, STEPS + 1)
        (self._charge,) = left.plot(t, t, ".-", color=BLUE, label="charge received")
        (self._highest,) = left.plot(t, t, "--", color=ORANGE, label="its highest so far")
        (self._passed,) = left.step(t, t, where="mid", color=BLACK, lw=1, label="θ × spikes so far")
        left.set(xlim=(0, STEPS + 1), ylim=(-8, 14), xlabel="step", ylabel="sum since the start")
        left.set(xticks=range(0, STEPS + 1, 4), yticks=range(-8, 16, 4))
        finish(left, "One neuron", 24, columns=3, grid=True)
        self._errors = {
            part: right.plot(THRESHOLDS, THRESHOLDS, **part_line(part, start, 4))[0]
            for start, part in enumerate(("total", "deviation", "quantization", "clipping"))
        }
        self._ring = ring(right)
        right.set_xscale("log")
        right.set_yscale("symlog", linthresh=1e-3)  # logarithmic, but with a place for 0
        none_at_zero(right)
        right.set(xlim=(0.23, 4.35), ylim=(-2e-4, 1))
        right.set(xlabel="threshold θ", ylabel="root mean square error")
        ticks = (0.25, 0.5, 1, 2, 4)
        right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        right.set_xticks([], minor=True)
        self.mark_prediction(right, "x")
        at_ends = list(self._errors.values())
        finish(right, f"{NEURONS} neurons", 24, columns=4, grid=True, at_ends=at_ends)
        return [self._charge, self._highest, self._passed, *self._errors.values(), self._ring]

    def draw(self, data: dict[str, Any]) -> None:
        """Move the charge, its water mark, what was passed on, the errors and the ring."""
        self._charge.set_ydata(data["charge"])
        self._highest.set_ydata(data["highest"])
        self._passed.set_ydata(data["passed_on"])
        for part, line in self._errors.items():
            line.set_ydata(data["rms"][part][:-1])
        self._ring.set_data([data["threshold"]], [data["rms"]["total"][-1]])

    def describe(self, data: dict[str, Any], **values: Any) -> str:
        """Say what the first neuron got and gave, and how far off all of them are."""
        threshold, rms = values["threshold"], data["rms"]
        order = self.declared["order"].shown(values["order"])
        spikes = data["passed_on"][-1] / threshold
        best = THRESHOLDS[rms["total"][:-1].argmin()]
        cut = f"{rms['clipping'][-1]:.4f}" if rms["clipping"][-1] else "0"
        return (
            f"Currents of mean {values['mean']:g} and spread {values['spread']:g}, {order}, "
            f"threshold {threshold:g}: the neuron on the left has received "
            f"{data['charge'][-1]:.2f}, its start included, at most {data['highest'][-1]:.2f} on "
            f"the way, and has passed on {data['passed_on'][-1]:g} ({spikes:.0f} × {threshold:g}). "
            f"Error of {NEURONS} such neurons: {rms['total'][-1]:.4f} root mean square (deviation "
            f"{rms['deviation'][-1]:.4f}, quantization {rms['quantization'][-1]:.4f}, clipping "
            f"{cut}), smallest near threshold {best:.2g}."
        )

    def formula(self, data: dict[str, Any], **values: Any) -> str:
        """Return the law of the water mark, filled in, and when it holds."""
        threshold, highest = values["threshold"], data["highest"][-1]
        bound = max(0, int(np.floor(highest / threshold)))
        above, spikes = data["above"], data["passed_on"][-1] / threshold
        holds = (
            "No current here is above the threshold, so the law holds."
            if above == 0
            else f"Above the threshold are {above} of the {STEPS} currents here. The neuron cannot "
            f"fire twice in a step, so it may fire less often than the law says."
        )
        return (
            r"<p>$S_t$ is the sum of the currents up to step $t$, and $v_0$ what the neuron held "
            r"before. A spike cannot be taken back when the charge falls again. So the number of "
            r"spikes $N$ tells the <b>highest</b> charge there was, not the last:</p>"
            r"$$N = \max\left(0,\ \max_{t \le T} \left\lfloor"
            r"\frac{v_0 + S_t}{\theta}\right\rfloor\right)$$"
            rf"$$\max\left(0,\ \left\lfloor"
            rf"\frac{{{highest:.3f}}}{{{threshold:g}}}\right\rfloor\right) = {bound},"
            rf"\qquad \text{{the neuron fired }} {spikes:.0f}\text{{ times}}$$"
            f"<p>{holds}</p>"
            r"<p>A steady current of the same mean $\bar z$ would give "
            r"$\lfloor (v_0 + \bar z\,T)/\theta \rfloor$ spikes, at least 0 and at most $T$: the "
            r"last charge. The difference, times $\theta/T$, is the <b>deviation error</b>.</p>"
        )
