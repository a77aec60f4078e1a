"""A network in a file: the same spikes after loading, and every other file refused with words."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.limits import FULL, full_disk
from helpers.zoo import ZOO
from safetensors.torch import load_file
from torch import nn

import snnlab as sl
from snnlab.saving import container, values
from snnlab.saving.values import decoded, encoded, name_of_function

ROOT = Path(sl.__file__).parent.parent
X = torch.randint(0, 17, (4, 2, 8, 8), generator=torch.Generator().manual_seed(0)) / 16


class Everything(nn.Module):
    """A constant, a shortcut, slices, caps, groups, a transposed convolution, a softmax."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 6, 3, padding=1, padding_mode="circular")
        self.bn = nn.BatchNorm2d(6)
        self.grouped = nn.Conv2d(6, 6, 3, padding="same", groups=3, bias=False)
        self.up = nn.ConvTranspose2d(6, 4, 2, stride=2, output_padding=1)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.fc = nn.Linear(4 * 4 * 4 + 2, 3)
        self.register_buffer("shift", torch.rand(6, 1, 1))

    def forward(self, x):
        a = torch.relu(self.bn(self.conv(x)) + self.shift)
        a = nn.functional.relu6(self.grouped(a) + a)[:, :, ::2, 1:]
        a = nn.functional.interpolate(torch.relu(self.up(a)), size=(8, 8), mode="nearest")
        a = self.pool(nn.functional.avg_pool2d(a, 1)).flatten(1)
        zeros = x.new_zeros(x.shape[0], 2)
        return torch.log_softmax(self.fc(torch.cat([a, zeros], 1)), dim=1)


def chain():
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(1)),
    ).eval()


def pooling():
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))
    )


PER_CHANNEL = sl.Fixed({"2": [0.1, 1 / 3, 0.7, 2.0], "6": 0.3})
NETWORKS = {
    "chain": lambda: sl.convert(chain(), X),
    "everything": lambda: sl.convert(Everything().eval(), X),
    "a threshold per channel": lambda: sl.convert(chain(), X, threshold=PER_CHANNEL),
    "normalized weights": lambda: sl.normalize_weights(
        sl.convert(chain(), X, threshold=PER_CHANNEL)
    ),
    "normalized weights with nodes of their own": lambda: sl.normalize_weights(
        sl.convert(Everything().eval(), X)
    ),
    "float64": lambda: sl.convert(chain(), X).to(torch.float64),
    "channels last": lambda: sl.convert(chain().to(memory_format=torch.channels_last), X),
    "neurons of all kinds": lambda: sl.convert(
        chain(), X, reset="zero", v_init=0.0, readout="spikes", average_pool="spikes"
    ),
    "other settings": lambda: sl.convert(chain(), X).replace(1, reset="zero", v_init=1 / 3),
    "gates": lambda: sl.convert(pooling(), X, max_pool="gate_recent"),
    "one ReLU": lambda: sl.convert(nn.ReLU(), X),
}


def assert_same(a, b, x, timesteps=12):
    """Assert that two networks are one, by their spikes, potentials, outputs and fingerprint."""
    assert a.fingerprint == b.fingerprint
    assert a.layers == b.layers
    assert (a.graph.added, a.graph.logits) == (b.graph.added, b.graph.logits)
    if a.graph.head is not None:
        logits = torch.randn(5, *a.graph.nodes[-1].meta["shape"])
        assert torch.equal(a.graph.head(logits), b.graph.head(logits))
    first, second = (
        sl.simulate(network, x, timesteps, spikes=True, potentials=True) for network in (a, b)
    )
    for name in a.layers:
        assert (first.spikes(name) == second.spikes(name)).all()
        assert (first.potentials(name) == second.potentials(name)).all()
    assert (first.outputs == second.outputs).all()
    assert (sl.ann(a, x).outputs == sl.ann(b, x).outputs).all()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "network.safetensors"


@pytest.mark.parametrize("name", NETWORKS)
def test_a_loaded_network_is_the_one_that_was_saved(name, file):
    network = NETWORKS[name]()
    network.save(file)
    loaded = sl.load(str(file))
    assert_same(network, loaded, X)
    assert loaded.graph.dtype == network.graph.dtype
    assert repr(loaded) == repr(network)
    assert repr(loaded.graph) == repr(network.graph)
    for a, b in zip(network.graph.nodes, loaded.graph.nodes, strict=True):
        assert np.array_equal(a.meta.get("scale", 0), b.meta.get("scale", 0))
    for name in network.layers:
        assert np.array_equal(network.thresholds[name], loaded.thresholds[name])


def test_weights_lie_in_memory_as_they_did(file):
    network = NETWORKS["channels last"]()
    strides = network.graph.module.get_submodule("0").weight.stride()
    assert strides == (18, 1, 6, 2)
    network.save(file)
    assert sl.load(file).graph.module.get_submodule("0").weight.stride() == strides


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_every_model_of_the_zoo_comes_back(name, file):
    model, shape = ZOO[name]()
    x = torch.rand(2, *shape)
    graph = sl.fold_batchnorm(sl.trace(model, x))
    network = sl.Network(graph, {layer: sl.Neuron(0.3) for layer in graph.layers})
    network.save(file)
    loaded = sl.load(file)
    assert network.fingerprint == loaded.fingerprint
    first, second = sl.simulate(network, x, 2), sl.simulate(loaded, x, 2)
    assert all((first.counts(layer) == second.counts(layer)).all() for layer in graph.layers)
    assert (first.outputs == second.outputs).all()


def test_what_is_made_of_a_loaded_network_is_the_same(file):
    model = chain()
    network = sl.convert(model, X, threshold=PER_CHANNEL)
    network.save(file)
    loaded = sl.load(file)
    sl.verify(model, loaded, X)
    assert_same(sl.normalize_weights(network), sl.normalize_weights(loaded), X)
    assert_same(network.replace(scale=3), loaded.replace(scale=3), X)
    assert_same(network.to(torch.float64), loaded.to(torch.float64), X)
    loaded.save(file)
    assert_same(network, sl.load(file), X)


def test_the_same_network_makes_the_same_file(tmp_path):
    network = NETWORKS["everything"]()
    network.save(tmp_path / "a")
    network.save(tmp_path / "b")
    sl.load(tmp_path / "a").save(tmp_path / "c")
    first, second, third = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == second == third


STORED = Path(__file__).parent / "files"


@pytest.mark.parametrize("name", ["images", "gates", "words", "branches"])
def test_a_file_of_format_1_loads_for_ever(name, file):
    """They were written when the format was new, with the spikes of then. Do not write them anew.

    Weights and images are multiples of 1/64, so that sums are exact on every machine.
    """
    trains = load_file(STORED / f"{name}_trains.safetensors")
    network = sl.load(STORED / f"{name}.safetensors")
    record = sl.simulate(network, trains["images"], 8, spikes=True)
    for layer in network.layers:
        packed = np.packbits(record.spikes(layer).astype(np.uint8), axis=-1)
        assert packed.any()
        assert (packed == trains[f"spikes of {layer}"].numpy()).all()
    assert np.allclose(record.outputs[-1], trains["outputs"], rtol=1e-5, atol=1e-6)
    network.save(file)
    assert_same(network, sl.load(file), trains["images"])


def test_the_stored_files_hold_each_function_of_the_package():
    names = "images", "words", "branches"
    graphs = [sl.load(STORED / f"{name}.safetensors").graph for name in names]
    called = {node.target for graph in graphs for node in graph.nodes}
    assert set(values._OWN.values()) <= called


def test_loading_draws_no_random_numbers(file):
    NETWORKS["chain"]().save(file)
    before = torch.get_rng_state()
    sl.load(file)
    assert torch.equal(torch.get_rng_state(), before)


class Own(nn.Linear):
    """A class that another process does not know."""

    def __init__(self, a, b):
        super().__init__(a, b)
        self.gain = 2.0


ELSEWHERE = """
import pickle, sys
import numpy as np, torch, snnlab as sl
pickle.load = pickle.loads = pickle.Unpickler = None
file, images, answers = sys.argv[1:]
network, x = sl.load(file), torch.from_numpy(np.load(images))
np.save(answers, sl.simulate(network, x, 8).outputs)
print(network.fingerprint)
"""


@pytest.mark.slow
def test_another_process_loads_it_without_the_classes_of_the_model(tmp_path):
    model = nn.Sequential(Own(6, 12), nn.ReLU(), nn.Linear(12, 3))
    network, x = sl.convert(model, torch.rand(20, 6)), torch.rand(5, 6)
    files = [str(tmp_path / name) for name in ("network", "images.npy", "answers.npy")]
    network.save(files[0])
    np.save(files[1], x.numpy())
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *files], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == (network.fingerprint, "")
    assert (np.load(files[2]) == sl.simulate(network, x, 8).outputs).all()


ARGUMENTS = [
    (1, [2.5, (True, None)], {"a": [-0.0], 3: "b"}),
    (slice(None, -1, 2), slice(0, None), ...),
    (math.inf, -math.inf, 0.1, 1e-323, 2**70),
    (torch.float64, torch.channels_last, torch.device("cpu"), torch.bool),
    (torch.Size([2, 3]), (), [], {}),
    ("ü\n\"'", "", "node"),
]


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_arguments_come_back_with_their_types(arguments):
    text = json.dumps(encoded(arguments), allow_nan=False)
    assert repr(decoded(json.loads(text), {})) == repr(tuple(map(plain, arguments)))


def plain(value):
    return tuple(value) if isinstance(value, torch.Size) else value  # as torch.fx keeps it


def test_nan_comes_back():
    assert math.isnan(decoded(encoded(math.nan), {}))


def test_other_arguments_and_functions_cannot_be_saved():
    with pytest.raises(sl.DataError, match=r"network\.save: .*type object"):
        encoded([object()])
    with pytest.raises(sl.DataError, match=r"network\.save: .*print"):
        name_of_function(print)
    # The same one; what a file says does not depend on which a model has called.
    assert (
        name_of_function(nn.functional.conv2d) == name_of_function(torch.conv2d) == "torch.conv2d"
    )


# --- what is in the file ---------------------------------------------------------------------


def test_others_can_read_the_weights(file):
    from safetensors import safe_open

    network = NETWORKS["chain"]()
    network.save(file)
    with safe_open(file, "pt") as opened:
        assert torch.equal(
            opened.get_tensor("0.weight"), network.graph.module.get_submodule("0").weight
        )
        header = json.loads(opened.metadata()["snnlab"])
    assert header["format"] == 2
    assert header["neurons"]["2"]["threshold"] == network.thresholds["2"]


def tampered(file, change):
    """Change the header of a file as somebody would who computes the sha256 anew."""
    header, tensors = container.unpack(file.read_bytes(), "")
    del header["sha256"]
    change(header, tensors)
    file.write_bytes(container.pack(header, tensors))


def node(header, op):
    return next(entry for entry in header["graph"]["nodes"] if entry["op"] == op)


def set_target(of, target, **entries):
    return lambda header, _: node(header, of).update(target=target, **entries)


def call(target, *args):
    """Let the node that flattens call something else."""

    def change(header, _):
        entry = next(e for e in header["graph"]["nodes"] if e["target"] == "torch.reshape")
        entry.update(target=target, args={"tuple": list(args)})

    return change


def rename(header, tensors, name):
    """Give layer 0 another name, wherever it stands."""
    graph = header["graph"]
    graph["modules"][0][0] = node(header, "call_module")["target"] = name
    for part in (graph["parameters"], graph["buffers"], tensors):
        for old in [key for key in part if key.startswith("0.")]:
            part[name + old[1:]] = part.pop(old)


HOSTILE = {
    "os.system": call("os.system", "touch stolen"),
    "builtins": call("builtins.eval", "1"),
    "eval": call("eval", "1"),
    "a file through torch": call("torch.load", "stolen"),
    "a chain of attributes": call("torch.serialization.os.system", "touch stolen"),
    "operators that call": call("operator.methodcaller", "system"),
    "getattr": call("getattr", {"node": "input_1"}, "__class__"),
    "another property": call("getattr", {"node": "input_1"}, "data"),
    "a chain of properties": call("getattr", {"node": "input_1"}, "T.__class__"),
    "a function behind another one": call(
        "snnlab.laid_out", "torch.load", ["stolen"], {"dict": []}, [], [0, 1, 1]
    ),
    "operators in place": call("operator.setitem", {"node": "input_1"}, 0, 1.0),
    "operator.attrgetter": call("operator.attrgetter", "__class__.__mro__"),
    "in place": call("torch.relu_", {"node": "input_1"}),
    "a method in place": set_target("call_function", "add_", op="call_method"),
    "a private method": set_target("call_function", "_make_subclass", op="call_method"),
    "a chain of methods": set_target("call_function", "sum.__self__", op="call_method"),
    "a chain of modules": set_target("call_module", "0.__class__.__init__"),
    "an attribute of the module": set_target("call_module", "forward", op="get_attr"),
    "globals": set_target("call_module", "forward.__globals__", op="get_attr"),
    "code as the input's name": set_target("placeholder", "x=print('stolen')"),
    "code as a keyword": lambda header, _: node(header, "call_function").update(
        kwargs={"dict": [["a=print('stolen'), b", 1]]}
    ),
    "code as a node's name": set_target("output", "output", name="a = print('stolen')"),
    "a node's name twice": set_target("output", "output", name="input_1"),
    "an unknown step": set_target("call_module", "0", op="exec"),
    "a node that comes later": call("torch.relu", {"node": "output"}),
    "another layer": lambda header, _: header["graph"]["modules"][0].__setitem__(1, "Module.x"),
    "torch's loader as layer": lambda header, _: header["graph"]["modules"][0].__setitem__(
        1, "DataParallel"
    ),
    "code as a layer's name": lambda header, tensors: rename(header, tensors, '"), print("stolen'),
    "a line of code as a layer's name": lambda header, tensors: rename(
        header, tensors, "0\n  exit()"
    ),
    "an own attribute as layer": lambda header, _: header["graph"]["modules"][0].__setitem__(
        0, "forward"
    ),
    "another argument": lambda header, _: header["graph"]["modules"][0][2]["dict"].append(
        ["device", "cpu"]
    ),
    "an unknown type": lambda header, _: node(header, "call_function").update(
        args={"pickle": "gASVEAAAAAAAAAA"}
    ),
    "a constant of torch that is none": lambda header, _: node(header, "call_function").update(
        args={"torch": "load"}
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_and_nothing_of_it_is_run(name, file, monkeypatch, capsys):
    NETWORKS["chain"]().save(file)
    tampered(file, HOSTILE[name])
    monkeypatch.chdir(file.parent)
    with pytest.raises(sl.DataError, match=r"network\.safetensors: .*xpected"):
        sl.load(file)
    assert [found.name for found in file.parent.iterdir()] == [file.name]
    assert capsys.readouterr().out == ""


def test_a_file_that_nobody_has_changed_is_not_refused(file):
    network = NETWORKS["chain"]()
    network.save(file)
    tampered(file, lambda header, tensors: None)
    assert_same(network, sl.load(file), X)


def test_a_huge_layer_of_a_hostile_file_takes_no_memory(file):
    NETWORKS["chain"]().save(file)

    def change(header, _):
        kind = next(m for m in header["graph"]["modules"] if m[1] == "Linear")
        kind[2]["dict"] = [["in_features", 10**7], ["out_features", 10**7], ["bias", True]]

    tampered(file, change)
    with pytest.raises(sl.DataError, match=r"'5.weight' has shape \(8, 36\), expected \(10000000"):
        sl.load(file)


# --- damage ----------------------------------------------------------------------------------


def test_one_byte_changed_anywhere_is_noticed(file):
    sl.convert(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.ones(1, 2)).save(file)
    content = file.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1
        with pytest.raises(sl.DataError, match=r"^x: (is damaged|cannot be read)"):
            container.unpack(bytes(changed), "x")


@pytest.mark.parametrize("length", [0, 5, 8, 100, 2000, -100, -1])
def test_a_truncated_file_is_refused(file, length):
    NETWORKS["chain"]().save(file)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(sl.DataError, match=r"network\.safetensors: .*xpected .*anew"):
        sl.load(file)


DEEP = (10**5).to_bytes(8, "little") + b"[" * 10**5


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 a zip file", b"", b"\xff" * 50, b"9" * 1000, DEEP]
)
def test_another_file_is_refused(file, content):
    file.write_bytes(content)
    with pytest.raises(sl.DataError, match="cannot be read as a network"):
        sl.load(file)


def test_a_file_of_tensors_alone_is_refused(file):
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(2)}, file)
    with pytest.raises(sl.DataError, match="cannot be read as a network"):
        sl.load(file)


def test_what_looks_like_the_place_of_the_sha256_stays():
    zeros = "0" * 64
    tensors = {"w": torch.full((64,), 48, dtype=torch.uint8)}
    header, found = container.unpack(container.pack({"name": zeros}, tensors), "")
    assert header["name"] == zeros
    assert torch.equal(found["w"], tensors["w"])


def test_a_header_is_plain_json_that_others_read():
    with pytest.raises(ValueError, match="not JSON compliant"):
        container.pack({"threshold": math.nan}, {})


def test_loaded_tensors_lie_as_those_of_torch_do():
    """The rounding of a sum may depend on it."""
    tensors = {f"w{i}": torch.rand(i + 1) for i in range(8)}
    _, found = container.unpack(container.pack({}, tensors), "")
    assert all(tensor.data_ptr() % 64 == 0 for tensor in found.values())


def test_without_an_installed_package_its_version_is_unknown(monkeypatch):
    def version(name):
        raise container.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(container.metadata, "version", version)
    header, _ = container.unpack(container.pack({}, {}), "")
    assert header["snnlab"] == "unknown"


@pytest.mark.parametrize(("old", "new"), [(b'"F32"', b'"F64"'), (b'"F32"', b'"ABC"')])
def test_tensors_that_cannot_be_read_are_refused(old, new):
    """As a file may be that somebody has made with a sha256 of its own."""
    content = container.pack({}, {"w": torch.ones(2)})
    header, _ = container.unpack(content, "")
    found = header["sha256"].encode()
    changed = content.replace(old, new).replace(found, container._BLANK.encode())
    changed = changed.replace(container._BLANK.encode(), container._sha256(changed), 1)
    with pytest.raises(sl.DataError, match="x: its tensors cannot be read"):
        container.unpack(changed, "x")


def test_a_file_of_format_1_says_less_of_its_neurons_and_is_read(file):
    network = NETWORKS["chain"]()
    network.save(file)

    def older(header, _):
        header["format"] = 1
        for name, neuron in header["neurons"].items():
            kept = {key: neuron[key] for key in ("threshold", "reset", "v_init")}
            header["neurons"][name] = kept

    tampered(file, older)
    assert sl.load(file).fingerprint == network.fingerprint


def test_potentials_of_single_neurons_stand_among_the_tensors(file):
    network = NETWORKS["chain"]()
    (name, *_) = network.layers
    starts = np.linspace(0, 0.9, 4 * 36).reshape(4, 6, 6)
    network = network.replace(name, v_init=starts)
    network.save(file)
    header, tensors = container.unpack(file.read_bytes(), "")
    assert header["neurons"][name]["v_init"] is None
    assert np.array_equal(tensors[f"(v_init) {name}"], starts)
    assert np.array_equal(sl.load(file).neurons[name].v_init, starts)


def test_a_newer_file_is_refused_with_its_version(file):
    NETWORKS["chain"]().save(file)
    tampered(file, lambda header, _: header.update(format=3, snnlab="7.0"))
    with pytest.raises(sl.DataError, match=r"format 3 .* snnlab 7\.0.*Install a newer"):
        sl.load(file)


def meta_of(header, function):
    nodes = header["graph"]["nodes"]
    return next(entry["meta"] for entry in nodes if entry["target"].endswith(function))


CHANGES = {
    "a tensor missing": (lambda h, t: t.pop("0.weight"), r"'0.weight' is missing"),
    "a tensor of another shape": (
        lambda h, t: t.update({"0.bias": torch.ones(5)}),
        r"'0.bias' has shape \(5,\), expected \(4,\)",
    ),
    "a tensor that the header does not name": (
        lambda h, t: h["graph"]["parameters"].pop("0.weight"),
        r"'0.weight' is missing",
    ),
    "strides of another shape": (
        lambda h, t: h["graph"]["parameters"].update({"0.weight": [1, 1, 1, 1]}),
        "strides",
    ),
    "a layer without a neuron": (
        lambda h, t: h["neurons"].pop("2"),
        r"none for the layers \['2'\]",
    ),
    "a threshold of 0": (lambda h, t: h["neurons"]["2"].update(threshold=0.0), "above 0"),
    "another way to pool": (lambda h, t: h.update(max_pool="median"), "max_pool = 'median'"),
    "a node without a kind": (
        lambda h, t: h["graph"]["nodes"][1].update(meta={"dict": []}),
        "kind",
    ),
    "a layer whose name is none": (
        lambda h, t: meta_of(h, "rectify")["dict"].append(["layer", ["2"]]),
        "unhashable",
    ),
    "more meta data": (
        lambda h, t: meta_of(h, "rectify")["dict"].append(["stack_trace", "x"]),
        "stack_trace",
    ),
    "a format that is no number": (lambda h, t: h.update(format=None), "cannot be read"),
    "no graph": (lambda h, t: h.pop("graph"), "KeyError"),
    "no nodes": (lambda h, t: h["graph"].update(nodes=[]), "xpected"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_holds_no_network_is_refused(file, name):
    change, message = CHANGES[name]
    NETWORKS["chain"]().save(file)
    tampered(file, change)
    with pytest.raises(sl.DataError, match=rf"network\.safetensors: .*{message}"):
        sl.load(file)


# --- places ----------------------------------------------------------------------------------


def test_a_file_is_replaced_only_once_the_new_one_is_complete(file):
    first, second = NETWORKS["chain"](), NETWORKS["one ReLU"]()
    first.save(file)
    for room in (0, 10):
        with full_disk(room), pytest.raises(sl.DataError, match=rf"cannot be written \({FULL}\)"):
            second.save(file)
    assert_same(first, sl.load(file), X)
    assert list(file.parent.iterdir()) == [file]
    second.save(file)
    assert_same(second, sl.load(file), X)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("there/is/none.safetensors", "there is no folder there"),
        (".", "is a folder"),
    ],
)
def test_a_place_that_is_none_is_refused(tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(sl.DataError, match=message):
        NETWORKS["one ReLU"]().save(path)
    with pytest.raises(sl.DataError, match="cannot be read"):
        sl.load(path)


def test_a_place_that_must_not_be_written_is_refused(file, monkeypatch):
    def forbidden(file, content):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("snnlab.saving.container.replace_file", forbidden)
    with pytest.raises(sl.DataError, match=r"cannot be written \(Permission denied\)"):
        NETWORKS["one ReLU"]().save(file)


def test_a_file_is_no_folder(file):
    file.write_bytes(b"")
    with pytest.raises(sl.DataError, match="there is no folder"):
        NETWORKS["one ReLU"]().save(file / "network.safetensors")


@pytest.mark.parametrize("path", [None, 3, b"net", ["net"]])
def test_a_path_is_a_name(path):
    with pytest.raises(sl.OptionError, match="path: found"):
        NETWORKS["one ReLU"]().save(path)
    with pytest.raises(sl.OptionError, match="path: found"):
        sl.load(path)


def test_a_network_that_is_called_says_what_to_call():
    network = NETWORKS["chain"]()
    for arguments in ((), (X,), (X, 16)):
        with pytest.raises(sl.OptionError, match=r"snnlab\.simulate\(network, x.*snnlab\.ann"):
            network(*arguments)


@pytest.mark.parametrize("function", [nn.functional.hardsigmoid, nn.functional.hardswish])
def test_functions_that_torch_does_not_list_have_a_name(function):
    assert name_of_function(function) == f"torch.nn.functional.{function.__name__}"
