"""The bundled images are always the same, and training changes nothing but its own copy."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from snnlab import data


@pytest.fixture(scope="module")
def digits():
    return data.load_digits()


def mlp():
    """An untrained network; its weights depend on nothing but this seed."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))


def weights(model):
    return {name: t.detach().numpy().copy() for name, t in model.state_dict().items()}


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(torch.from_numpy(x)).argmax(1).numpy() == y).mean()


def random_states():
    numpy_state = np.random.get_state()  # noqa: NPY002 (the global state must stay as it is)
    return torch.get_rng_state().numpy().tobytes(), repr(numpy_state)


# --- digits ----------------------------------------------------------------------------------


def test_digits_have_the_documented_shapes_and_types(digits):
    assert digits.x_train.shape == (1437, 1, 8, 8)
    assert digits.x_test.shape == (360, 1, 8, 8)
    assert digits.y_train.shape == (1437,)
    assert digits.y_test.shape == (360,)
    assert digits.x_train.dtype == digits.x_test.dtype == np.float32
    assert digits.y_train.dtype == digits.y_test.dtype == np.int64


@pytest.mark.parametrize("side", [4, 8, 28])
def test_digits_lie_in_0_to_1_at_every_size(side):
    images = data.load_digits(side)
    for x in (images.x_train, images.x_test):
        assert x.shape[1:] == (1, side, side)
        assert 0 <= x.min() < 0.05
        assert 0.9 < x.max() <= 1
        assert x.dtype == np.float32


def test_digits_are_scikit_learns_divided_by_16(digits):
    from sklearn import datasets

    bunch = datasets.load_digits()
    both = np.concatenate([digits.x_train, digits.x_test])[:, 0] * 16
    y = np.concatenate([digits.y_train, digits.y_test])
    found = sorted((image.tobytes(), label) for image, label in zip(both, y, strict=True))
    original = bunch.images.astype(np.float32)
    expected = sorted(
        (image.tobytes(), label) for image, label in zip(original, bunch.target, strict=True)
    )
    # Together they are all 1,797 images, each once: nothing is lost and nothing is in both.
    assert len(found) == 1797
    assert found == expected


def test_no_test_image_is_among_those_for_training(digits):
    train = {image.tobytes() for image in digits.x_train}
    assert len(train) == 1437
    assert not train & {image.tobytes() for image in digits.x_test}


def test_every_class_is_in_both_parts(digits):
    assert set(digits.y_train) == set(digits.y_test) == set(range(10))
    assert np.bincount(digits.y_test).min() > 20


def test_digits_are_the_same_at_every_call_and_are_the_callers_own(digits):
    again = data.load_digits()
    assert all(np.array_equal(a, b) for a, b in zip(digits, again, strict=True))
    again.x_test[:] = 7
    assert data.load_digits().x_test.max() == 1


def test_sizes_show_the_same_images_in_the_same_order(digits):
    large = data.load_digits(28)
    assert np.array_equal(large.y_test, digits.y_test)
    # Bilinear: means over the image agree but for the border.
    means = [images.x_test.mean((1, 2, 3)) for images in (digits, large)]
    assert np.corrcoef(*means)[0, 1] > 0.99


def test_digits_leave_the_random_states_alone():
    before = random_states()
    data.load_digits(12)
    assert random_states() == before


# --- training --------------------------------------------------------------------------------


def test_training_reaches_a_useful_accuracy(digits):
    trained = data.train(mlp(), digits.x_train, digits.y_train, epochs=3, learning_rate=1e-2)
    assert accuracy(mlp(), digits.x_test, digits.y_test) < 0.3
    assert accuracy(trained, digits.x_test, digits.y_test) > 0.8


def test_training_returns_a_copy_in_eval_mode(digits):
    for training in (True, False):
        model = mlp().train(training)
        before = weights(model)
        trained = data.train(model, digits.x_train[:128], digits.y_train[:128], epochs=1)
        assert trained is not model
        assert not any(module.training for module in trained.modules())
        assert {module.training for module in model.modules()} == {training}
        assert equal(weights(model), before)
        assert not equal(weights(trained), before)
        assert all(p.grad is None for p in model.parameters())
        shared = {p.data_ptr() for p in model.parameters()}
        assert not shared & {p.data_ptr() for p in trained.parameters()}


class Noisy(nn.Module):
    """Dropout and BatchNorm: what depends on random numbers and on the mode."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Dropout(0.5)
        )
        self.last = nn.Linear(20, 10)

    def forward(self, x):
        return self.last(self.layers(x))


def test_training_is_repeated_by_its_seed_and_by_nothing_else(digits):
    model, x, y = Noisy(), digits.x_train[:130], digits.y_train[:130]

    def trained(**options):
        return weights(data.train(copy.deepcopy(model), x, y, **{"epochs": 2, **options}))

    torch.manual_seed(1)
    first = trained()
    torch.manual_seed(2)
    assert equal(trained(), first)
    assert equal(trained(seed=0), first)
    assert not equal(trained(seed=1), first)
    assert first["layers.2.num_batches_tracked"] == 2 * 3


def test_training_restores_the_random_states(digits):
    model = Noisy()
    before = random_states()
    data.train(model, digits.x_train[:128], digits.y_train[:128], epochs=1, seed=5)
    assert random_states() == before


def test_training_restores_the_random_states_after_an_error(digits):
    class Broken(nn.Linear):
        def forward(self, x):
            torch.rand(1)
            raise RuntimeError("broken on purpose")

    model = Broken(64, 10)
    before = random_states()
    with pytest.raises(RuntimeError, match="broken on purpose"):
        data.train(model, digits.x_train, digits.y_train, epochs=1)
    assert random_states() == before


def test_training_takes_images_of_every_number_type(digits):
    x, y = digits.x_train[:128], digits.y_train[:128]
    expected = weights(data.train(mlp(), x, y, epochs=1))
    forms = {
        "float64": x.astype(float),
        "tensor": torch.from_numpy(x),
        "float64 tensor": torch.from_numpy(x).double(),
        "list": x.tolist(),
    }
    for form in forms.values():
        assert equal(weights(data.train(mlp(), form, y, epochs=1)), expected)
    read_only = y.copy()
    read_only.flags.writeable = False
    numbers = (y.astype(np.uint8), y.astype(">u2"), y[::-1].copy()[::-1], read_only)
    for labels in (*numbers, torch.from_numpy(y), y.tolist()):
        assert equal(weights(data.train(mlp(), x, labels, epochs=1)), expected)


def test_training_of_a_float64_model_is_in_float64(digits):
    x, y = digits.x_train[:128], digits.y_train[:128]
    trained = data.train(mlp().double(), x, y, epochs=1)
    assert {array.dtype for array in weights(trained).values()} == {np.dtype(float)}


def test_training_takes_whole_number_images(digits):
    x, y = (16 * digits.x_train[:128]).astype(np.uint8), digits.y_train[:128]
    expected = weights(data.train(mlp(), x.astype(np.float32), y, epochs=1))
    assert equal(weights(data.train(mlp(), x, y, epochs=1)), expected)


def test_batches_and_epochs_count(digits):
    class Counting(nn.Module):
        seen = ()

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(64, 10)

        def forward(self, x):
            if self.training:  # before, the multiplications of a batch are counted
                Counting.seen += (len(x),)
            return self.layer(x.flatten(1))

    data.train(Counting(), digits.x_train[:100], digits.y_train[:100], epochs=2, batch=40)
    assert Counting.seen == (40, 40, 20) * 2


def test_every_image_is_seen_once_per_epoch_in_an_order_that_changes(digits):
    class Listening(nn.Module):
        seen = ()

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 10)

        def forward(self, x):
            if self.training:
                Listening.seen += tuple(x[:, 0].tolist())
            return self.layer(x)

    x = np.arange(50, dtype=np.float32)[:, None]
    data.train(Listening(), x, digits.y_train[:50], epochs=2, batch=16)
    first, second = Listening.seen[:50], Listening.seen[50:]
    assert sorted(first) == sorted(second) == x[:, 0].tolist()
    assert first != second
    assert first != tuple(x[:, 0])


def test_a_last_batch_of_one_image_does_not_stop_batchnorm(digits):
    x, y = digits.x_train[:65], digits.y_train[:65]
    trained = data.train(Noisy(), x, y, epochs=1, batch=64)
    assert all(np.isfinite(array).all() for array in weights(trained).values())


def test_progress_is_shown_on_stderr_only(digits, capsys):
    data.train(mlp(), digits.x_train[:64], digits.y_train[:64], epochs=1)
    assert capsys.readouterr().out == ""
