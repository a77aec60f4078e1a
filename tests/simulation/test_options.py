"""Every bad option is refused at the call that holds it, with a message that says what to do."""

import random

import numpy as np
import pytest
import sklearn.datasets  # noqa: F401 (its first import draws a random number)
import torch
from torch import nn

import snnlab as sl
from snnlab import data

NAN = float("nan")


class Setting:
    """A model in training mode, its network, images and labels: what a user passes in."""

    def __init__(self):
        generator = torch.Generator().manual_seed(1)
        self.model = nn.Sequential()
        self.model.add_module("conv", nn.Conv2d(1, 3, 3))
        self.model.add_module("relu1", nn.ReLU())
        self.model.add_module("flatten", nn.Flatten())
        self.model.add_module("hidden", nn.Linear(48, 5))
        self.model.add_module("relu2", nn.ReLU())
        self.model.add_module("last", nn.Linear(5, 3))
        for parameter in self.model.parameters():
            parameter.data = torch.randint(-32, 33, parameter.shape, generator=generator) / 64
        self.x = torch.randint(0, 17, (4, 1, 6, 6), generator=generator).float().numpy() / 16
        self.y = np.array([0, 1, 2, 0])
        self.net = sl.convert(self.model, self.x, threshold=sl.Fixed(1.0))

    def convert(self, *args, x=None, **options):
        return sl.convert(self.model, self.x if x is None else x, *args, **options)

    def simulate(self, timesteps=4, x=None, **options):
        return sl.simulate(self.net, self.x if x is None else x, timesteps, **options)

    def poisson(self, **options):
        return self.simulate(input="poisson", **options)

    def train(self, x=None, y=None, **options):
        options = {"epochs": 1} | options
        x, y = self.x if x is None else x, self.y if y is None else y
        return data.train(self.model, x, y, **options)

    def fingerprint(self):
        """Return everything a call could have changed, as bytes and plain values."""
        return [
            self.x.tobytes(),
            self.y.tobytes(),
            [(name, t.detach().numpy().tobytes()) for name, t in self.model.state_dict().items()],
            [(name, module.training) for name, module in self.model.named_modules()],
            [(p.requires_grad, p.grad) for p in self.model.parameters()],
            [
                (n, t.detach().numpy().tobytes())
                for n, t in self.net.graph.module.state_dict().items()
            ],
            repr(self.net),
            global_state(),
        ]


def global_state():
    return [
        torch.get_rng_state().numpy().tobytes(),
        repr(np.random.get_state()),  # noqa: NPY002 (the global state must stay as it is)
        random.getstate(),
        torch.get_default_dtype(),
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_num_threads(),
    ]


@pytest.fixture(scope="module")
def setting():
    return Setting()


@pytest.fixture
def given(setting):
    """The setting, which must be the same after the test as before it."""
    before = setting.fingerprint()
    yield setting
    assert setting.fingerprint() == before


# --- the checks of everything else: what is refused ------------------------------------------

OPTION, SHAPE, MEMORY = sl.OptionError, sl.ShapeError, sl.MemoryBudgetError
WHOLE = r"expected a whole number, 1 or more"
FRACTION = r"expected a number in \[0, 1\), in units of the threshold.*v_init / v_threshold"
RESETS = r"expected 'subtract' or 'zero'"
CASES = [
    # percentile
    (OPTION, r"percentile = 0\.999: expected .*100\].*Did you mean 99\.9\?",
     lambda g: g.convert(threshold=sl.Percentile(0.999))),
    (OPTION, r"percentile = 0\.5: .*Did you mean 50\?", lambda g: sl.Percentile(0.5)),
    (OPTION, r"percentile = 1: .*Did you mean 100\?", lambda g: sl.Percentile(1)),
    (OPTION, r"percentile = 0: expected a number in \(0, 100\]", lambda g: sl.Percentile(0)),
    (OPTION, r"percentile = 101: expected a number in \(0, 100\]", lambda g: sl.Percentile(101)),
    (OPTION, r"percentile = -1: expected a number in \(0, 100\]", lambda g: sl.Percentile(-1)),
    (OPTION, r"percentile = nan: expected a number in \(0, 100\]", lambda g: sl.Percentile(NAN)),
    (OPTION, r"percentile = inf: expected a number", lambda g: sl.Percentile(float("inf"))),
    (OPTION, r"percentile = '99\.9%': expected a number", lambda g: sl.Percentile("99.9%")),
    (OPTION, r"percentile = True: expected a number", lambda g: sl.Percentile(True)),
    (OPTION, r"percentile = None: expected a number", lambda g: sl.Percentile(None)),
    (OPTION, r"percentile = 0\.999: .*Did you mean 99\.9\?",
     lambda g: sl.activation_statistics(g.net.graph, g.x)["relu1"].percentile(0.999)),
    # threshold rule
    (OPTION, r"threshold = 99\.9: expected Percentile.*snnlab\.Percentile\(99\.9\)",
     lambda g: g.convert(threshold=99.9)),
    (OPTION, r"threshold = 'max': expected .*Maximum\(\)", lambda g: g.convert(threshold="max")),
    (OPTION, r"threshold = .*Maximum.*: expected", lambda g: g.convert(threshold=sl.Maximum)),
    (OPTION, r"layer 'relu1'.*'high'.*a number", lambda g: g.convert(threshold=sl.Fixed("high"))),
    # neuron settings
    (OPTION, rf"v_init = 1: {FRACTION}", lambda g: g.convert(v_init=1)),
    (OPTION, rf"v_init = -0\.5: {FRACTION}", lambda g: g.convert(v_init=-0.5)),
    (OPTION, rf"v_init = nan: {FRACTION}", lambda g: g.convert(v_init=NAN)),
    (OPTION, rf"v_init = 'half': {FRACTION}", lambda g: g.convert(v_init="half")),
    (OPTION, rf"v_init = 1: {FRACTION}", lambda g: g.simulate(v_init=1)),
    (OPTION, rf"v_init = -0\.5: {FRACTION}", lambda g: g.simulate(v_init=-0.5)),
    (OPTION, rf"v_init = nan: {FRACTION}", lambda g: g.simulate(v_init=NAN)),
    (OPTION, rf"v_init = 'half': {FRACTION}", lambda g: g.simulate(v_init="half")),
    (OPTION, rf"v_init = 1\.5: {FRACTION}", lambda g: g.net.replace(v_init=1.5)),
    (OPTION, rf"reset = 'substract': {RESETS}.*Did you mean 'subtract'\?",
     lambda g: g.convert(reset="substract")),
    (OPTION, rf"reset = 'substract': {RESETS}.*Did you mean 'subtract'\?",
     lambda g: g.simulate(reset="substract")),
    (OPTION, rf"reset = 'Zero': {RESETS}.*Did you mean 'zero'\?",
     lambda g: g.net.replace(reset="Zero")),
    (OPTION, rf"reset = 0: {RESETS}", lambda g: g.simulate(reset=0)),
    (OPTION, rf"reset = array.*: {RESETS}",
     lambda g: g.simulate(reset=np.array(["zero", "subtract"]))),
    # timesteps
    (OPTION, rf"timesteps = 0: {WHOLE}", lambda g: g.simulate(0)),
    (OPTION, rf"timesteps = -3: {WHOLE}", lambda g: g.simulate(-3)),
    (OPTION, rf"timesteps = 2\.5: {WHOLE}", lambda g: g.simulate(2.5)),
    (OPTION, rf"timesteps = '10': {WHOLE}", lambda g: g.simulate("10")),
    (OPTION, rf"timesteps = True: {WHOLE}", lambda g: g.simulate(True)),
    (OPTION, rf"timesteps = None: {WHOLE}", lambda g: g.simulate(None)),
    (OPTION, rf"timesteps = nan: {WHOLE}", lambda g: g.simulate(NAN)),
    (OPTION, rf"timesteps = inf: {WHOLE}", lambda g: g.simulate(float("inf"))),
    (OPTION, rf"timesteps = \[4\]: {WHOLE}", lambda g: g.simulate([4])),
    # kind of input, seed
    (OPTION, r"input = 'poison': expected 'analog' or 'poisson'.*Did you mean 'poisson'\?",
     lambda g: g.simulate(input="poison")),
    (OPTION, r"input = None: expected 'analog' or 'poisson'", lambda g: g.simulate(input=None)),
    (OPTION, r"x: values from 0 to 2, expected \[0, 1\].*probability.*input='analog'",
     lambda g: g.poisson(x=2 * g.x / g.x.max())),
    (OPTION, r"x: values from -1 to .*0, expected \[0, 1\]",
     lambda g: g.poisson(x=-g.x / g.x.max())),
    (OPTION, r"seed = 'lucky': expected", lambda g: g.poisson(seed="lucky")),
    (OPTION, r"seed = -1: expected", lambda g: g.poisson(seed=-1)),
    (OPTION, r"seed = 1\.5: expected", lambda g: g.poisson(seed=1.5)),
    (OPTION, r"seed = .*: expected", lambda g: g.poisson(seed=torch.Generator())),
    # images
    (SHAPE, r"x: images of shape \(1, 6, 5\), expected \(1, 6, 6\).*Reshape",
     lambda g: g.simulate(x=g.x[..., :5])),
    (SHAPE, r"x: images of shape \(6, 6\), expected \(1, 6, 6\)",
     lambda g: g.simulate(x=g.x[:, 0])),
    (SHAPE, r"x: .*expected .*\(1, 6, 6\)", lambda g: g.simulate(x=g.x[0])),
    (SHAPE, r"x: images of shape \(1, 6, 5\), expected \(1, 6, 6\)",
     lambda g: sl.ann(g.net, g.x[..., :5])),
    (SHAPE, r"x: shape \(0, 1, 6, 6\), expected .*at least one image",
     lambda g: g.simulate(x=g.x[:0])),
    (SHAPE, r"x: .*NaN or infinite.*expected finite", lambda g: g.simulate(x=g.x * NAN)),
    (SHAPE, r"x: .*NaN or infinite.*expected finite", lambda g: g.simulate(x=g.x + np.inf)),
    (SHAPE, r"x: .*expected", lambda g: g.simulate(x=g.x.astype(float) + 1e300)),  # no float32
    (SHAPE, r"x: found float, expected an array", lambda g: g.simulate(x=0.5)),
    (SHAPE, r"x: found str, expected an array", lambda g: g.simulate(x="images.npy")),
    (SHAPE, r"x: cannot be read.*Expected real numbers", lambda g: g.simulate(x=[["a", "b"]])),
    (SHAPE, r"x: cannot be read.*same shape", lambda g: g.simulate(x=[[0.5, 1.0], [0.5]])),
    (SHAPE, r"x: .*real numbers", lambda g: g.simulate(x=g.x * 1j)),
    (SHAPE, r"x_cal: shape \(0, 1, 6, 6\)", lambda g: g.convert(x=g.x[:0])),
    (SHAPE, r"x_cal: .*NaN or infinite", lambda g: g.convert(x=g.x * NAN)),
    (SHAPE, r"'hidden'.*fails.*shape", lambda g: g.convert(x=g.x[..., :5])),
    # labels
    (SHAPE, r"y: shape \(3,\), expected \(4,\).*one label for each",
     lambda g: g.simulate().accuracy(g.y[:3])),
    (SHAPE, r"y: shape \(2,\), expected \(4,\)", lambda g: sl.ann(g.net, g.x).accuracy([0, 1])),
    # what is recorded
    (OPTION, r"layer 'relu3'.*Did you mean 'relu[12]' or 'relu[12]'\?.*\['relu1', 'relu2'\]",
     lambda g: g.simulate(spikes=["relu1", "relu3"])),
    (OPTION, r"layer 'relu'.*Did you mean 'relu[12]' or 'relu[12]'\?",
     lambda g: g.simulate(potentials="relu")),
    (OPTION, r"layer 'output'.*\['relu1', 'relu2'\]", lambda g: g.simulate(spikes="output")),
    (OPTION, r"layer 'input'.*\['relu1', 'relu2'\]", lambda g: g.simulate(spikes=["input"])),
    (OPTION, r"layer 2.*from -2 to 1.*\['relu1', 'relu2'\]", lambda g: g.simulate(spikes=2)),
    (OPTION, r"spikes = 1\.5: expected", lambda g: g.simulate(spikes=1.5)),
    (OPTION, r"potentials = None: expected", lambda g: g.simulate(potentials=None)),
    (OPTION, r"at = \[2, 9\]: expected steps from 1 to 4", lambda g: g.simulate(at=(2, 9))),
    (OPTION, r"at = \[2, 9\]: expected steps from 1 to 4", lambda g: g.simulate(at=(9, 2))),
    (OPTION, r"at = 0: expected", lambda g: g.simulate(at=(0, 2))),
    (OPTION, r"at = 2\.5: expected", lambda g: g.simulate(at=[2.5])),
    (OPTION, r"at = 9: expected", lambda g: g.simulate(at=9)),
    (OPTION, r"at = None: expected", lambda g: g.simulate(at=None)),
    # arithmetic and memory
    (OPTION, r"dtype = torch\.float16: expected torch\.float32 or torch\.float64",
     lambda g: g.simulate(dtype=torch.float16)),
    (OPTION, r"dtype = 'float64': expected torch\.float32 or torch\.float64",
     lambda g: g.simulate(dtype="float64")),
    (OPTION, r"memory = '1GB': expected", lambda g: g.simulate(memory="1GB")),
    (OPTION, r"memory = None: expected", lambda g: g.simulate(memory=None)),
    (OPTION, r"memory = -1: expected", lambda g: g.simulate(memory=-1)),
    # networks and records
    (OPTION, r"network: .*Sequential.*Network.*convert", lambda g: sl.simulate(g.model, g.x, 4)),
    (OPTION, r"network: .*Sequential.*Network.*convert", lambda g: sl.ann(g.model, g.x)),
    (OPTION, r"graph: .*Sequential.*Graph.*trace",
     lambda g: sl.activation_statistics(g.model, g.x)),
    (OPTION, r"record: is of another network.*Expected",
     lambda g: sl.decompose(sl.convert(nn.ReLU(), g.x), g.x, g.simulate())),
    (SHAPE, r"x: 3 images, expected the 4 that were simulated",
     lambda g: sl.decompose(g.net, g.x[:3], g.simulate())),
    (OPTION, r"part = 'clip': expected .*Did you mean 'clipping'\?",
     lambda g: sl.decompose(g.net, g.x, g.simulate()).part("relu1", "clip")),
    (OPTION, r"layer 'relu3'.*Did you mean",
     lambda g: sl.decompose(g.net, g.x, g.simulate()).part("relu3", "clipping")),
    # data and training
    (OPTION, rf"side = 0: {WHOLE}", lambda g: data.load_digits(side=0)),
    (OPTION, rf"side = 8\.5: {WHOLE}", lambda g: data.load_digits(8.5)),
    (OPTION, rf"side = '28': {WHOLE}", lambda g: data.load_digits("28")),
    (OPTION, rf"epochs = 0: {WHOLE}", lambda g: g.train(epochs=0)),
    (OPTION, rf"epochs = 1\.5: {WHOLE}", lambda g: g.train(epochs=1.5)),
    (OPTION, rf"batch = 0: {WHOLE}", lambda g: g.train(batch=0)),
    (OPTION, rf"batch = True: {WHOLE}", lambda g: g.train(batch=True)),
    (OPTION, r"learning_rate = -1: expected", lambda g: g.train(learning_rate=-1)),
    (OPTION, r"learning_rate = 0: expected", lambda g: g.train(learning_rate=0)),
    (OPTION, r"learning_rate = nan: expected", lambda g: g.train(learning_rate=NAN)),
    (OPTION, r"learning_rate = 'fast': expected", lambda g: g.train(learning_rate="fast")),
    (OPTION, r"seed = 'lucky': expected", lambda g: g.train(seed="lucky")),
    (OPTION, r"seed = None: expected", lambda g: g.train(seed=None)),
    (SHAPE, r"y: shape \(3,\), expected \(4,\)", lambda g: g.train(y=g.y[:3])),
    (SHAPE, r"y: type float64, expected whole numbers", lambda g: g.train(y=g.y / 1.0)),
    (SHAPE, r"y: .*3.*expected", lambda g: g.train(y=g.y + 1)),
    (SHAPE, r"y: .*-100.*expected", lambda g: g.train(y=np.where(g.y == 1, -100, g.y))),
    (SHAPE, r"x: shape \(0, 1, 6, 6\)", lambda g: g.train(x=g.x[:0], y=g.y[:0])),
    (sl.SNNLabError, r"model: found .*, expected", lambda g: data.train(len, g.x, g.y)),
]  # fmt: skip


IDS = [message.replace("\\", "")[:24] for _, message, _ in CASES]


@pytest.mark.parametrize(("error", "message", "call"), CASES, ids=IDS)
def test_refused(given, error, message, call):
    with pytest.raises(error, match=f"(?s){message}") as raised:
        call(given)
    # One paragraph that ends as a sentence does.
    assert "\n\n" not in str(raised.value)
    assert str(raised.value).endswith((".", "?"))


# --- memory ----------------------------------------------------------------------------------


def test_memory_too_small_for_one_image_and_one_step_gives_the_figure(given):
    with pytest.raises(MEMORY, match=r"one image and one step need .* KiB.*memory=\d+") as raised:
        given.simulate(1, x=given.x[:1], memory=1000)
    allowed = int(str(raised.value).split("memory=")[1].rstrip("."))
    assert given.simulate(1, x=given.x[:1], memory=allowed).timesteps == 1
    with pytest.raises(MEMORY, match=f"memory={allowed}"):
        given.simulate(1, x=given.x[:1], memory=allowed - 1)


def test_recording_too_large_gives_the_figure_and_the_layer(given):
    recorded = {"spikes": "relu1", "potentials": "relu1"}
    with pytest.raises(MEMORY, match=r"recording needs .*iB.*'relu1'.*memory=\d+") as raised:
        given.simulate(3000, memory=2**20, **recorded)
    needed = int(str(raised.value).split("memory=")[1].rstrip("."))
    # 48 neurons, 4 images, 3000 steps: a byte for a spike, 4 for a potential, 3 outputs of 4 bytes.
    assert needed >= 3000 * 4 * (48 * 5 + 3 * 4)
    assert given.simulate(3000, memory=needed, **recorded).timesteps == 3000
    with pytest.raises(MEMORY, match=f"memory={needed}"):
        given.simulate(3000, memory=needed - 1, **recorded)


def test_recording_too_large_says_potentials_or_spikes(given):
    with pytest.raises(MEMORY, match="for the potentials of 'relu1'"):
        given.simulate(100, spikes=True, potentials=True, memory=50000)
    with pytest.raises(MEMORY, match="for the spikes of 'relu1'"):
        given.simulate(100, spikes=True, memory=20000)


@pytest.mark.parametrize("memory", [2**30, 1e9, 3e4, 2e4, np.int64(30000)])
def test_memory_may_be_any_whole_number(given, memory):
    whole = given.simulate(40)
    limited = given.simulate(40, memory=memory)
    assert np.array_equal(whole.counts("relu2"), limited.counts("relu2"))
    assert np.array_equal(whole.outputs, limited.outputs)


# --- what is taken: every spelling of the same -----------------------------------------------


def same(one, other):
    return all(np.array_equal(one.counts(n), other.counts(n)) for n in one.layers) and (
        np.array_equal(one.outputs, other.outputs)
    )


@pytest.mark.parametrize("timesteps", [4, 4.0, np.int64(4), np.uint8(4), np.float32(4)])
def test_timesteps_may_be_any_whole_number(given, timesteps):
    record = given.simulate(timesteps)
    assert record.timesteps == 4
    assert type(record.timesteps) is int
    assert same(record, given.simulate(4))


IMAGES = {
    "tensor": torch.from_numpy,
    "tensor with gradient": lambda x: torch.from_numpy(x).requires_grad_(),
    "nested list": lambda x: x.tolist(),
    "list of arrays": list,
    "list of tensors": lambda x: list(torch.from_numpy(x)),
    "tuple": tuple,
    "float64": lambda x: x.astype(float),
    "float16": lambda x: x.astype(np.float16),
    "big endian": lambda x: x.astype(">f4"),
    "Fortran order": np.asfortranarray,
    "flipped twice": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "every second": lambda x: np.repeat(x, 2, 0)[::2],
    "read-only": lambda x: np.broadcast_to(x, x.shape),
}


@pytest.mark.parametrize("how", IMAGES)
def test_images_may_come_in_many_forms(given, how):
    x = IMAGES[how](given.x)
    assert same(given.simulate(x=x), given.simulate())
    assert given.convert(x=x).thresholds == given.convert().thresholds


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.uint16, bool])
def test_images_of_whole_numbers_are_taken_as_they_are(given, dtype):
    x = (given.x > 0.5).astype(dtype)
    assert same(given.simulate(x=x), given.simulate(x=x.astype(np.float32)))
    assert x.dtype == dtype


@pytest.mark.parametrize(
    "at", [(2, 4), [4, 2], {2, 4}, np.array([2, 4]), range(2, 5, 2), [2, 4, 2]]
)
def test_at_takes_any_collection_of_steps(given, at):
    record = given.simulate(at=at)
    assert sorted(record.at) == [2, 4]
    assert np.array_equal(record.counts("relu1", 2), given.simulate(2).counts("relu1"))


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (True, ["relu1", "relu2"]),
        (False, []),
        ((), []),
        ("relu2", ["relu2"]),
        (-1, ["relu2"]),
        (0, ["relu1"]),
        (["relu2", 0], ["relu1", "relu2"]),
        ([-1, "relu2"], ["relu2"]),
        (np.True_, ["relu1", "relu2"]),
        (np.int64(1), ["relu2"]),
    ],
    ids=repr,
)
def test_layers_to_record_by_name_position_or_all(given, layers, expected):
    record = given.simulate(spikes=layers, potentials=layers)
    assert sorted(record.recorded_spikes) == sorted(record.recorded_potentials) == expected


def test_options_of_a_run_are_those_of_replace(given):
    run = given.simulate(12, reset="zero", v_init=0.25)
    replaced = sl.simulate(given.net.replace(reset="zero", v_init=0.25), given.x, 12)
    assert same(run, replaced)
    assert not same(run, given.simulate(12))
    assert {(n.reset, n.v_init) for n in run.neurons.values()} == {("zero", 0.25)}
    assert {n.v_init for n in given.simulate(v_init=0).neurons.values()} == {0}
    assert {(n.reset, n.v_init) for n in given.net.neurons.values()} == {("subtract", 0.5)}


def test_dtype_sets_the_arithmetic_of_one_run(given):
    assert given.simulate().outputs.dtype == np.float32
    assert given.simulate(dtype=torch.float32).outputs.dtype == np.float32
    double = given.simulate(dtype=torch.float64, potentials=True)
    assert double.outputs.dtype == double.potentials("relu1").dtype == np.float64
    assert same(double, given.simulate(dtype=torch.float64))
    assert given.net.graph.dtype == torch.float32


# --- seeds -----------------------------------------------------------------------------------


def trains(given, seed, **options):
    return given.poisson(x=given.x / given.x.max(), seed=seed, spikes=["input"], **options).spikes(
        "input"
    )


def test_the_same_seed_draws_the_same_trains(given):
    assert np.array_equal(trains(given, 3), trains(given, 3))
    assert np.array_equal(trains(given, 3), trains(given, np.int64(3)))
    assert np.array_equal(trains(given, 3), trains(given, np.random.default_rng(3)))
    assert not np.array_equal(trains(given, 3), trains(given, 4))


def test_a_generator_goes_on_where_it_stands(given):
    generator = np.random.default_rng(3)
    first, second = trains(given, generator), trains(given, generator)
    assert np.array_equal(first, trains(given, 3))
    assert not np.array_equal(first, second)


def test_without_a_seed_every_run_differs(given):
    assert not np.array_equal(trains(given, None), trains(given, None))


def test_a_seed_says_nothing_about_analog_input(given):
    assert same(given.simulate(seed=1), given.simulate(seed=2))


# --- what was passed in stays as it was ------------------------------------------------------

CALLS = {
    "convert": lambda g: g.convert(),
    "convert per channel": lambda g: g.convert(threshold=sl.Percentile(90, per_channel=True)),
    "trace": lambda g: sl.trace(g.model, g.x),
    "fold_batchnorm": lambda g: sl.fold_batchnorm(g.net.graph),
    "activation_statistics": lambda g: sl.activation_statistics(g.net.graph, g.x),
    "verify": lambda g: sl.verify(g.model, g.net, g.x),
    "replace": lambda g: g.net.replace(threshold=2.0, reset="zero", v_init=0.0),
    "to": lambda g: g.net.to(torch.float64),
    "simulate": lambda g: g.simulate(spikes=True, potentials=True, at=(2,)),
    "simulate one step": lambda g: g.simulate(1),
    "simulate a tensor": lambda g: g.simulate(x=torch.from_numpy(g.x)),
    "simulate in float64": lambda g: g.simulate(dtype=torch.float64, reset="zero"),
    "simulate Poisson": lambda g: g.poisson(seed=0),
    "analog": lambda g: sl.ann(g.net, torch.from_numpy(g.x)),
    "decompose": lambda g: sl.decompose(g.net, g.x, g.simulate()),
    "accuracy": lambda g: g.simulate().accuracy(g.y),
    "train": lambda g: g.train(),
    "train a tensor": lambda g: g.train(x=torch.from_numpy(g.x), y=torch.from_numpy(g.y)),
    "load_digits": lambda g: data.load_digits(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_changes_nothing_that_was_passed_in(given, call):
    assert call(given) is not given.model


class ReluFirst(nn.Module):
    def forward(self, x):
        return torch.relu_(x)


@pytest.mark.parametrize("model", [nn.ReLU(), nn.ReLU(inplace=True), ReluFirst()], ids=repr)
@pytest.mark.parametrize("timesteps", [1, 3])
def test_images_that_reach_a_neuron_directly_stay_as_they_were(model, timesteps):
    x = torch.tensor([[-1.0, 0.25, 0.75], [2.0, -0.5, 0.5]])
    before = x.clone()
    net = sl.convert(model, x, threshold=sl.Fixed(1.0), v_init=0.0)
    sl.simulate(net, x, timesteps, potentials=True)
    sl.simulate(net, x.clamp(0, 1), timesteps, input="poisson", seed=0)
    sl.ann(net, x)
    assert torch.equal(x, before)


def test_short_floats_are_off_while_a_network_is_evaluated_and_back_afterwards(given):
    seen = []

    def note(*arguments):
        flags = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
        seen.append((*flags, torch.is_inference_mode_enabled()))

    net = given.convert()
    hook = net.graph.module.conv.register_forward_hook(note)
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("medium")
        torch.backends.cudnn.allow_tf32 = True
        sl.simulate(net, given.x, 2)
        sl.ann(net, given.x)
        with pytest.raises(sl.SNNLabError):
            sl.simulate(net, given.x, 2, memory=1)
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.backends.cudnn.allow_tf32 is True
    finally:
        hook.remove()
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
    assert set(seen) == {("highest", False, True)}
