"""The deeper networks of the package: as good as their cards say, also in half precision."""

import numpy as np
import pytest
import torch

import snnlab as sl
from snnlab import data
from snnlab.data import bundled

# Least accuracy on the test images.
LEAST = {"digits_resnet20": 0.98, "digits_resnet110": 0.98, "digits_resnet110_pre": 0.98}
LEAST |= {"cifar10_resnet20": 0.87, "cifar10_vgg": 0.86}
STORED = [file.stem for file in bundled.FOLDER.glob("*.safetensors") if "mnist" not in file.stem]


def answers(model, x):
    with torch.no_grad():
        return torch.cat([model(part) for part in torch.from_numpy(x).split(250)]).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("name", STORED)
def test_a_network_is_as_good_as_its_card_says_and_converts(name):
    model, card = data.load_network(name), data.card(name)
    assert not model.training
    assert card["ann_accuracy"] >= LEAST[name]
    if name.startswith("digits"):
        digits = data.load_digits()
        x, y, x_cal = digits.x_test, digits.y_test, digits.x_train[:64]
        right = (answers(model, x).argmax(1) == y).mean()
        assert right == pytest.approx(card["ann_accuracy"], abs=1 / 300)
        assert card["ann_accuracy"] == pytest.approx(
            card["ann_accuracy_before_rounding"], abs=0.003
        )
        # The test images were not looked at before the median was chosen on others.
        assert len(card["held_out"]["ann_accuracy"]) == 3
    else:
        x, y = data.load_cifar10()
        right = (answers(model, x).argmax(1) == y).mean()
        assert right == pytest.approx(card["ann_accuracy"], abs=0.02)  # of 10,000, here 1,000
        x_cal = x[:16]
    net = sl.convert(model, x_cal)
    sl.verify(model, net, x[:4])
    depth = "".join(c for c in name.split("_")[1] if c.isdigit())
    assert len(net.layers) == (int(depth) - 1 if depth else 6)


def test_the_test_images_of_cifar_are_colours_in_0_to_1():
    x, y = data.load_cifar10()
    assert (x.shape, x.dtype, y.dtype) == ((1000, 3, 32, 32), np.float32, np.int64)
    assert (x.min(), x.max()) == (0, 1)
    assert np.bincount(y).min() > 70
    # Rows of a photograph look like their neighbours, and so do its colours.
    assert np.abs(np.diff(x, axis=2)).mean() < np.abs(x - x.mean()).mean() / 3
    # The mean of each colour over CIFAR-10 is known to be 0.491, 0.482 and 0.447.
    assert x.mean((0, 2, 3)) == pytest.approx([0.491, 0.482, 0.447], abs=0.015)
