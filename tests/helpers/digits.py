"""A few hundred digits, on which a network learns within seconds."""

from snnlab.data import load_digits
from snnlab.gallery import training

CHANCE = 0.1


def some(images=400):
    """Return training images and labels."""
    data = load_digits()
    return data.x_train[:images], data.y_train[:images]


def unseen(images=300):
    """Return other training images, and their labels."""
    data = load_digits()
    return data.x_train[-images:], data.y_train[-images:]


def assert_learns(model, loss=training.cross_entropy, *, epochs=4, at_least=0.6):
    """Train on 400 images, check that 300 others are told apart, and return the trained model."""
    trained = training.fit(model, *some(), loss, epochs=epochs)
    assert training.accuracy(trained, *unseen()) > at_least > 5 * CHANCE
    return trained
