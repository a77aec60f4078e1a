"""The movie of spikes, against a simulation read by hand, and the maps it is painted on."""

import re

import numpy as np
import pytest
import torch
from helpers.explorers import given
from torch import nn

import snnlab as sl
from snnlab import explorers
from snnlab.explorers import spike_movie
from snnlab.explorers.toolkit import neuron_map
from snnlab.explorers.toolkit.neuron_map import NeuronMap

T = 12


@pytest.fixture(scope="module")
def convnet():
    """A network with a convolution and two layers without places, and one image."""
    torch.manual_seed(1)
    x = torch.rand(20, 2, 6, 6)
    model = nn.Sequential(
        *(nn.Conv2d(2, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(80, 30), nn.ReLU()),
        *(nn.Linear(30, 7), nn.ReLU(), nn.Linear(7, 12)),
    )
    return sl.convert(model, x), x[3]


@pytest.fixture(scope="module")
def movie(convnet):
    return explorers.SpikeMovie(*convnet, timesteps=T)


def test_every_step_is_that_of_a_simulation(movie, convnet):
    network, image = convnet
    record = sl.simulate(network, image[None], T, spikes=True)
    ann = sl.ann(network, image[None]).outputs[0]
    answers = record.outputs[:, 0].argmax(1)
    for step in range(1, T + 1):
        data = movie.compute(step)
        for name in network.layers:
            spikes = record.spikes(name)[:, 0]
            assert (data["now"][name] == spikes[step - 1]).all()
            assert (data["rates"][name] == spikes[:step].sum(0) / step).all()
        assert (data["outputs"] == record.outputs[step - 1, 0]).all()
        assert (data["ann"] == ann).all()
        assert (data["answer"], data["ann_answer"]) == (answers[step - 1], ann.argmax())
    stays = data["stays"]
    assert data["last_answer"] == answers[-1]
    assert (answers[stays - 1 :] == answers[-1]).all()
    assert stays == 1 or answers[stays - 2] != answers[-1]


def run_of(*outputs):
    """Return a run without layers that has these outputs."""
    outputs = np.array(outputs, float)
    return {"spikes": {}, "counts": {}, "outputs": outputs, "ann": outputs[0]}


@pytest.mark.parametrize(
    ("outputs", "answers", "stays"),
    [
        ([[1, 2], [2, 1], [1, 2], [0, 3]], [1, 0, 1, 1], 3),
        ([[1, 2], [1, 2]], [1, 1], 1),
        ([[1, 2], [2, 1]], [1, 0], 2),
        ([[-1], [0], [0.5]], [0, 0, 1], 3),  # a single output says no or yes
    ],
)
def test_the_answer_stays_from_the_step_that_decided_it(outputs, answers, stays):
    found = [spike_movie.compute(run_of(*outputs), n + 1) for n in range(len(outputs))]
    assert [data["answer"] for data in found] == answers
    assert {data["stays"] for data in found} == {stays}


def test_it_opens_at_the_decisive_step_or_at_the_end(convnet):
    network, image = convnet
    for timesteps in (1, 2, T):
        movie = explorers.SpikeMovie(network, image, timesteps=timesteps)
        stays = movie.compute(timesteps)["stays"]
        assert movie.values["steps"] == (stays if stays > 1 else timesteps)


def test_the_maps_are_painted_by_spike_rate_and_silence(movie):
    colors = {"now": spike_movie.NOW, "never": spike_movie.SILENT}
    for step in (1, 4, T):
        movie.move(steps=step)
        data = movie.compute(step)
        for name, picture in movie._pictures.items():
            cells = np.asarray(picture.get_array())
            place = NeuronMap(data["now"][name].shape)
            now, rates = place.cells(data["now"][name]), place.cells(data["rates"][name])
            assert (cells[..., 3] == np.where(np.isnan(now), 0, 255)).all()
            assert np.nansum(now) == data["now"][name].sum()
            never = rates == 0
            assert (cells[now == 1][:, :3] == (255 * colors["now"]).astype(int)).all()
            assert (cells[never][:, :3] == (255 * colors["never"]).astype(int)).all()
            before = (rates > 0) & (now == 0)
            blues = cells[before][:, 0].astype(int)
            assert (np.diff(blues[np.argsort(rates[before])]) <= 0).all()  # the bluer, the less red
            assert movie._firing[name].texts == [f"{int(np.nansum(now))} fire"]


def test_the_bars_are_the_outputs_and_the_leading_one_is_apart(movie):
    shown = set(movie._shown.tolist())
    ann = movie.compute(1)["ann"]
    assert len(shown) == 10
    assert min(ann[list(shown)]) >= max(ann[place] for place in range(12) if place not in shown)
    for step in range(1, T + 1):
        data = movie.compute(step)
        movie.draw(data)
        bars = movie._bars.get_xdata().reshape(-1, 3)
        leads = movie._leads.get_xdata().reshape(-1, 3)
        others = [place for place in movie._shown if place != data["answer"]]
        assert bars[:, 1].tolist() == data["outputs"][others].tolist()
        assert leads[:, 1].tolist() == [
            data["outputs"][place] for place in movie._shown if place == data["answer"]
        ]
        assert (bars[:, 0] == 0).all()
        low, high = movie._bars.axes.get_xlim()
        assert low < bars[:, :2].min() <= bars[:, :2].max() < high


def test_the_words_count_who_fires_and_say_who_answers(movie, convnet):
    network, _ = convnet
    for step in (1, 5, T):
        words, data = movie.move(steps=step), movie.compute(step)
        assert words.startswith(f"After {step} of {T} steps the network says {data['answer']}, ")
        side = "as the ANN does" if data["answer"] == data["ann_answer"] else "while the ANN says"
        assert side in words
        for name in network.layers:
            assert f"layer {name} {data['now'][name].sum()} of {data['now'][name].size}" in words
        total = round(sum((step * rates).sum() for rates in data["rates"].values()))
        assert f"So far {total} spikes in these layers" in words.replace(",", "")
        assert f"from step {data['stays']} on the answer is {data['last_answer']}." in words
        assert "Shown in part" not in words


def test_large_layers_and_many_layers_are_shown_in_part_and_said_so():
    torch.manual_seed(0)
    x = torch.rand(4, 1, 40, 40)
    more = [part for _ in range(5) for part in (nn.Linear(20, 20), nn.ReLU())]
    model = nn.Sequential(
        *(nn.Conv2d(1, 20, 3), nn.ReLU(), nn.Flatten(), nn.Linear(28880, 20), nn.ReLU()), *more
    )
    movie = explorers.SpikeMovie(sl.convert(model, x), x[0], timesteps=4)
    assert len(movie._pictures) == 5
    found = re.search(r"Shown in part: (.*)\.$", movie.words)
    assert found[1] == "5 of 7 layers and layer 1 (16 of 20 channels, means of 3 × 3)"
    assert "layer 1 " in movie.words
    assert "of 28,880" in movie.words
    assert movie._layers[-1] == list(movie._maps)[-1] == "14"


def test_a_batch_and_other_things_are_refused(convnet):
    network, image = convnet
    with pytest.raises(sl.ShapeError, match="x"):
        explorers.SpikeMovie(network, image[None])
    with pytest.raises(sl.OptionError, match="network: found Linear, expected a Network"):
        explorers.SpikeMovie(nn.Linear(3, 2), image)
    with pytest.raises(sl.OptionError, match="timesteps = 0"):
        explorers.SpikeMovie(network, image, timesteps=0)


def test_images_of_any_shape_are_shown():
    network = given()["network"]
    for image in (given()["image"], given()["image"].tolist(), torch.tensor(given()["image"])):
        movie = explorers.SpikeMovie(network, image, timesteps=4)
        shown = np.asarray(movie.picture.figure.axes[0].images[0].get_array())
        assert sorted(shown[~np.isnan(shown)]) == pytest.approx(sorted(given()["image"]))


# --- maps ------------------------------------------------------------------------------------


def test_channels_stand_side_by_side_with_gaps():
    values = np.arange(24.0).reshape(3, 2, 4)
    cells = NeuronMap((3, 2, 4)).cells(values)
    assert cells.shape == (5, 9)
    assert (cells[:2, :4] == values[0]).all()
    assert (cells[:2, 5:] == values[1]).all()
    assert (cells[3:, :4] == values[2]).all()
    assert np.isnan(cells).sum() == 45 - 24


@pytest.mark.parametrize("shape", [(7,), (7, 1, 1), (1, 7)])
def test_neurons_without_a_place_stand_row_by_row(shape):
    place = NeuronMap(shape)
    cells = place.cells(np.arange(7.0).reshape(shape))
    assert cells.shape == (3, 3)
    assert cells.ravel()[:7].tolist() == list(range(7))
    assert np.isnan(cells.ravel()[7:]).all()
    assert place.note == ""


def test_tokens_and_features_are_one_map():
    values = np.arange(12.0).reshape(3, 4)
    assert (NeuronMap((3, 4)).cells(values) == values).all()


@pytest.mark.parametrize(
    ("shape", "note"),
    [
        ((16, 8, 8), ""),
        ((32, 4, 4), ""),
        ((128, 4, 4), ""),
        ((400, 4, 4), "144 of 400 channels"),
        ((64, 32, 32), "16 of 64 channels, means of 2 × 2"),
        ((3, 224, 224), "means of 7 × 7"),
        ((100, 300), "means of 5 × 5"),
        ((1024,), ""),
        ((4096,), "1024 of 4096 neurons"),
        ((2, 3, 8, 8), ""),
    ],
)
def test_the_note_says_what_is_left_out(shape, note):
    place = NeuronMap(shape)
    cells = place.cells(np.ones(shape))
    assert place.note == note
    assert max(cells.shape) <= neuron_map.SIDE + 12
    assert np.nanmin(cells) == np.nanmax(cells) == 1


def test_means_are_those_of_neighbours_also_at_the_edge():
    values = np.arange(70 * 70.0).reshape(1, 1, 70, 70)
    cells = NeuronMap((2, 70, 70)).cells(np.concatenate([values[0], values[0]]))
    place = NeuronMap((2, 70, 70))
    assert place.note == "means of 3 × 3"
    expected = [
        [values[0, 0, r : r + 3, c : c + 3].mean() for c in range(0, 70, 3)]
        for r in range(0, 70, 3)
    ]
    np.testing.assert_allclose(cells[:, :24], expected, rtol=1e-6)
    np.testing.assert_allclose(cells[:, 25:], expected, rtol=1e-6)
