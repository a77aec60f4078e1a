"""The symbols of the course: plain data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Symbol:
    """A symbol with one meaning.

    Parameters
    ----------
    tex : str
        As in the formulas, without braces.
    shown : str
        As HTML.
    words : str
    unit : str
        Empty for a plain number.
    section : str
        Where it is introduced.
    notebooks : str
        The numbers of those that use it in this meaning.
    """

    tex: str
    shown: str
    words: str
    unit: str
    section: str
    notebooks: str


# What a ReLU passes on, and what adds up to it, are in one unit: that of the numbers in the ANN.
_UNIT = "the activation's unit"

GLOSSARY = (
    Symbol("T", "T", "number of time steps", "steps", "0.3", "00 01 02 03 04 06 08 10 11"),
    Symbol("v", "v", "potential of a neuron, the charge it holds", "mV", "1.1", "01"),
    Symbol("v", "v", "potential of a neuron, the charge it holds", _UNIT, "1.1", "11"),
    Symbol("I", "I", "current", "nA", "1.1", "01"),
    Symbol("C", "C", "capacitance: the charge that one volt takes", "nF", "1.1", "01"),
    Symbol(r"\theta", "θ", "threshold (theta); a spike is worth that much", "mV", "1.1", "01"),
    Symbol(
        r"\theta",
        "θ",
        "threshold (theta); a spike is worth that much",
        _UNIT,
        "0.2",
        "00 02 03 05 06 07 11",
    ),
    Symbol("z", "z", "what flows into a neuron in a step", "mV", "1.2", "01"),
    Symbol(
        "z", "z", "the current of a neuron: what it receives in a step", _UNIT, "2.1", "02 05 11"
    ),
    Symbol("N", "N", "number of spikes", "spikes", "1.2", "01 02 03"),
    Symbol("t", "t", "time, or the number of a step", "ms, or steps", "1.2", "01 07 11"),
    Symbol(r"\tau", "τ", "time constant (tau): how long a leak takes", "ms", "1.4", "01"),
    Symbol("e", "e", "Euler's number, 2.718…", "", "1.5", "01 03 07"),
    Symbol("v_0", "v<sub>0</sub>", "charge before the first step", _UNIT, "2.2", "02 05"),
    Symbol("n", "n", "a whole number: so many steps for one spike", "steps", "2.5", "02"),
    Symbol(r"\rho", "ρ", "probability (rho) to climb one level", "", "3.4", "03"),
    Symbol("m", "m", "number of levels up to the threshold", "levels", "3.4", "03"),
    Symbol(r"\mu", "μ", "mean (mu) of the currents", _UNIT, "3.4", "03"),
    Symbol(
        r"\sigma", "σ", "spread (sigma) of the currents; σ² is their variance", _UNIT, "3.4", "03"
    ),
    Symbol("D", "D", "fall of the charge from its high-water mark", _UNIT, "3.5", "03"),
    Symbol("B", "B", "backlog of currents above the threshold", _UNIT, "3.5", "03"),
    Symbol("E", "E", "mean over many neurons", "", "3.5", "03"),
    Symbol(r"\barz", "z̄", "mean current that arrived", _UNIT, "4.1", "04"),
    Symbol(r"\barz_ANN", "z̄<sub>ANN</sub>", "the same current in the ANN", _UNIT, "4.1", "04"),
    Symbol("R", "R", "the ReLU", "", "4.1", "04"),
    Symbol("C", "C", "cut: nothing above the threshold passes", "", "4.1", "04"),
    Symbol("Q", "Q", "the staircase of counting", "", "4.1", "04"),
    Symbol(r"\varphi", "φ", "what a neuron has passed on (phi)", _UNIT, "4.1", "04"),
    Symbol("m", "m", "how many times too high a threshold is", "", "5.1", "05"),
    Symbol("w", "w", "a weight", "", "5.2", "05"),
    Symbol("W", "W", "the weights of a layer", "", "5.4", "05 07"),
    Symbol("l", "l", "number of a layer", "", "5.2", "05 06"),
    Symbol("i", "i", "number of an input, or of an output", "", "5.2", "05 07"),
    Symbol("j", "j", "number of a neuron", "", "5.2", "05 07"),
    Symbol("p", "p", "largest sum of positive weights in a layer", "", "5.2", "05"),
    Symbol("a", "a", "activation: what a ReLU passes on", _UNIT, "5.3", "05 06"),
    Symbol(r"\hatW", "Ŵ", "weights after scaling or folding", "", "5.4", "05 07"),
    Symbol("q", "q", "share of zeros", "", "6.3", "06"),
    Symbol("p", "p", "percentile of the activations above 0", "%", "6.3", "06"),
    Symbol("b", "b", "bias: a current that flows in at each step", _UNIT, "6.5", "06 07"),
    Symbol(r"\hatb", "b̂", "bias after scaling or folding", _UNIT, "6.5", "06 07"),
    Symbol("z", "z", "current that a BatchNorm receives", _UNIT, "7.1", "07"),
    Symbol(r"\mu", "μ", "mean (mu) of a channel, fixed after training", _UNIT, "7.1", "07"),
    Symbol(r"\sigma", "σ", "spread (sigma) of a channel; σ² is its variance", _UNIT, "7.1", "07"),
    Symbol(r"\gamma", "γ", "stretch (gamma) of a BatchNorm", "", "7.1", "07"),
    Symbol(r"\beta", "β", "shift (beta) of a BatchNorm", _UNIT, "7.1", "07"),
    Symbol(r"\varepsilon", "ε", "tiny number (epsilon) that keeps a root above 0", "", "7.1", "07"),
    Symbol("S", "S", "number of spikes up to a step", "spikes", "7.2", "07"),
    Symbol("o", "o", "what comes out: of a pooling, or of the network", "", "7.2", "07"),
    Symbol("V", "V", "accumulated current of an output", _UNIT, "7.3", "07"),
    Symbol("k", "k", "number of a branch", "", "7.4", "07"),
    Symbol("x", "x", "brightness of a pixel, from 0 to 1", "", "8.1", "08"),
    Symbol("p", "p", "probability that an image is read correctly", "", "8.2", "08"),
    Symbol("n", "n", "number of images", "images", "8.2", "08"),
    Symbol("L", "L", "number of layers", "layers", "9.3", "09"),
    Symbol("r", "r", "spikes per connection and step", "spikes per step", "10.3", "10"),
    Symbol("E_SNN", "E<sub>SNN</sub>", "energy of the SNN for an image", "pJ", "10.3", "10"),
    Symbol("E_ANN", "E<sub>ANN</sub>", "energy of the ANN for an image", "pJ", "10.3", "10"),
    Symbol("e_AC", "e<sub>AC</sub>", "price of an addition", "pJ", "10.3", "10"),
    Symbol(
        "e_MAC",
        "e<sub>MAC</sub>",
        "price of a multiplication with its addition",
        "pJ",
        "10.3",
        "10",
    ),
    Symbol("L", "L", "number of levels in training", "levels", "11.2", "11"),
    Symbol(r"\hath", "ĥ", "what a trained staircase passes on", _UNIT, "11.2", "11"),
    Symbol(
        r"\lambda", "λ", "threshold (lambda), as papers on training call it", _UNIT, "11.2", "11"
    ),
    Symbol(r"\tau", "τ", "number of steps (tau) of a first look", "steps", "11.3", "11"),
    Symbol("m", "m", "number of neurons in a group", "neurons", "11.4", "11"),
    Symbol("k", "k", "number of a member of a group", "", "11.4", "11"),
    Symbol(r"\Gamma", "Γ", "most spikes in a step (Gamma)", "spikes", "11.4", "11"),
)
