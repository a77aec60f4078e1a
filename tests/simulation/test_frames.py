"""Frames as input, one for each step, against a plain loop."""

import numpy as np
import pytest
import torch
from helpers import networks, oracles
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import snnlab as sl
from snnlab import brian

SETTINGS = settings(max_examples=25, deadline=None, derandomize=True)
NETWORKS = {}


def converted(seed, max_pool=True):
    if (seed, max_pool) not in NETWORKS:
        NETWORKS[seed, max_pool] = networks.converted(seed, max_pool=max_pool)
    steps, x, net = NETWORKS[seed, max_pool]
    return steps, len(x), net


def frames_for(seed, timesteps, images):
    """Any numbers, below 0 and above 1 too."""
    return oracles.dyadic(np.random.default_rng(seed), (timesteps, images, 2, 4, 4), -1, 2)


@SETTINGS
@given(
    seed=st.integers(0, 7),
    timesteps=st.integers(1, 12),
    reset=st.sampled_from(["subtract", "zero"]),
    v_init=st.sampled_from([0, 0.25, 0.5, 0.75]),
    blocks=st.tuples(st.sampled_from([1, 3000, 2**22]), st.integers(1, 9)),
)
def test_frames_are_the_input_of_their_steps(seed, timesteps, reset, v_init, blocks):
    steps, images, net = converted(seed)
    frames = frames_for(seed, timesteps, images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("snnlab.simulation.engine._BLOCK_BYTES", blocks[0])
        patch.setattr("snnlab.simulation.engine._BLOCK_STEPS", blocks[1])
        record = sl.simulate(
            net,
            frames,
            timesteps,
            input="frames",
            reset=reset,
            v_init=v_init,
            spikes=True,
            potentials=True,
            at=(1,),
        )
    networks.assert_same_run(record, oracles.plain_loop(steps, frames, reset, v_init))
    assert (record.counts("input") == frames.sum(0)).all()
    assert (record.counts("input", 1) == frames[0]).all()
    assert record.input == "frames"


@pytest.mark.parametrize("seed", range(4))
def test_recorded_trains_are_frames(seed):
    _, images, net = converted(seed)
    x = oracles.images(seed, images).clip(0, 1)
    drawn = sl.simulate(net, x, 9, input="poisson", seed=seed, spikes=True)
    again = sl.simulate(net, drawn.spikes("input"), 9, input="frames", spikes=True)
    assert (again.output_sums == drawn.output_sums).all()
    for name in net.layers:
        assert (again.spikes(name) == drawn.spikes(name)).all()
    assert (again.counts("input") == drawn.counts("input")).all()


@pytest.mark.parametrize("seed", range(3))
def test_frames_that_are_all_the_same_are_an_image(seed):
    _, images, net = converted(seed)
    x = oracles.images(seed, images)
    constant = sl.simulate(net, x, 8)
    record = sl.simulate(net, np.broadcast_to(x, (8, *x.shape)), 8, input="frames")
    assert (record.output_sums == constant.output_sums).all()


class Sequences(torch.utils.data.Dataset):
    """Elements as event data sets have them: the frames of one image, and its label."""

    def __init__(self, frames):
        self.frames = frames

    def __len__(self):
        return self.frames.shape[1]

    def __getitem__(self, i):
        return self.frames[:, i], i % 3


@pytest.mark.parametrize("first", [nn.Identity(), nn.Flatten()])
def test_the_frames_stay_as_they_are_where_a_network_begins_with_neurons(first):
    net = sl.convert(nn.Sequential(first, nn.ReLU()), torch.rand(8, 1, 4))
    frames = torch.tensor([1.5, 1.5, 1.5, -1.75]).reshape(4, 1, 1, 1).repeat(1, 2, 1, 4)
    before = frames.clone()
    sl.simulate(net, frames, 4, input="frames")
    assert torch.equal(frames, before)


def test_frames_are_streamed():
    _, _, net = converted(2)
    frames = torch.from_numpy(frames_for(2, 6, 11))
    whole = sl.simulate(net, frames, 6, input="frames")
    batches = [frames[:, :4], frames[:, 4:5], frames[:, 5:]]
    labelled = [(batch, torch.zeros(batch.shape[1])) for batch in batches]
    for given_x in (iter(batches), labelled, Sequences(frames)):
        record = sl.simulate(net, given_x, 6, input="frames")
        assert (record.output_sums == whole.output_sums).all()
        assert (record.counts("input") == whole.counts("input")).all()
    assert record.labels.tolist() == [i % 3 for i in range(11)]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", range(3))
def test_parts_sum_to_the_error_against_the_ann_on_the_mean_frame(seed, reset):
    steps, images, net = converted(seed)
    frames = frames_for(seed, 8, images)  # T is a power of two, so means are exact
    record = sl.simulate(net, frames, 8, input="frames", reset=reset, at=(4,))
    loop = oracles.plain_loop(steps, frames, reset, 0.5)
    currents, _ = oracles.ann(steps, frames.mean(0))
    parts = sl.decompose(net, frames, record)
    assert not parts.part("input", "input").any()
    for name, theta in oracles.thresholds(steps).items():
        theta = np.reshape(theta, (-1,) + (1,) * (currents[name].ndim - 2))
        phi = theta * loop["spikes"][name].sum(0) / 8
        assert np.abs(parts.total(name) - (phi - np.maximum(currents[name], 0))).max() < 1e-6
    early = sl.decompose(net, frames, record, step=4).part("input", "input")
    assert (early == frames[:4].mean(0) - frames.mean(0)).all()


@pytest.mark.brian
@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("seed", range(2))
def test_brian_shows_the_same_frames(seed, reset):
    steps, images, net = converted(seed, max_pool=False)
    frames = frames_for(seed, 10, images)
    kept = {"spikes": True, "potentials": True, "at": (4,), "reset": reset}
    record = brian.simulate(net, frames, 10, input="frames", **kept)
    networks.assert_same_run(record, oracles.plain_loop(steps, frames, reset, 0.5))
    ours = sl.simulate(net, frames, 10, input="frames", dtype=torch.float64, **kept)
    for step in (4, 10):
        assert (record.counts("input", step) == ours.counts("input", step)).all()
    parts = sl.decompose(net, frames, record).parts
    for layer, own in sl.decompose(net, frames, ours).parts.items():
        assert all((parts[layer][part] == values).all() for part, values in own.items())


def test_event_frames_of_a_camera():
    """As users bring them, shape (B, T, C, H, W), and the loop in plain torch that they mean."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)).eval()
    events = (torch.rand(5, 16, 2, 8, 8) < 0.2).float()
    net = sl.convert(model, events.mean(1))
    theta = net.thresholds["1"]
    v, out = 0.5 * theta, 0
    with torch.no_grad():
        for t in range(16):
            v = v + model[0](events[:, t])
            s = (v >= theta).float()
            v = v - theta * s
            out = out + model[3]((theta * s).flatten(1))
    record = sl.simulate(net, events.transpose(0, 1), timesteps=16, input="frames")
    assert record.outputs[-1] == pytest.approx(out.numpy() / 16, abs=1e-6)
    batch_first = DataLoader(TensorDataset(events), 5)
    with pytest.raises(sl.ShapeError, match=r"The images come first here: write x\.swapaxes"):
        sl.simulate(net, batch_first, 16, input="frames")


EVENTS = torch.zeros(6, 4, 2, 4, 4)
REFUSED = {
    "images first": ((EVENTS.transpose(0, 1), 6), r"images come first here.*x\.swapaxes\(0, 1\)"),
    "other steps": ((EVENTS, 5), r"shape \(6, 4, 2, 4, 4\).*T = 5.*For 6 frames write timesteps=6"),
    "images": ((EVENTS[0], 6), r"expected \(T, B, 2, 4, 4\).*leave input='frames' away"),
    "other pixels": ((EVENTS[..., :3], 6), r"expected \(T, B, 2, 4, 4\) with T = 6.*converted for"),
    "a data set": ((Sequences(EVENTS), 5), r"shape \(6, 2, 4, 4\), expected \(T, 2, 4, 4\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_shapes_are_refused(case):
    (x, timesteps), message = REFUSED[case]
    _, _, net = converted(0)
    with pytest.raises(sl.ShapeError, match=f"x: .*{message}"):
        sl.simulate(net, x, timesteps, input="frames")


@pytest.mark.parametrize("input", ["analog", "poisson"])
@pytest.mark.parametrize("x", [EVENTS, EVENTS.transpose(0, 1)])
def test_frames_with_another_input_are_told_of_frames(x, input):
    _, _, net = converted(0)
    with pytest.raises(
        sl.ShapeError, match=r"If these are frames.*input='frames'.*\(T, B, \.\.\.\)"
    ):
        sl.simulate(net, x, 6, input=input)


def test_what_has_no_frames_refuses_them():
    _, images, net = converted(0)
    frames = frames_for(0, 4, images)
    record = sl.simulate(net, frames, 4, input="frames")
    for call in (lambda: sl.ann(net, frames), lambda: sl.quantized(net, frames, 4)):
        with pytest.raises(sl.ShapeError, match=r"x: images of shape .*frames"):
            call()
    with pytest.raises(sl.ShapeError, match=r"x: shape .* expected \(T, B"):
        sl.decompose(net, frames.mean(0), record)
    with pytest.raises(sl.OptionError, match=r"layer 'input': not among the layers"):
        sl.simulate(net, frames, 4, input="frames", spikes=["input"])
    with pytest.raises(sl.ShapeError, match=r"x: image 0 is not the one that was simulated"):
        sl.decompose(net, frames[::-1], record)
