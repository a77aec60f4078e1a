"""Operations against brute force, against matrices of synapses, and against trains step by step."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import convnets
from helpers.fan_out import brute_force
from helpers.networks import converted
from helpers.random_models import random_model
from helpers.seeds import seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.analysis.operation_counts import ARRIVALS
from snnlab.analysis.wiring import wiring

Conv1d = {False: nn.Conv1d, True: nn.ConvTranspose1d}


def counted(model, x, timesteps=8, threshold=1.0, max_pool="exact", **options):
    """Return network, record and operations of a model on images."""
    net = sl.convert(model, x, threshold=sl.Fixed(threshold)).replace(max_pool=max_pool)
    record = sl.simulate(net, x, timesteps, **options)
    return net, record, sl.operations(net, record)


def rows(operations):
    return {row["layer"]: row for row in operations.rows}


def rand(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


class Forward(nn.Module):
    """A model of some layers and a function that calls them."""

    def __init__(self, forward, **layers):
        super().__init__()
        self.function = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.function(self, x)


# --- fan-out -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", seeds(300, fast=0, usual=8))
def test_fan_out_of_a_random_model_is_that_of_brute_force(seed):
    model = random_model(seed)
    try:
        net = sl.convert(model.build(), model.images(5), threshold=sl.Fixed(1.0))
    except sl.SNNLabError:
        return
    for input in ("analog", "poisson", "frames"):
        wires = wiring(net.graph, net.neurons, input)
        expected = brute_force(net, input, wires.sources)
        for source in wires.sources:
            assert (wires.fan_out(source, ARRIVALS) == expected[source]).all(), (input, source)


@settings(max_examples=25)
@given(st.booleans(), *(st.integers(1, 3) for _ in range(4)), st.integers(0, 3), st.integers(5, 9))
def test_fan_out_of_a_convolution_is_that_of_unit_impulses(
    transposed, groups, kernel, stride, dilation, padding, length
):
    options = {"stride": stride, "dilation": dilation, "groups": groups}
    if padding < (kernel - 1) * dilation + 1:  # else all of an output may lie on padding
        options["padding"] = padding
    conv = Conv1d[transposed](2 * groups, 3 * groups, kernel, **options)
    nn.init.uniform_(conv.weight, 0.5, 1.0)
    model, x = nn.Sequential(nn.ReLU(), conv), torch.ones(1, 2 * groups, length)
    try:
        with torch.no_grad():
            units = torch.eye(x.numel()).unflatten(1, x.shape[1:])
            arrived = conv(units) - conv(torch.zeros_like(x))
    except RuntimeError:  # the kernel does not fit
        return
    expected = (arrived.abs() > 1e-6).flatten(1).sum(1).reshape(x.shape[1:]).numpy()
    _, record, found = counted(model, x)
    assert (found.fan_out("0") == expected).all()
    assert found.totals["true"] == expected.sum()
    assert found.totals["synaptic"] == (record.counts("0")[0] * expected).sum()
    nominal = x.numel() if transposed else conv(x).numel()
    assert found.totals["nominal"] == nominal * conv.weight[0].numel()
    assert (found.totals["nominal"] == expected.sum()) or padding or transposed


ARCHITECTURES = {
    "strides, groups": lambda: nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, 2, 1, groups=2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(96, 3)),
    ),
    "average pooling": lambda: nn.Sequential(
        *(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(3, 2, 2, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)),
    ),
    "transposed": lambda: nn.Sequential(
        *(nn.ReLU(), nn.ConvTranspose2d(1, 2, 3, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 3, dilation=2)),
    ),
    "BatchNorm": lambda: nn.Sequential(
        *(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2)),
        nn.ReLU(),
    ),
    "addition": lambda: Forward(
        lambda m, x: m.c((r := F.relu(m.a(x))).add(m.b(F.relu(m.b(r)))).relu()),
        a=nn.Conv2d(1, 3, 3),
        b=nn.Conv2d(3, 3, 3, padding=1),
        c=nn.Conv2d(3, 1, 2),
    ),
    "concatenation": lambda: Forward(
        lambda m, x: m.b(torch.cat([F.relu(m.a(x)), F.relu(x)[:, :, ::2]], 2)),
        a=nn.Conv2d(1, 1, 3, padding=1),
        b=nn.Conv2d(1, 2, 3, padding=1),
    ),
    "interpolation": lambda: nn.Sequential(
        *(nn.ReLU(), nn.Upsample(scale_factor=1.5, mode="bilinear"), nn.Conv2d(1, 2, 1), nn.ReLU())
    ),
    "neurons behind a pooling": lambda: nn.Sequential(
        nn.ReLU(), nn.AvgPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3), nn.ReLU()
    ),
}


@pytest.mark.brian
@pytest.mark.parametrize("input", ["analog", "regular"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_synapses_are_those_of_brian(name, input):
    from snnlab import brian

    torch.manual_seed(0)
    x = rand(3, 1, 8, 8)
    net, record, found = counted(ARCHITECTURES[name]().eval(), x, threshold=0.25, input=input)
    wires = {layer: brian.connections(net, layer).matrices for layer in [*net.layers, "output"]}
    table, constant = rows(found), input == "analog"
    for source in found.sent:
        synapses = sum((m[source] != 0).sum(0) for m in wires.values() if source in m)
        assert (found.fan_out(source).ravel() == np.ravel(synapses)).all(), source
    for layer, matrices in wires.items():
        sops = sum(
            ((m != 0) @ record.counts(source).reshape(3, -1).T).sum(0)
            for source, m in matrices.items()
            if source != "input" or not constant
        )
        assert sum(table[layer][column] for column in ARRIVALS) == np.mean(sops)
        multiplied = constant and "input" in matrices and table[layer]["true"]
        products = matrices["input"].nnz if multiplied else 0
        assert table[layer]["multiplications"] == products


# --- operations --------------------------------------------------------------------------------


def test_numbers_by_hand():
    """Two channels of three places; a kernel of three over them reaches 2, 3 and 2 places."""
    model = nn.Sequential(nn.ReLU(), nn.Conv1d(2, 4, 3, padding=1), nn.ReLU(), nn.Flatten())
    x = np.array([[[1.0, 1.0, 0.0], [0.0, 0.25, 0.5]], [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]])
    net = sl.convert(nn.Sequential(*model, nn.Linear(12, 5)), x, threshold=sl.Fixed(1.0))
    net = net.replace(v_init=0.0)
    record = sl.simulate(net, x, 8, at=(4,))
    found, early = sl.operations(net, record), sl.operations(net, record, step=4)
    assert found.fan_out("0").tolist() == [[8, 12, 8], [8, 12, 8]]
    assert found.fan_out(1).tolist() == np.full((4, 3), 5).tolist()
    assert record.counts("0").tolist() == [[[8, 8, 0], [0, 2, 4]], [[0, 0, 0], [8, 0, 0]]]
    arrived = found.arrived["2"]["synaptic"]
    assert arrived.tolist() == [8 * 8 + 8 * 12 + 2 * 12 + 4 * 8, 8 * 8]
    assert early.arrived["2"]["synaptic"].tolist() == [4 * 8 + 4 * 12 + 1 * 12 + 2 * 8, 4 * 8]
    last = 5 * record.counts("2").reshape(2, -1).sum(1)
    assert found.arrived["output"]["synaptic"].tolist() == last.tolist()
    assert found.per_image("synaptic").tolist() == (arrived + last).tolist()
    assert found.totals["synaptic"] == np.mean(arrived + last)
    assert (found.totals["nominal"], found.totals["true"]) == (3 * 4 * 6 + 60, 7 * 8 + 60)
    assert found.totals["updates"] == 8 * (6 + 12)
    assert (found.timesteps, early.timesteps, found.images) == (8, 4, 2)
    assert found.layers == ["0", "2", "output"]


@pytest.mark.parametrize("seed", range(5))
def test_every_spike_of_the_trains_is_counted_at_every_synapse(seed):
    """A loop over the spikes, one after the other, in networks of random shape."""
    _, x, net = converted(seed, max_pool=False)
    record = sl.simulate(net, x, 6, spikes=True)
    found = sl.operations(net, record)
    expected = 0
    for name in net.layers:
        fan_out = found.fan_out(name)
        for _, b, *place in np.argwhere(record.spikes(name)):
            expected += fan_out[tuple(place)] * (b >= 0)
    assert sum(found.per_image(column).sum() for column in ARRIVALS) == expected


def test_counts_grow_in_proportion():
    net, record, found = counted(convnets.small(), convnets.images(), threshold=0.5)
    double = {name: 2 * record.counts(name) for name in net.layers}
    doubled = sl.operations(net, dataclasses.replace(record, totals=double))
    for column in (*ARRIVALS, "spikes"):
        assert (doubled.per_image(column) == 2 * found.per_image(column)).all(), column
    for column in ("nominal", "true", "multiplications", "updates"):
        assert (doubled.per_image(column) == found.per_image(column)).all(), column
    assert found.per_image("synaptic").std() > 0


def test_one_spike_of_each_neuron_costs_what_the_ann_multiplies():
    net, record, _ = counted(convnets.small(), convnets.images(), max_pool="exact")
    ones = {name: np.ones_like(record.counts(name)) for name in net.layers}
    found = sl.operations(net, dataclasses.replace(record, totals=ones))
    multiplied = found.per_image("synaptic") + found.per_image("multiplications")
    assert (multiplied == found.totals["true"]).all()


def test_without_spikes_only_constants_and_updates_are_left():
    _, _, found = counted(convnets.small(), convnets.images(), threshold=1e6)
    kept = {"nominal", "true", "multiplications", "updates"}
    assert {column for column, total in found.totals.items() if total} == kept


def test_padding_is_counted_nominally_only():
    x = rand(1, 2, 6, 6)
    padded = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU())
    by_hand = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(2, 3, 3), nn.ReLU())
    mirrored = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), nn.ReLU())
    totals = [counted(model, x)[2].totals for model in (padded, by_hand, mirrored)]
    assert [t["nominal"] for t in totals] == [36 * 9 * 6] * 3
    assert [t["true"] for t in totals] == [16 * 16 * 6, 16 * 16 * 6, 36 * 9 * 6]


def test_weights_of_0_are_synapses():
    model = nn.Sequential(nn.ReLU(), nn.Linear(3, 4))
    nn.init.zeros_(model[1].weight)
    _, _, found = counted(model, torch.ones(1, 3))
    assert found.fan_out("0").tolist() == [4, 4, 4]
    assert found.totals["synaptic"] == 3 * 8 * 4


def test_spikes_of_pixels_have_a_row_and_replace_multiplications():
    model, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.tensor([[0.5, 1.0, 0.0]])
    _, _, constant = counted(model, x)
    _, record, spiking = counted(model, x, input="regular")
    assert constant.layers == ["0.relu" if "0.relu" in constant.layers else "1", "output"]
    assert constant.totals["multiplications"] == 12
    assert spiking.layers[0] == "input"
    assert spiking.totals["multiplications"] == 0
    assert spiking.arrived["1"]["synaptic"] == 4 * record.counts("input").sum() == 4 * 12


def test_frames_are_multiplied_at_each_step():
    model, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU()), rand(1, 3)
    net = sl.convert(model, x)
    record = sl.simulate(net, rand(5, 2, 3), 5, input="frames")
    assert sl.operations(net, record).totals["multiplications"] == 5 * 12


# --- what stands between two layers of neurons -------------------------------------------------


def test_a_linear_bottleneck_multiplies_real_numbers_at_each_step():
    model = nn.Sequential(nn.ReLU(), nn.Linear(6, 2), nn.Linear(2, 5), nn.ReLU())
    _, record, found = counted(model, rand(2, 6))
    assert found.fan_out("0").tolist() == [2] * 6
    assert found.totals["multiplications"] == 8 * 10
    assert found.totals["synaptic"] == 2 * record.counts("0").sum() / 2
    assert found.totals["true"] == 12 + 10


def test_a_current_with_two_readers_is_added_at_each_step():
    """Pre-activation blocks: what the shortcut carries is a real number."""
    model = Forward(
        lambda m, x: m.head((h := m.a(F.relu(x))) + m.b(F.relu(h))),
        **{name: nn.Linear(4, 4) for name in "ab"},
        head=nn.ReLU(),
    )
    found = counted(model, rand(2, 4))[2]
    assert (rows(found)["head"]["analog"], rows(found)["head"]["additions"]) == (8 * 4, 0)
    once = Forward(
        lambda m, x: m.head(m.a(F.relu(x)) + m.b(F.relu(x))), a=model.a, b=model.b, head=model.head
    )
    assert counted(once, rand(2, 4))[2].totals["analog"] == 0


def test_an_analog_shortcut_adds_a_real_number_for_each_neuron_and_step():
    """The additions of its spikes are gone; nothing else changes where the spikes stay."""
    torch.manual_seed(0)
    model, x = sl.data.resnet(14, width=2).eval(), rand(2, 1, 8, 8)
    spikes, analog = (
        sl.operations(net, sl.simulate(net, x, 4))
        for net in (sl.convert(model, x, shortcut=s) for s in ("spikes", "analog"))
    )
    # The first identity reads the stem, whose current is constant.
    shortcuts = {"stage1.0.relu": 0, "stage2.1.relu": 4 * 4 * 4, "stage3.1.relu": 8 * 2 * 2}
    shortcuts["stage1.1.relu"] = 2 * 8 * 8
    for name, row in rows(analog).items():
        assert row["analog"] == 4 * shortcuts.get(name, 0)
        assert row["additions"] == 0
        assert (rows(spikes)[name]["additions"] > 0) == (name in shortcuts)
    assert (analog.fan_out(0) == spikes.fan_out(0) - 1).all()
    assert analog.totals["true"] == spikes.totals["true"]


def test_spikes_that_join_a_current_are_additions_and_multiplied_with_it():
    model = Forward(
        lambda m, x: m.b(m.a(r := F.relu(x)) + r).relu(), a=nn.Linear(4, 4), b=nn.Linear(4, 3)
    )
    net, record, found = counted(model, rand(1, 4))
    spikes, row = record.counts(0).sum(), rows(found)[net.layers[1]]
    assert (row["synaptic"], row["additions"]) == (4 * spikes, spikes)
    assert found.totals["multiplications"] == 8 * 12


def test_a_spike_that_joins_a_current_in_several_places_is_added_in_each():
    model = Forward(
        lambda m, x: m.b(m.a(F.relu(x)) + F.relu(x[..., :1])).relu(),
        a=nn.Conv1d(2, 2, 1),
        b=nn.Conv1d(2, 2, 1),
    )
    net, record, found = counted(model, rand(1, 2, 5))
    assert found.arrived[net.layers[2]]["additions"] == 5 * record.counts(1).sum()


def test_a_pooled_current_is_added_up_at_each_step():
    model = nn.Sequential(nn.ReLU(), nn.Conv1d(1, 2, 1), nn.AvgPool1d(3), nn.ReLU())
    found = counted(model, rand(1, 1, 6))[2]
    assert found.totals["analog"] == 8 * (12 - 4)


def test_a_sum_with_the_constant_image_is_multiplied_once():
    model = Forward(lambda m, x: F.relu(m.a(torch.cat([F.relu(x), x], 1))), a=nn.Conv1d(4, 3, 1))
    _, record, found = counted(model, rand(1, 2, 5))
    assert found.totals["multiplications"] == 2 * 5 * 3
    assert found.totals["synaptic"] == 3 * record.counts(0).sum()


@pytest.mark.parametrize("how", ["exact", "gate", "gate_recent"])
@pytest.mark.parametrize("between", [nn.Identity(), nn.Flatten(2)])
def test_max_pooling_passes_on_the_spikes_that_the_simulation_does(how, between, monkeypatch):
    """Against the outputs of the poolings, step by step: each is 0 or one spike."""
    from snnlab.dynamics.pooling import ExactMaxPool, GatedMaxPool

    kind, passed = (ExactMaxPool if how == "exact" else GatedMaxPool), []
    step = kind.step

    def noted(self, *args):
        passed.append(step(self, *args))
        return passed[-1].clone()

    monkeypatch.setattr(kind, "step", noted)
    flat = isinstance(between, nn.Flatten)
    pool, conv = (nn.MaxPool1d(4), nn.Conv1d(2, 3, 1)) if flat else (
        nn.MaxPool2d(3, 2, 1), nn.Conv2d(2, 3, 1)
    )  # fmt: skip
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), between, pool, conv, nn.ReLU())
    theta = {"1": np.array([0.25, 0.5]), "5": 1.0}
    torch.manual_seed(1)
    _, record, found = counted(model, rand(3, 1, 8, 8), threshold=theta, max_pool=how)
    spikes = sum(float((block > 0).sum()) for block in passed)
    assert found.sent["3"].sum() == spikes > 0
    assert found.arrived["5"]["synaptic"].sum() == 3 * spikes
    assert found.arrived["5"]["pooling"].sum() == record.counts("1").sum() * (
        1 if flat else found.fan_out("1").mean()
    )


ENDS = {
    "a multiple": lambda x: F.max_pool1d(2 * F.relu(x), 2),
    "spikes and a constant": lambda x: torch.stack([F.relu(x), x], 1).amax(1),
    "spikes of two sizes": lambda x: torch.stack([F.relu(x), F.relu(x + 1)], 1).amax(1),
}


@pytest.mark.parametrize("end", ENDS)
def test_max_pooling_of_what_is_no_single_spike_is_a_real_number(end):
    model = Forward(lambda m, x: F.relu(m.a(ENDS[end](x).flatten(1))), a=nn.LazyLinear(3))
    model(torch.ones(1, 1, 4))
    layers = sl.trace(model, torch.ones(1, 1, 4)).layers
    theta = dict(zip(layers, (1.0, 2.0, 1.0), strict=False))
    found = counted(model, rand(2, 1, 4), threshold=theta)[2]
    assert found.totals["synaptic"] == 0
    assert found.totals["multiplications"] == 8 * found.totals["true"]


def test_spikes_that_end_in_a_pooling_are_counted_apart():
    """Neurons behind a pooling, as in Diehl et al. 2015, and behind an identity."""
    model = nn.Sequential(nn.ReLU(), nn.AvgPool1d(2, 1), nn.ReLU(), nn.ReLU())
    _, record, found = counted(model, rand(2, 1, 3))
    table, sent = rows(found), {n: record.counts(n).sum((0, 1)) / 2 for n in record.layers}
    assert (table["2"]["pooling"], table["2"]["additions"]) == (sent["0"] @ [1, 2, 1], 0)
    assert (table["3"]["pooling"], table["3"]["additions"]) == (0, sent["2"].sum())


def test_spikes_that_are_taken_back_cost_twice_and_no_max_pooling_passes_them_on():
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.MaxPool1d(2)),
        nn.Linear(3, 2),
    )
    net = sl.convert(model, rand(20, 1, 4), threshold=sl.Fixed(0.2)).replace(signed=True)
    record = sl.simulate(net, 2 * rand(20, 1, 4) - 1, 8, spikes=True)
    found = sl.operations(net, record)
    sent = sum(np.abs(record.spikes(name)).sum((0, 2, 3)) for name in net.layers)
    assert (found.per_image("spikes") == sent).all()
    assert (sent > sum(record.counts(name).sum((1, 2)) for name in net.layers)).any()
    assert rows(found)["output"]["multiplications"] == 8 * 6
    assert "4" not in found.sent


def test_the_neurons_that_ran_count_and_not_those_of_the_network():
    model = nn.Sequential(nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(2, 3))
    net = sl.convert(model, rand(2, 1, 4), max_pool="gate")
    record = sl.simulate(net, rand(2, 1, 4), 8)
    other = net.replace(scale=3.0, max_pool="exact")
    assert repr(sl.operations(other, record)) == repr(sl.operations(net, record))


def test_an_embedding_costs_nothing():
    model = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 4), nn.ReLU())
    found = counted(model, torch.tensor([[0, 4], [1, 2]]))[2]
    assert (found.totals["true"], found.totals["multiplications"]) == (24, 24)


def test_a_readout_of_spikes_adds_them_up():
    model = nn.Linear(3, 2)
    nn.init.ones_(model.weight)
    net = sl.convert(model, torch.ones(1, 3), readout="spikes")
    record = sl.simulate(net, torch.ones(1, 3), 8)
    found = sl.operations(net, record)
    assert found.arrived["output"]["additions"] == record.counts("readout").sum()


# --- tables and refusals -----------------------------------------------------------------------


def test_tables_show_what_there_is():
    _, _, found = counted(convnets.small(), convnets.images(), timesteps=4)
    text = repr(found)
    assert text.startswith("Operations per image, 4 steps, mean over 6 images\nlayer ")
    assert "MACs" in text
    assert "analog" not in text  # a column without a number
    assert text.splitlines()[-1].startswith("total")
    assert "<caption" in found._repr_html_()
    assert list(rows(found)) == found.layers
    cost = sl.energy(found)
    assert "estimated: 4.6 pJ for a multiply-accumulate, 0.9 for an addition" in repr(cost)
    assert "<caption" in cost._repr_html_()


def test_a_record_of_another_network_is_refused():
    net, _, _ = counted(nn.ReLU(), [[1.0]])
    _, other, _ = counted(nn.Sequential(nn.Linear(1, 1), nn.ReLU()), [[1.0]])
    with pytest.raises(sl.OptionError, match=r"of another network.*Simulate this network"):
        sl.operations(net, other)


def test_other_things_than_networks_and_records_are_refused():
    net, record, _ = counted(nn.ReLU(), [[1.0]])
    with pytest.raises(sl.OptionError, match="network: found ReLU, expected a Network"):
        sl.operations(nn.ReLU(), record)
    with pytest.raises(sl.OptionError, match="record: found Network, expected a Record"):
        sl.operations(net, net)
    with pytest.raises(sl.OptionError, match="operations: found Record, expected a Operations"):
        sl.energy(record)


def test_counts_that_were_not_kept_are_asked_for():
    net = sl.convert(nn.ReLU(), [[1.0]])
    with pytest.raises(sl.OptionError, match=r"counts were not kept.*counts=True"):
        sl.operations(net, sl.simulate(net, [[1.0]], 4, counts=False))
    record = sl.simulate(net, [[1.0]], 4, at=(2,))
    with pytest.raises(sl.OptionError, match="Simulate with at="):
        sl.operations(net, record, step=3)
    with pytest.raises(sl.OptionError, match="step = 0"):
        sl.operations(net, record, step=0)


def test_rows_and_columns_that_do_not_exist_are_refused():
    _, _, found = counted(nn.ReLU(), [[1.0]])
    with pytest.raises(sl.OptionError, match="rows that send spikes"):
        found.fan_out("output")
    with pytest.raises(sl.OptionError, match="column = 'sop'"):
        found.per_image("sop")


# --- energy ------------------------------------------------------------------------------------


def test_energy_is_numbers_times_prices():
    _, _, found = counted(convnets.small(), convnets.images(), threshold=0.5)
    cost, totals = sl.energy(found, mac=4.0, ac=1.0, update=0.5), found.totals
    additions = totals["synaptic"] + totals["additions"] + totals["pooling"] + totals["analog"]
    expected = 4 * totals["multiplications"] + additions + totals["updates"] / 2
    assert cost.snn == pytest.approx(expected, rel=1e-12)
    assert (cost.ann, cost.ann_nominal) == (4 * totals["true"], 4 * totals["nominal"])
    for name in ("ann", "ann_nominal", "snn"):
        assert sum(row[name] for row in cost.rows) == pytest.approx(getattr(cost, name), rel=1e-12)
    assert cost.per_image().mean() == cost.snn
    assert len(cost.per_image()) == 6


def test_the_usual_prices_break_even_at_5_spikes_per_synapse():
    """4.6 / 0.9 = 5.11 spikes over each synapse."""
    model = nn.Sequential(nn.ReLU(), nn.Linear(4, 10))
    x, few, many = torch.ones(1, 4), 5, 6
    for steps, cheaper in ((few, True), (many, False)):
        found = counted(model, x, steps)[2]
        assert found.totals["synaptic"] == steps * found.totals["true"]
        cost = sl.energy(found, update=0)
        assert (cost.snn < cost.ann) is cheaper


@pytest.mark.parametrize("price", ["mac", "ac", "update"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "4.6", None, True])
def test_prices_are_numbers_of_0_or_more(price, value):
    _, _, found = counted(nn.ReLU(), [[1.0]])
    with pytest.raises(sl.OptionError, match=f"{price} = .*expected a price in pJ"):
        sl.energy(found, **{price: value})
