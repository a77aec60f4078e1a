"""The answer to a neuron that the learner wrote: the right one accepted, wrong ones told apart."""

import pytest
from brian2 import ms, mV, nF

import snnlab as sl
from snnlab import course
from snnlab.brian import Model, models

# What exercise 1.4 of notebook 01 asks for.
LEAKY = {
    "equations": "dv/dt = I/C - v/tau : volt",
    "threshold": "v >= v_threshold",
    "reset": "v -= v_threshold",
    "parameters": {"C": 1 * nF, "v_threshold": 10 * mV, "tau": 20 * ms},
}
ASKED = models["lif"].replace(reset="v -= v_threshold")


def answer(**changes):
    return course.compare(Model(**LEAKY | changes), ASKED)


@pytest.mark.parametrize("method", ["euler", "exact", "rk4"])
def test_the_solution_is_right(method):
    feedback = answer(method=method)
    assert feedback.right
    assert repr(feedback) == "Right. The two fire equally often at all of 210 currents."


@pytest.mark.parametrize(
    ("changes", "question"),
    [
        ({"equations": "dv/dt = I/C + v/tau : volt"}, "What does a neuron lose while it waits?"),
        ({"equations": "dv/dt = I/C : volt", "parameters": {"C": 1 * nF, "v_threshold": 10 * mV}},
         "What does a neuron lose while it waits?"),
        ({"equations": "dv/dt = I/C - 2*v/tau : volt"}, "deaf to weak currents"),
        ({"parameters": LEAKY["parameters"] | {"C": 10 * nF}}, "deaf to weak currents"),
        ({"reset": "v = 0*volt"}, "What does a spike leave behind?"),
        ({"threshold": "v > 0*mV and v < 0*mV"}, "deaf to weak currents"),
    ],
)  # fmt: skip
def test_wrong_neurons_get_a_question(changes, question):
    feedback = answer(**changes)
    assert not feedback.right
    assert question in feedback.words
    yours = int(feedback.words.split("fires ")[1].split()[0])
    other = int(feedback.words.split("this one ")[1].split()[0])
    assert yours != other


@pytest.mark.parametrize("equations", ["dv/dt = I - v/tau : volt", "dv/dt = I/C - v*tau : volt"])
def test_a_forgotten_or_turned_parameter_is_found_by_its_unit(equations):
    with pytest.raises(sl.OptionError, match="unit"):
        answer(equations=equations)


def test_only_models_are_compared():
    for pair in (("lif", models["lif"]), (models["lif"], LEAKY)):
        with pytest.raises(sl.OptionError, match=r"expected a Model. Write brian.Model"):
            course.compare(*pair)
