"""Images in every form that users bring: what comes of them is what comes of one array."""

import collections
import functools
import gc
import itertools
import weakref

import numpy as np
import pytest
import torch
from helpers.activations import convnet
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

import snnlab as sl
from snnlab import brian
from snnlab._arguments import images as images_module
from snnlab._arguments.images import Images, checksums
from snnlab.conversion import activation_based, statistics, verification
from snnlab.data import train

N = 37
GENERATOR = torch.Generator().manual_seed(0)
X = torch.rand(N, 1, 8, 8, generator=GENERATOR)
Y = torch.randint(0, 2, (N,), generator=GENERATOR)
PAIRS = TensorDataset(X, Y)
MODEL = convnet(False)
CHAIN = nn.Sequential(nn.Flatten(), nn.Linear(64, 12, bias=False), nn.ReLU(), nn.Linear(12, 5))
NET = sl.convert(MODEL, X)


class Streamed(IterableDataset):
    def __iter__(self):
        return iter(X)


class Arrays(Dataset):
    def __len__(self):
        return N

    def __getitem__(self, i):
        return X[i].numpy(), int(Y[i])


class Indexed:
    """No Dataset of torch, but it has a length and elements."""

    def __len__(self):
        return N

    def __getitem__(self, i):
        return X[i % N]  # raises no IndexError that would end an iteration


class Again:
    """Batches that can be read as often as one likes."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def objects():
    """As a column of a table holds arrays."""
    array = np.empty(N, object)
    array[:] = [*X.numpy()]
    return array


FORMS = {
    "tensor": lambda: X,
    "array": lambda: X.numpy(),
    "pair": lambda: [X, Y],
    "tuple of arrays": lambda: (X.numpy(), Y.numpy()),
    "loader": lambda: DataLoader(PAIRS, 7),
    "loader of one": lambda: DataLoader(PAIRS, 1),
    "loader without labels": lambda: DataLoader(X, 10),
    "loader of lists of one": lambda: DataLoader(TensorDataset(X), 10),
    "loader of a stream": lambda: DataLoader(Streamed(), 5),
    "data set": lambda: PAIRS,
    "data set of arrays": Arrays,
    "subset": lambda: Subset(PAIRS, range(N)),
    "stream": Streamed,
    "elements": Indexed,
    "list of batches": lambda: list(DataLoader(PAIRS, 9)),
    "list of elements": lambda: list(PAIRS),
    "list of images": lambda: list(X),
    "generator of pairs": lambda: iter(DataLoader(PAIRS, 8)),
    "generator of images": lambda: (images for images, _ in DataLoader(PAIRS, 8)),
    "generator of arrays": lambda: (images.numpy() for images in X.split(6)),
    "iterable": lambda: Again([*X.split(4)]),
    "generator of lists": lambda: (images.tolist() for images in X.split(6)),
    "list of pairs of lists": lambda: [(x.tolist(), int(y)) for x, y in PAIRS],
    "array of arrays": objects,
}
LABELLED = [
    "pair",
    "tuple of arrays",
    "loader",
    "loader of one",
    "data set",
    "data set of arrays",
    "subset",
    "list of batches",
    "list of elements",
    "list of pairs of lists",
    "generator of pairs",
]
RULES = [
    sl.Percentile(99.9),
    sl.Percentile(60, nonzero=True),
    sl.Percentile(90, per_channel=True),
    sl.Percentile(70, per_channel=True, nonzero=True),
    sl.Maximum(),
    sl.Maximum(per_channel=True),
    sl.Fixed(1.0),
]


def same(found, expected):
    assert list(found) == list(expected)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


# --- the same as one array -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "rule"),
    [(form, RULES[0]) for form in FORMS]
    + [
        (form, rule) for rule in RULES[1:] for form in ("loader", "data set", "generator of arrays")
    ],
    ids=str,
)
def test_thresholds_are_those_of_one_array(monkeypatch, form, rule):
    monkeypatch.setattr(statistics, "_BATCH_BYTES", 30_000)
    expected = thresholds(rule)
    same(sl.convert(MODEL, FORMS[form](), threshold=rule).thresholds, expected)


@functools.cache
def thresholds(rule):
    return sl.convert(MODEL, X, threshold=rule).thresholds


@pytest.mark.parametrize("rule", [sl.ModelBased(), sl.DataBased()], ids=str)
@pytest.mark.parametrize("form", ["loader", "data set", "generator of arrays"])
def test_thresholds_of_rules_for_chains_are_those_of_one_array(form, rule):
    expected = sl.convert(CHAIN, X, threshold=rule).thresholds
    same(sl.convert(CHAIN, FORMS[form](), threshold=rule).thresholds, expected)


@pytest.mark.parametrize("form", FORMS)
def test_a_run_is_that_of_one_array(form):
    options = {"spikes": True, "potentials": True, "at": (3,)}
    whole = sl.simulate(NET, X, 6, **options)
    record = sl.simulate(NET, FORMS[form](), 6, **options)
    assert np.array_equal(record.output_sums, whole.output_sums)
    for name in NET.layers:
        assert np.array_equal(record.counts(name), whole.counts(name))
        assert np.array_equal(record.counts(name, 3), whole.counts(name, 3))
        assert np.array_equal(record.spikes(name), whole.spikes(name))
        assert np.array_equal(record.potentials(name), whole.potentials(name))
    if form in LABELLED:
        assert np.array_equal(record.labels, Y)


@pytest.mark.parametrize("form", FORMS)
def test_activations_and_error_parts_are_those_of_one_array(form):
    for call in (sl.ann, lambda net, x: sl.quantized(net, x, 4)):
        found, whole = call(NET, FORMS[form]()), call(NET, X)
        assert np.array_equal(found.outputs, whole.outputs)
        same(found.currents, whole.currents)
        same(found.activations, whole.activations)
    record = sl.simulate(NET, X, 4, at=(2,))
    found, whole = (sl.decompose(NET, x, record) for x in (FORMS[form](), X))
    for layer, parts in whole.parts.items():
        same(found.parts[layer], parts)
    found, whole = (sl.decompose_over_time(NET, x, record) for x in (FORMS[form](), X))
    for layer, rms in whole.rms.items():
        same(found.rms[layer], rms)


@pytest.mark.parametrize("form", FORMS)
def test_statistics_and_gathered_images_are_those_of_one_array(form):
    found, whole = (sl.activation_statistics(NET.graph, x) for x in (FORMS[form](), X))
    for name, layer in whole.items():
        assert np.array_equal(found[name].histogram, layer.histogram)
        assert np.array_equal(found[name].maximum, layer.maximum)
    images = Images(FORMS[form](), "x")
    assert torch.equal(images.whole(), X)
    assert form not in LABELLED or np.array_equal(images.labels, Y)


def test_chunks_are_those_of_one_array_however_it_is_batched():
    expected = [len(part) for part in X.split(5)]
    for batches in (X.split(7), X.split(1), X.split(3), [X]):
        assert [len(part) for part in Images(Again(batches), "x").split(5)] == expected


def test_elements_may_be_lists_of_numbers():
    class Numbers(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return [i, 0.5, 2.0]

    assert Images(Numbers(), "x").whole().tolist() == [[i, 0.5, 2] for i in range(3)]


def test_labels_of_some_batches_alone_are_none():
    images = Images(Again([(X[:4], Y[:4]), X[4:]]), "x")
    assert torch.equal(images.whole(), X)
    assert images.labels is None


def test_labels_of_the_shape_of_the_images_are_told_from_images():
    x, several = np.zeros((4, 2), np.float32), np.arange(8).reshape(4, 2)
    for labels in (several, several.tolist(), torch.from_numpy(several)):
        assert np.array_equal(Images((x, labels), "x").labels, several)
    assert Images((x, x), "x").count == 2  # a list of two images, shape (4, 2)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    cuts=st.lists(st.integers(1, N - 1), max_size=6),
    bytes_=st.sampled_from([3000, 50_000, 2**24]),
    timesteps=st.integers(1, 12),
    input=st.sampled_from(["analog", "poisson", "regular"]),
)
@example(cuts=[5, 20], bytes_=3000, timesteps=9, input="poisson")
def test_batches_change_nothing(cuts, bytes_, timesteps, input):
    edges = sorted({0, *cuts, N})
    batches = [X[a:b] for a, b in itertools.pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "_BATCH_BYTES", bytes_)
        patch.setattr("snnlab.simulation.engine._BLOCK_BYTES", bytes_)
        nets = [sl.convert(MODEL, x) for x in (X, Again(batches))]
        same(nets[1].thresholds, nets[0].thresholds)
        whole, record = (
            sl.simulate(NET, x, timesteps, input=input, seed=3) for x in (X, iter(batches))
        )
    assert np.array_equal(record.output_sums, whole.output_sums)
    same(record.totals, whole.totals)
    assert np.array_equal(record.checksums, whole.checksums)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_thresholds_do_not_depend_on_the_order(rule):
    model, x = convnet(), (X * 64).round() / 64  # exact sums
    expected = sl.convert(model, x, threshold=rule).thresholds
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        loader = DataLoader(x, 8, shuffle=True, generator=generator)
        same(sl.convert(model, loader, threshold=rule).thresholds, expected)


def test_a_sample_beyond_the_budget_does_not_depend_on_the_order(monkeypatch):
    model, x = convnet(), (X * 64).round() / 64
    monkeypatch.setattr(activation_based, "_KEPT_BYTES", 5000)
    rule = sl.Percentile(50, per_channel=True)
    with pytest.warns(UserWarning, match="of the 37 calibration images, chosen by"):
        expected = sl.convert(model, x, threshold=rule).thresholds
    loader = DataLoader(x, 8, shuffle=True, generator=torch.Generator().manual_seed(1))
    with pytest.warns(UserWarning, match="of the 37 calibration images, chosen by"):
        same(sl.convert(model, loader, threshold=rule).thresholds, expected)


def test_a_sample_holds_as_many_as_are_wanted_of_equal_ones():
    x = torch.cat([torch.ones(6, 2), torch.rand(5, 2)])
    for images in (Images(x, "x"), Images(iter(x.split(3)), "x", again=True)):
        list(images.split(4))
        for most in range(1, 12):
            sample = images.sample(most)
            parts = list(sample.split(2))
            assert sample.count == most == sum(map(len, parts))
            assert set(map(len, parts[:-1])) <= {2}


def test_the_number_of_images_is_known_as_early_as_can_be():
    for known in (X, PAIRS, Subset(PAIRS, range(N))):
        assert Images(known, "x").count == N
    for most, count in ((N - 1, None), (N, N), (N + 1, N)):
        images = Images(iter(X.split(10)), "x")
        assert images.count is None
        assert images.count_up_to(most) == count
        assert torch.equal(images.whole(), X)


def test_brian_reads_loaders():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x = torch.rand(5, 3)
    net = sl.convert(model, x)
    whole = brian.simulate(net, x, 5)
    record = brian.simulate(net, DataLoader(TensorDataset(x, Y[:5]), 2), 5)
    assert np.array_equal(record.output_sums, whole.output_sums)
    assert np.array_equal(record.labels, Y[:5])
    same(sl.decompose(net, x, record).rms()["1"], sl.decompose(net, x, whole).rms()["1"])


# --- labels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", LABELLED)
def test_labels_that_come_along_are_those_of_the_accuracy(form):
    record, answer = sl.simulate(NET, FORMS[form](), 4), sl.ann(NET, FORMS[form]())
    assert np.array_equal(record.accuracy(), record.accuracy(Y))
    assert answer.accuracy() == answer.accuracy(Y)


def test_labels_stay_beside_their_images_when_a_loader_shuffles():
    generator = torch.Generator().manual_seed(4)
    record = sl.simulate(NET, DataLoader(PAIRS, 8, shuffle=True, generator=generator), 4)
    assert not np.array_equal(record.labels, Y)
    assert np.array_equal(record.accuracy(), sl.simulate(NET, X, 4).accuracy(Y))


def test_without_labels_the_accuracy_asks_for_them():
    for result in (sl.simulate(NET, X, 2), sl.ann(NET, X), sl.simulate(NET, DataLoader(X), 2)):
        with pytest.raises(sl.ShapeError, match=r"y: none given.*expected one label.*Pass"):
            result.accuracy()


def test_what_comes_along_and_is_no_label_is_left_alone():
    batches = [(X[:4], {"boxes": torch.zeros(4, 4)}), (X[4:8], {"boxes": torch.zeros(4, 4)})]
    record = sl.simulate(NET, Again(batches), 2)
    assert record.labels is None
    assert len(record.output_sums[0]) == 8


def test_sweeps_and_diagnoses_read_loaders_with_their_labels():
    grid = {"v_init": [0.0, 0.5]}
    expected = sl.sweep(MODEL, grid, X, Y, timesteps=[4], x_cal=X)
    found = sl.sweep(MODEL, grid, DataLoader(PAIRS, 8), timesteps=[4], x_cal=DataLoader(PAIRS, 8))
    assert found.equals(expected)
    diagnosis = sl.diagnose(NET, PAIRS, None, 4)
    assert diagnosis.sentences == sl.diagnose(NET, X, Y, 4).sentences
    for call in (lambda: sl.sweep(NET, grid, X), lambda: sl.diagnose(NET, X, None, 4)):
        with pytest.raises(sl.ShapeError, match="y: none given"):
            call()


@pytest.mark.parametrize("form", FORMS)
def test_tracing_and_verification_read_every_form(form):
    assert repr(sl.trace(MODEL, FORMS[form]())) == repr(sl.trace(MODEL, X))
    sl.verify(MODEL, NET, FORMS[form]())


def test_verification_looks_at_all_images_a_few_at_a_time(monkeypatch):
    looked_at = []
    monkeypatch.setattr(verification, "check_equivalence", lambda *args: looked_at.append(args[3]))
    sl.verify(MODEL, NET, DataLoader(X, 5))
    assert torch.equal(torch.cat(looked_at), X)
    assert max(map(len, looked_at)) == verification.TOGETHER < N


@pytest.mark.parametrize("form", LABELLED)
def test_training_takes_images_and_labels_as_they_come(form):
    small = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    found = train(small, FORMS[form](), epochs=1)
    assert torch.equal(found[1].weight, train(small, X, Y, epochs=1)[1].weight)


# --- memory ----------------------------------------------------------------------------------


class Watched:
    """Batches made anew at each reading, and how many were alive at once."""

    def __init__(self, batches):
        self.batches, self.most, self.readings, self.alive = batches, 0, 0, weakref.WeakSet()

    def __iter__(self):
        self.readings += 1
        for seed in range(self.batches):
            images = np.random.default_rng(seed).random((16, 1, 8, 8), np.float32)
            batch = images.view(Weak)
            self.alive.add(batch)
            gc.collect()
            self.most = max(self.most, len(self.alive))
            yield batch
            del images, batch


class Weak(np.ndarray):
    """An array that can be told from others."""

    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


@pytest.mark.parametrize(
    ("rule", "readings"), [(sl.Fixed(1.0), 1), (sl.Maximum(), 1), (sl.Percentile(), 2),
                           (sl.Percentile(90, per_channel=True), 3)], ids=str
)  # fmt: skip
def test_calibration_holds_a_few_batches_and_reads_as_often_as_needed(monkeypatch, rule, readings):
    monkeypatch.setattr(statistics, "_BATCH_BYTES", 50_000)
    images = Watched(20)
    sl.convert(MODEL, images, threshold=rule)
    assert images.readings == readings
    assert images.most <= 4


def test_runs_hold_a_few_batches_and_read_once(monkeypatch):
    monkeypatch.setattr(statistics, "_BATCH_BYTES", 50_000)
    monkeypatch.setattr("snnlab.simulation.engine._BLOCK_BYTES", 200_000)
    calls = (
        lambda x: sl.simulate(NET, x, 8),
        lambda x: sl.ann(NET, x),
        lambda x: sl.quantized(NET, x, 8),
    )
    for call in calls:
        images = Watched(20)
        call(images)
        assert images.readings == 1
        assert images.most <= 8


def test_what_can_be_read_once_is_kept_up_to_a_size(monkeypatch):
    monkeypatch.setattr(images_module, "_KEPT_BYTES", X.nbytes)
    expected = sl.convert(MODEL, X).thresholds
    same(sl.convert(MODEL, iter(X.split(8))).thresholds, expected)
    monkeypatch.setattr(images_module, "_KEPT_BYTES", X.nbytes - 1)
    message = r"x_cal: found \w+, which can be read only once.*Expected.*DataLoader"
    with pytest.raises(sl.MemoryBudgetError, match=message):
        sl.convert(MODEL, (images for images in X.split(8)))
    same(sl.convert(MODEL, Again(X.split(8))).thresholds, expected)


def test_a_record_of_a_stream_that_grows_too_large_is_refused():
    per_image = 4 * sum(np.prod(NET.shape(name)) for name in NET.layers)
    endless = itertools.cycle(X.split(8))
    message = r"recording of the first [\d,]+ images needs.*potentials of.*memory=\d+"
    with pytest.raises(sl.MemoryBudgetError, match=message):
        sl.simulate(NET, endless, 16, potentials=True, memory=int(16 * 600 * per_image))
    with pytest.raises(sl.MemoryBudgetError, match=message):  # of which the first are too many
        sl.simulate(NET, endless, 16, potentials=True, memory=10_000)


def test_gathered_images_have_to_fit():
    with pytest.raises(sl.MemoryBudgetError, match=r"x: its images take more than.*Subset"):
        Images(DataLoader(X, 4), "x").whole(memory=X.nbytes - 1)
    assert len(Images(DataLoader(X, 4), "x").whole(memory=X.nbytes)) == N
    assert len(Images(X, "x").whole(memory=1)) == N  # an array is there anyway


def test_memory_mapped_images_are_not_read_as_a_whole(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", X.numpy().astype(np.float64))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    copied = []
    require = np.require
    monkeypatch.setattr(np, "require", lambda a, *rest: copied.append(len(a)) or require(a, *rest))
    monkeypatch.setattr(statistics, "_BATCH_BYTES", 30_000)
    monkeypatch.setattr(images_module, "TOGETHER", 8)
    monkeypatch.setattr("snnlab.simulation.engine._BLOCK_BYTES", 60_000)
    expected = sl.simulate(NET, X, 4)
    same(sl.convert(MODEL, mapped).thresholds, sl.convert(MODEL, X).thresholds)
    assert np.array_equal(sl.simulate(NET, mapped, 4).output_sums, expected.output_sums)
    assert max(copied) < N


# --- nothing of the user's is changed --------------------------------------------------------


def test_reading_happens_as_the_user_would_read():
    """A data set may keep what it makes; it must be no inference tensor, nor of other threads."""
    seen = []

    class Lazy(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            seen.append((torch.is_inference_mode_enabled(), torch.is_grad_enabled()))
            return X[i] * 1.0

    for call in (
        sl.ann,
        lambda net, x: sl.simulate(net, x, 3),
        lambda net, x: sl.convert(MODEL, x),
    ):
        call(NET, Lazy())
    assert set(seen) == {(False, True)}


def test_random_numbers_are_drawn_by_loaders_only():
    names = ("data set", "stream", "list of batches", "elements", "iterable")
    forms = [FORMS[name]() for name in names]
    before = torch.get_rng_state()
    for form in forms:
        sl.ann(NET, form)
        sl.simulate(NET, form, 3)
        sl.convert(MODEL, form)
    assert torch.equal(torch.get_rng_state(), before)


# --- refusals --------------------------------------------------------------------------------


class Augmented(Dataset):
    def __len__(self):
        return N

    def __getitem__(self, i):
        return X[i] + torch.rand(())


class Exhausted:
    """Can be iterated once, and pretends to be more than an iterator."""

    def __init__(self):
        self.batches = iter(X.split(8))

    def __iter__(self):
        yield from self.batches


AGAIN = r"x_cal: gave other images when it was read again.*expected the same.*torch\.cat"


def dropping():
    generator = torch.Generator().manual_seed(0)
    return DataLoader(X, 8, shuffle=True, drop_last=True, generator=generator)


class Picture:
    """Stands for a picture of PIL."""

    __module__ = "PIL.Image"


SHAPE, MEMORY, CALIBRATION = sl.ShapeError, sl.MemoryBudgetError, sl.CalibrationError
REFUSED = {
    "augmentation": (CALIBRATION, AGAIN, lambda: sl.convert(MODEL, Augmented())),
    "drop_last and shuffle": (CALIBRATION, AGAIN, lambda: sl.convert(MODEL, dropping())),
    "iterable but once": (SHAPE, r"x_cal: found no image in Exhausted.*make a new one",
        lambda: sl.convert(MODEL, Exhausted())),
    "empty loader": (SHAPE, r"x: found no image in DataLoader, expected at least one",
        lambda: sl.simulate(NET, DataLoader(X[:0]), 2)),
    "used iterator": (SHAPE, r"x: found no image in list_iterator.*only once",
        lambda: sl.simulate(NET, iter([]), 2)),
    "dict": (SHAPE, r"x_cal: found dict, expected an array.*Pass one of its entries.*image",
        lambda: sl.convert(MODEL, {"image": X, "label": Y})),
    "batches of dicts": (SHAPE, r"x: found a dict with the keys \['image'\].*for batch in x",
        lambda: sl.simulate(NET, DataLoader([{"image": image} for image in X], 8), 2)),
    "batches of another mapping": (SHAPE, r"x: found a dict with the keys \['image'\]",
        lambda: sl.simulate(NET, iter([collections.UserDict(image=X)]), 2)),
    "three things": (SHAPE, r"x: found 3 things together.*\(\(x, y\) for x, y, \*_ in x\)",
        lambda: sl.simulate(NET, DataLoader(TensorDataset(X, Y, Y), 8), 2)),
    "list of dicts": (SHAPE, r"x: found a dict with the keys \['image'\].*for batch in x",
        lambda: sl.simulate(NET, [{"image": X[:8]}, {"image": X[8:]}], 2)),
    "list of three things": (SHAPE, r"x: found 3 things together.*\(\(x, y\) for x, y, \*_ in x\)",
        lambda: sl.simulate(NET, [(Y[:8], X[:8], Y[:8]), (Y[8:], X[8:], Y[8:])], 2)),
    "labels first": (SHAPE, r"x: found a pair.*\(37,\) and \(37, 1, 8, 8\).*images first",
        lambda: sl.simulate(NET, (Y, X), 2)),
    "labels first in batches": (SHAPE, r"x: found a pair.*images first.*Exchange them\.",
        lambda: sl.simulate(NET, DataLoader(TensorDataset(Y, X), 8), 2)),
    "numbers of batches": (SHAPE, r"x: found int, expected an array",
        lambda: sl.simulate(NET, enumerate(DataLoader(PAIRS, 8)), 2)),
    "boxes in ragged lists": (SHAPE, r"x: images of shape \(1, 8, 7\), expected",
        lambda: sl.simulate(NET, [(X[:2, ..., :7], [[[0, 1]], [[2, 3], [4, 5]]])], 2)),
    "a class": (SHAPE, r"x: found type, expected an array", lambda: sl.simulate(NET, Arrays, 2)),
    "memory": (SHAPE, r"x: found memoryview, expected an array",
        lambda: sl.simulate(NET, memoryview(X.numpy()), 2)),
    "one element": (SHAPE, r"x: found one image and its label.*x\[0\]\[None\]",
        lambda: sl.simulate(NET, PAIRS[0], 2)),
    "labels of others": (SHAPE, r"x: found 8 images with 7 labels.*expected a label for each",
        lambda: sl.simulate(NET, [(X[:8], Y[:8]), (X[:8], Y[:7])], 2)),
    "another shape later": (SHAPE, r"x: images of shape \(1, 8, 7\), expected \(1, 8, 8\)",
        lambda: sl.simulate(NET, [(X, Y), (X[..., :7], Y)], 2)),
    "another shape in calibration": (SHAPE, r"x_cal: images of shape \(1, 8, 7\), expected",
        lambda: sl.convert(MODEL, Again([X, X[..., :7]]))),
    "NaN in image 20": (SHAPE, r"x: holds NaN.*first in image 20, expected finite",
        lambda: sl.simulate(NET, iter(with_nan(20).split(8)), 2)),
    "NaN in the last image": (SHAPE, r"x: holds NaN.*first in image 36, expected finite",
        lambda: sl.simulate(NET, with_nan(36), 2)),
    "NaN in calibration": (SHAPE, r"x_cal: holds NaN.*first in image 30",
        lambda: sl.convert(MODEL, DataLoader(with_nan(30), 8))),
    "pixels outside": (sl.OptionError, r"x: values from .*, expected \[0, 1\]",
        lambda: sl.simulate(NET, DataLoader(2 * X, 8), 2, input="poisson", seed=0)),
    "pictures": (SHAPE, r"x: found pictures of PIL.*expected arrays.*transform=",
        lambda: sl.simulate(NET, Subset([(Picture(), 1)] * 3, range(3)), 2)),
    "shuffled for decompose": (SHAPE, r"x: image 0 is not the one.*same order.*torch\.cat",
        lambda: sl.decompose(NET, X.flip(0), sl.simulate(NET, X, 2))),
    "too many for decompose": (SHAPE, r"x: 45 images, expected the 37 that were simulated",
        lambda: sl.decompose(NET, iter([X, X[:8]]), sl.simulate(NET, X, 2))),
    "too few for decompose": (SHAPE, r"x: 8 images, expected the 37 that were simulated",
        lambda: sl.decompose(NET, iter([X[:8]]), sl.simulate(NET, X, 2))),
    "a model": (SHAPE, r"x: found Sequential, expected an array",
        lambda: sl.simulate(NET, CHAIN, 2)),
    "a file": (SHAPE, r"x: found str, expected an array.*a DataLoader, a Dataset",
        lambda: sl.simulate(NET, "images.npy", 2)),
    "tensors of several shapes": (SHAPE, r"x: cannot be read.*same shape.*torch\.cat",
        lambda: sl.simulate(NET, [X[:8], X[:5]], 2)),
    "sparse": (SHAPE, r"x: found a tensor of layout torch\.sparse_coo.*x\.to_dense\(\)",
        lambda: sl.simulate(NET, X.to_sparse(), 2)),
    "channels last": (SHAPE, r"x: images of shape \(8, 8, 1\).*x\.permute\(0, 3, 1, 2\)",
        lambda: sl.simulate(NET, X.permute(0, 2, 3, 1), 2)),
    "channels last, numpy": (SHAPE, r"images of shape \(8, 8, 1\).*x\.transpose\(0, 3, 1, 2\)",
        lambda: sl.simulate(NET, X.permute(0, 2, 3, 1).numpy(), 2)),
    "flat": (SHAPE, r"images of shape \(64,\).*x\.reshape\(37, 1, 8, 8\)",
        lambda: sl.simulate(NET, X.flatten(1), 2)),
    "one image": (SHAPE, r"images of shape \(8, 8\).*x\[None\]",
        lambda: sl.simulate(NET, X[0], 2)),
    "batches in a list": (SHAPE, r"images of shape \(8, 1, 8, 8\).*become images by torch\.cat",
        lambda: sl.simulate(NET, [X[:8], X[8:16]], 2)),
    "activations": (MEMORY, r"ann: the currents and activations of 37 images.*activations=False",
        lambda: sl.ann(NET, X, memory=1000)),
    "activations of a stream": (MEMORY, r"quantized: the currents and activations of \d+ images",
        lambda: sl.quantized(NET, DataLoader(X, 4), 2, memory=1000)),
    "a layer of activations": (sl.OptionError, r"layer 'relu9",
        lambda: sl.ann(NET, X, activations=["relu9"])),
}  # fmt: skip


def with_nan(image):
    x = X.clone()
    x[image, 0, 3, 3] = float("nan")
    return x


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    error, message, call = REFUSED[case]
    with pytest.raises(error, match=f"(?s){message}") as raised:
        call()
    assert str(raised.value).endswith((".", "?"))


# --- types of arrays -------------------------------------------------------------------------

BYTES = np.random.default_rng(0).integers(0, 255, (9, 1, 8, 8), np.uint8)


class Table:
    """Stands for a table of pandas or polars."""

    def __init__(self, values):
        self.values = values

    def to_numpy(self):
        return self.values


@pytest.mark.parametrize(
    "kind", [np.uint8, np.int16, np.uint16, np.int64, np.float16, float, ">f4", np.longdouble]
)
@pytest.mark.parametrize("streamed", [False, True])
def test_images_of_every_type_are_read_alike(kind, streamed):
    x = BYTES.astype(kind)
    before, expected = x.tobytes(), sl.simulate(NET, BYTES.astype(np.float32), 3).output_sums
    found = sl.simulate(NET, Again([x[:4], x[4:]]) if streamed else x, 3).output_sums
    assert np.array_equal(found, expected)
    assert x.tobytes() == before


@pytest.mark.parametrize("change", [torch.Tensor.half, torch.Tensor.bfloat16, torch.Tensor.double])
def test_tensors_of_every_type_are_read_alike(change):
    x = torch.from_numpy(BYTES).float()
    expected = sl.simulate(NET, x, 3).output_sums
    assert np.array_equal(sl.simulate(NET, change(x), 3).output_sums, expected)
    assert np.array_equal(sl.simulate(NET, DataLoader(change(x), 4), 3).output_sums, expected)
    same(sl.convert(MODEL, change(x)).thresholds, sl.convert(MODEL, x).thresholds)


def test_views_tables_and_arrays_that_must_not_be_written_are_read():
    expected = sl.simulate(NET, X, 3).output_sums
    x = X.numpy().copy()
    x.flags.writeable = False
    wide = np.zeros((N, 1, 8, 16), np.float32)
    wide[..., ::2] = x
    for given_x in (
        x,
        wide[..., ::2],
        x[::-1][::-1],
        Table(x),
        X.clone().requires_grad_(),
        list(x),
    ):
        assert np.array_equal(sl.simulate(NET, given_x, 3).output_sums, expected)


def test_data_frames_are_tables_of_features():
    pandas = pytest.importorskip("pandas")
    x = np.random.default_rng(0).random((6, 3))
    net = sl.convert(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), x)
    frame = pandas.DataFrame(x, columns=["a", "b", "c"])
    found = sl.simulate(net, frame, 3)
    assert np.array_equal(found.output_sums, sl.simulate(net, x, 3).output_sums)
    labels = pandas.Series(range(6), index=range(10, 16))
    pair = sl.simulate(net, (frame, labels), 3)
    assert np.array_equal(pair.output_sums, found.output_sums)
    assert pair.labels.tolist() == list(range(6))
    mixed = frame.assign(a=True, b=range(6))  # numpy has but objects for these together
    expected = sl.simulate(net, mixed.astype(float), 3)
    assert np.array_equal(sl.simulate(net, mixed, 3).output_sums, expected.output_sums)
    for table, message in (
        (frame.assign(name="x"), r"x: cannot be read.*object.*columns of text"),
        (frame["a"], r"x: shape \(6,\), expected \(B, \.\.\.\)"),
    ):
        with pytest.raises(sl.ShapeError, match=message):
            sl.simulate(net, table, 3)


def test_checksums_tell_images_apart_and_know_them_again():
    x = torch.rand(4, 2, 3)
    assert len(set(checksums(x).tolist())) == 4
    assert np.array_equal(checksums(x.flip(0)), checksums(x)[::-1])
    assert np.array_equal(checksums(x.transpose(1, 2).contiguous().transpose(1, 2)), checksums(x))


def test_a_column_of_one_number_each_is_images_too():
    """numpy gives its last dimension a stride of 0."""
    x = np.linspace(0, 1, 5, dtype=np.float32)[:, None]
    net = sl.convert(nn.ReLU(), x, threshold=sl.Fixed(1.0))
    assert np.array_equal(sl.simulate(net, x, 8).outputs, sl.simulate(net, x.copy(), 8).outputs)
    assert np.array_equal(checksums(torch.from_numpy(x)), checksums(torch.tensor(x.tolist())))
