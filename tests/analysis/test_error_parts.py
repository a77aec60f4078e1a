"""What a report says of the parts of an error, against numbers worked out by hand."""

import numpy as np
import pytest
import torch
from helpers import oracles
from hypothesis import given
from hypothesis import strategies as st

import snnlab as sl

PARTS = ["propagated", "clipping", "quantization", "deviation"]


def layer(**parts):
    """A report of one layer; parts that are not given are 0."""
    shape = np.shape(next(iter(parts.values())))
    arrays = {part: np.array(parts.get(part, np.zeros(shape)), np.float64) for part in PARTS}
    zeros = np.zeros(shape)
    return sl.ErrorParts(8, {"a": arrays}, {"a": zeros}, {"a": zeros.astype(np.uint8)})


# Two images, three neurons. The totals are (0.5, -0.25, 0) and (0.25, 0.75, 0).
MADE = {
    "propagated": [[0.5, -0.5, 0.25], [0.0, 1.0, 0.5]],
    "clipping": [[0.0, 0.0, -0.25], [0.0, -0.5, -0.5]],
    "quantization": [[0.0, 0.25, 0.0], [0.25, 0.25, 0.0]],
}


def test_statistics_by_hand():
    """Squares in 1/16: propagated 4 4 1 0 16 4 = 29; its products with the total 4 2 0 0 12 0."""
    found = layer(**MADE).statistics("a")
    assert list(found) == [*PARTS, "total"]
    assert found["propagated"] == {
        "mean": 1.75 / 6,
        "rms": np.sqrt(29 / 96),
        "negative": 1 / 6,
        "positive": 4 / 6,
        "share": pytest.approx(18 / 15, rel=1e-15),
    }
    assert found["clipping"] == {
        "mean": pytest.approx(-1.25 / 6, rel=1e-15),
        "rms": np.sqrt(9 / 96),
        "negative": 3 / 6,
        "positive": 0,
        "share": pytest.approx(-6 / 15, rel=1e-15),
    }
    assert found["quantization"]["share"] == pytest.approx(3 / 15, rel=1e-15)
    assert found["deviation"] == dict.fromkeys(["mean", "rms", "negative", "positive", "share"], 0)
    assert found["total"] == {
        "mean": pytest.approx(1.25 / 6, rel=1e-15),
        "rms": np.sqrt(15 / 96),
        "negative": 1 / 6,
        "positive": 3 / 6,
        "share": 1,
    }


def test_statistics_of_each_neuron_by_hand():
    """Neuron 0 has propagated (0.5, 0) of the total (0.5, 0.25); neuron 2 none in all."""
    found = layer(**MADE).statistics(0, per_neuron=True)
    propagated = found["propagated"]
    assert propagated["mean"].tolist() == [0.25, 0.25, 0.375]
    np.testing.assert_array_equal(propagated["rms"], np.sqrt([2 / 16, 10 / 16, 2.5 / 16]))
    assert propagated["negative"].tolist() == [0, 0.5, 0]
    assert propagated["positive"].tolist() == [0.5, 0.5, 1]
    np.testing.assert_allclose(propagated["share"], [4 / 5, 14 / 10, 0], rtol=1e-15)
    np.testing.assert_allclose(found["clipping"]["share"], [0, -6 / 10, 0], rtol=1e-15)
    np.testing.assert_allclose(found["quantization"]["share"], [1 / 5, 2 / 10, 0], rtol=1e-15)
    assert found["total"]["share"].tolist() == [1, 1, 0]


def test_a_part_that_cancels_another_has_a_negative_share():
    """Of errors 1 and -3/4 the sum is 1/4: shares 4 and -3."""
    report = layer(propagated=[[1.0]], clipping=[[-0.75]])
    shares = {"propagated": 4, "clipping": -3, "quantization": 0, "deviation": 0}
    assert report.shares() == {"a": shares}


def test_an_error_of_zero_has_shares_of_zero():
    """Warnings are errors: nothing is divided by 0, and cancelled parts do not count."""
    for report in (layer(propagated=[[0.0, 0.0]]), layer(propagated=[[0.5]], deviation=[[-0.5]])):
        assert set(report.shares()["a"].values()) == {0}
        for part in report.statistics("a", per_neuron=True).values():
            assert (part["share"] == 0).all()
        assert "nan" not in repr(report.table("a"))


def decomposed(seed, poisson=False, dtype=torch.float32):
    steps, x = oracles.random_steps(seed), oracles.images(seed)
    net = sl.convert(oracles.Torch(steps), x, threshold=sl.Fixed(oracles.thresholds(steps)))
    options = {"input": "poisson", "seed": 2} if poisson else {}
    return sl.decompose(net, x, sl.simulate(net, x, 12, dtype=dtype, **options))


@pytest.mark.slow
@given(seed=st.integers(0, 200), poisson=st.booleans())
def test_shares_sum_to_one_for_every_layer_and_neuron(seed, poisson):
    """But for rounding, which is in units of the largest part: the parts may cancel."""
    report = decomposed(seed, poisson, torch.float64)
    shares = report.shares()
    assert list(shares) == report.layers
    for name in report.layers:
        together, apart = report.statistics(name), report.statistics(name, per_neuron=True)
        parts = list(report.parts[name])
        assert list(shares[name]) == parts
        assert {p: together[p]["share"] for p in parts} == shares[name]
        for numbers in (together, apart):
            wrong = numbers["total"]["rms"] > 0
            sums = np.sum([numbers[p]["share"] for p in parts], axis=0)
            largest = np.max([numbers[p]["rms"] for p in parts], axis=0)[wrong]
            rounding = 1e-14 * largest / numbers["total"]["rms"][wrong]
            assert (np.abs(sums[wrong] - 1) <= rounding).all()
            assert (sums[~wrong] == 0).all()


@pytest.mark.parametrize("per_neuron", [False, True])
@pytest.mark.parametrize("poisson", [False, True])
def test_statistics_against_plain_numpy(poisson, per_neuron):
    report = decomposed(6, poisson)
    assert ("input" in report.layers) == poisson
    for name in report.layers:
        found = report.statistics(name, per_neuron=per_neuron)
        total = report.total(name).astype(np.float64)
        arrays = {part: report.part(name, part) for part in report.parts[name]} | {"total": total}
        assert list(found) == list(arrays)
        for part, values in arrays.items():
            values = values.astype(np.float64)
            images = len(values) if per_neuron else values.size
            rows = values.reshape(images, -1)
            other = total.reshape(images, -1)
            shape = values.shape[1:] if per_neuron else ()
            square = (other * other).sum(0)
            expected = {
                "mean": rows.sum(0) / images,
                "rms": np.sqrt((rows * rows).sum(0) / images),
                "negative": (rows < 0).sum(0) / images,
                "positive": (rows > 0).sum(0) / images,
                "share": np.divide(
                    (rows * other).sum(0), square, out=np.zeros(square.shape), where=square > 0
                ),
            }
            assert list(found[part]) == list(expected)
            for key, numbers in expected.items():
                assert found[part][key].shape == shape
                np.testing.assert_allclose(
                    found[part][key], numbers.reshape(shape), rtol=1e-9, atol=1e-12
                )


def test_sizes_agree_with_the_statistics():
    report = decomposed(8, poisson=True)
    rms = report.rms()
    assert list(rms) == report.layers
    for name, parts in rms.items():
        numbers = report.statistics(name)
        assert list(parts) == list(numbers)
        for part, size in parts.items():
            assert size == pytest.approx(numbers[part]["rms"], rel=1e-6)


def test_an_unknown_row_is_refused():
    report = layer(**MADE)
    for call in (report.statistics, report.table, report.total):
        with pytest.raises(sl.OptionError, match=r"layer 'b': not among the rows of this"):
            call("b")
    with pytest.raises(sl.OptionError, match=r"layer 1: there are 1 spiking layers"):
        report.statistics(1)


def test_positions_count_spiking_layers():
    parts = {"input": "input", "pool": "pooling"} | dict.fromkeys(("a", "b"), "deviation")
    rows = {name: {part: np.array([[1.0]])} for name, part in parts.items()}
    rows["output"] = {"propagated": np.array([[1.0]])}
    counts = {name: np.array([[1]]) for name in ("a", "b")}
    report = sl.ErrorParts(4, rows, {name: np.array([[0.0]]) for name in rows}, counts)
    for position, name in ((0, "a"), (1, "b"), (-1, "b"), (-2, "a")):
        assert repr(report.table(position)).startswith(f"Error of {name} after")
        assert report.spurious(position) is not None
    with pytest.raises(sl.OptionError, match="layer 2: there are 2 spiking layers"):
        report.total(2)


def test_the_table_of_a_layer_holds_every_part():
    table = layer(**MADE).table(0)
    lines = repr(table).splitlines()
    assert lines[0] == "Error of a after 8 steps"
    for words in ("part", "mean", "root mean square", "too low", "too high", "share"):
        assert words in lines[1]
        assert f">{words}</th>" in table._repr_html_()
    rows = [line.split() for line in lines[2:]]
    assert rows == [
        ["propagated", "+0.2917", "0.5496", "16.7%", "66.7%", "120.0%"],
        ["clipping", "-0.2083", "0.3062", "50.0%", "0.0%", "-40.0%"],
        ["quantization", "+0.125", "0.1768", "0.0%", "50.0%", "20.0%"],
        ["deviation", "+0", "0", "0.0%", "0.0%", "0.0%"],
        ["total", "+0.2083", "0.3953", "16.7%", "50.0%", "100.0%"],
    ]
    for part, *cells in rows:
        assert f">{part}</th>" in table._repr_html_()
        assert "".join(f"<td>{cell}</td>" for cell in cells) in table._repr_html_()


def test_the_report_counts_spurious_spikes_per_image():
    """Neurons 0 and 2 of the first image and neuron 1 of the second have activation 0."""
    report = layer(**MADE)
    counts = {"a": np.array([[3, 4, 0], [5, 2, 7]], np.uint8)}
    activations = {"a": np.array([[0.0, 0.5, 0.0], [0.25, 0.0, 0.125]])}
    report = sl.ErrorParts(8, report.parts, activations, counts)
    assert report.spurious("a").tolist() == [[3, 0, 0], [0, 2, 0]]
    title, header, row = repr(report).splitlines()
    assert title == "Error after 8 steps, root mean square by part"
    after_one = sl.ErrorParts(1, report.parts, activations, counts)
    assert repr(after_one).startswith("Error after 1 step, root mean")
    assert header.split() == ["layer", *PARTS, "total", "spurious", "spikes", "per", "image"]
    assert row.split() == ["a", "0.5496", "0.3062", "0.1768", "0", "0.3953", "2.5"]
    assert "<td>2.5</td></tr>" in report._repr_html_()
    assert "spurious spikes per image</th>" in report._repr_html_()


def test_rows_without_neurons_have_no_spurious_spikes():
    report = decomposed(6, poisson=True)
    lines = {line.split()[0]: line.split() for line in repr(report).splitlines()[2:]}
    assert list(lines) == report.layers
    rms = report.rms()
    assert lines["input"] == ["input", *[f"{rms['input']['input']:.4g}"] * 2]
    assert lines["output"] == ["output", *[f"{rms['output']['propagated']:.4g}"] * 2]
    for name in report.counts:
        spurious = report.counts[name][report.activations[name] == 0].sum() / 3
        assert lines[name][-1] == f"{spurious:,.1f}"
