"""Images, trained networks, and the training of a small network."""

from snnlab.data.bundled import card
from snnlab.data.cifar import load_cifar10
from snnlab.data.digits import Images, load_digits
from snnlab.data.mnist import Labelled, load_mnist, load_mnist_training
from snnlab.data.networks import load_network
from snnlab.data.resnet import resnet
from snnlab.data.scenes import Scenes, load_scenes
from snnlab.data.training import train

__all__ = [
    "Images",
    "Labelled",
    "Scenes",
    "card",
    "load_cifar10",
    "load_digits",
    "load_mnist",
    "load_mnist_training",
    "load_network",
    "load_scenes",
    "resnet",
    "train",
]
