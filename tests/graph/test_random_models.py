"""Random models are converted rightly or refused in words; what is written about them is true."""

import functools
import itertools

import pytest
import torch
from helpers import conversion_oracle, random_steps
from helpers.conversion_oracle import WrongConversionError, judge, shortened
from helpers.random_models import STEPS, model_with, random_model
from helpers.seeds import seeds
from torch import nn

import snnlab as sl
from snnlab.conversion import pipeline
from snnlab.graph.operations import Kind

# What the models warn of is their business.
pytestmark = pytest.mark.filterwarnings("ignore")

TRAPS = [("TRAPS", name) for name in random_steps.TRAPS]
# A write through a view that is no plain part of another value may be refused.
MAY_BE_REFUSED = {f"VIEWS: {name}" for name in random_steps.VIEWS}


def assert_sound(model, **options):
    """Return the refusal of a model, None if it is converted; show the shortest that fails."""
    try:
        return judge(model, **options)
    except WrongConversionError as failure:
        kind = str(failure)[:20]
        shortest = shortened(model, functools.partial(_fails, kind=kind))
        message = f"{failure}\n\n{shortest.source}"
    pytest.fail(message)


def _fails(model, kind):
    try:
        judge(model)
    except WrongConversionError as failure:
        return str(failure)[:20] == kind
    return False


@pytest.mark.parametrize("seed", seeds(2000, fast=20, usual=100))
def test_random_model_is_converted_rightly_or_refused(seed):
    model = random_model(seed)
    refusal = assert_sound(model)
    if not model.traps and not MAY_BE_REFUSED & set(model.names):
        silent = isinstance(refusal, sl.CalibrationError)
        assert refusal is None or silent, f"{refusal}\n\n{model.source}"


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS, ids=": ".join)
def test_each_step_converts(step):
    model = model_with(*step)
    refusal = assert_sound(model, simulated=False)
    if ": ".join(step) not in MAY_BE_REFUSED:
        assert refusal is None, f"{refusal}\n\n{model.source}"


@pytest.mark.parametrize("trap", TRAPS, ids=": ".join)
def test_each_trap_is_refused(trap):
    model = model_with(*trap)
    assert assert_sound(model), model.source


# The generator and the oracle


def test_the_models_hold_nearly_every_step():
    held = {name for seed in range(100) for name in random_model(seed).names}
    steps = [": ".join(step) for step in STEPS]
    missing = [step for step in steps if step not in held]
    assert len(missing) < 0.1 * len(steps), missing
    assert sum(name.startswith("TRAPS") for name in held) >= 8
    assert {f"HEADS: {name}" for name in random_steps.HEADS} <= held
    assert {"END: two heads", "KEEP"} <= held


def test_a_model_is_the_same_each_time_and_each_part_of_its_source_is_used():
    for seed in range(5):
        model = random_model(seed)
        random_model.cache_clear()
        assert random_model(seed).source == model.source
        x = model.images(3)
        assert torch.equal(model.build()(x), model.build()(x))
        assert all(f"self.{name}" in model.source for name in model.build()._modules)


def _first(graph, wanted):
    return next((n for n in graph.nodes if wanted(n)), None)


def _layer(node, graph):
    return node.op == "call_module" and hasattr(graph.module.get_submodule(node.target), "weight")


def weight_off(graph):
    node = _first(graph, lambda n: _layer(n, graph))
    if node:
        layer = graph.module.get_submodule(node.target)
        layer.weight = nn.Parameter(layer.weight * 1.001, requires_grad=False)
    return node


def bias_dropped(graph):
    def with_bias(n):
        return _layer(n, graph) and graph.module.get_submodule(n.target).bias is not None

    node = _first(graph, with_bias)
    if node:
        graph.module.get_submodule(node.target).bias.data.zero_()
    return node


def layer_dropped(graph):
    def skippable(n):
        sources = n.all_input_nodes
        same = sources and sources[0].meta["shape"] == n.meta["shape"]
        return n.meta["kind"] is Kind.AFFINE and same

    node = _first(graph, skippable)
    if node:
        node.replace_all_uses_with(node.all_input_nodes[0])
        graph.module.graph.erase_node(node)
    return node


def relu_turned(graph):
    node = _first(graph, lambda n: n.meta["kind"] is Kind.RELU)
    source = node.all_input_nodes[0]
    with graph.module.graph.inserting_before(node):
        turned = graph.module.graph.call_function(torch.neg, (source,))
    turned.meta |= node.meta | {"kind": Kind.AFFINE}
    node.replace_input_with(source, turned)
    return node


def images_mixed(graph):
    output = graph.nodes[-1]
    source = output.all_input_nodes[0]
    with graph.module.graph.inserting_before(output):
        flipped = graph.module.graph.call_function(torch.flip, (source, [0]))
    flipped.meta |= source.meta | {"kind": Kind.AFFINE}
    output.replace_input_with(source, flipped)
    return output


@functools.cache
def converted():
    """Return a few models that convert."""
    models = (model_with("WEIGHTS", name) for name in random_steps.WEIGHTS)
    return list(itertools.islice((m for m in models if judge(m) is None), 10))


@pytest.mark.parametrize(
    "fault", [weight_off, bias_dropped, layer_dropped, relu_turned, images_mixed]
)
def test_oracle_sees_a_wrong_converter(fault, monkeypatch):
    models, spoiled = converted(), []

    def wrong(graph):
        folded = sl.fold_batchnorm(graph)
        spoiled.append(fault(folded) is not None)
        folded.module.recompile()
        # Layers and pools are kept once they were asked for.
        return type(folded)(**{f: getattr(folded, f) for f in folded.__dataclass_fields__})

    monkeypatch.setattr(pipeline, "fold_batchnorm", wrong)
    monkeypatch.setattr(pipeline, "check_equivalence", lambda *arguments: None)
    caught = []
    for model in models:
        try:
            judge(model, simulated=False)
        except WrongConversionError as failure:
            caught.append(str(failure))
    assert sum(spoiled) >= 4
    assert len(caught) == sum(spoiled)
    assert all("outputs differ" in what for what in caught)


FAULTS_OF_A_RUN = {
    "reset to zero": lambda n, x, t: RUN(n, x, t, reset="zero"),
    "thresholds too low": lambda n, x, t: RUN(n.replace(scale=0.8), x, t),
    "images mixed": lambda n, x, t: RUN(n, x.flip(0), t),
    "too few steps": lambda n, x, t: RUN(n, x, min(t, 8)),
}
RUN = sl.simulate


@pytest.mark.parametrize("fault", FAULTS_OF_A_RUN)
def test_oracle_sees_a_wrong_simulation(fault, monkeypatch):
    models = converted()[:4]
    monkeypatch.setattr(conversion_oracle.sl, "simulate", FAULTS_OF_A_RUN[fault])
    caught = []
    for model in models:
        try:
            judge(model)
        except WrongConversionError as failure:
            caught.append(str(failure))
    assert len(caught) >= len(models) - 1, caught
    assert all(what.startswith(("spikes", "one by one")) for what in caught)


def test_oracle_sees_a_crash_and_a_changed_model(monkeypatch):
    model = model_with("WEIGHTS", "Linear, BatchNorm")

    def crash(*arguments, **options):
        raise IndexError("tuple index out of range")

    monkeypatch.setattr(conversion_oracle.sl, "convert", crash)
    with pytest.raises(WrongConversionError, match="no refusal but IndexError"):
        judge(model)

    for change in (
        lambda net: net.train(),
        lambda net: next(net.parameters()).data.mul_(2),
        lambda net: torch.rand(1),
        lambda net: net.add_module("more", nn.ReLU()),
    ):

        def changing(net, *arguments, change=change, **options):
            change(net)
            raise sl.UnsupportedLayerError("layer 'a' (b): cannot be. Expected c. Do d.")

        monkeypatch.setattr(conversion_oracle.sl, "convert", changing)
        with pytest.raises(WrongConversionError, match=r"changed|moved|other"):
            judge(model)


@pytest.mark.parametrize(
    "words", ["no", "layer 'a': no", "layer 'a' is a Proxy: b. Do c.", "Oh: no."]
)
def test_oracle_sees_a_poor_refusal(words, monkeypatch):
    def refuse(*arguments, **options):
        raise sl.UnsupportedLayerError(words)

    monkeypatch.setattr(conversion_oracle.sl, "convert", refuse)
    with pytest.raises(WrongConversionError):
        judge(model_with("WEIGHTS", "Linear"))
