"""What the rows of the gallery's table have in common, and the converted networks beside them."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

import snnlab as sl
from snnlab.data import Images, load_digits
from snnlab.gallery import training

Result = TypeVar("Result")


@dataclass(frozen=True)
class Measured:
    """Accuracy as a share, steps, synaptic additions an image, and seconds of training."""

    accuracy: float
    steps: float
    additions: float
    seconds: float


@dataclass(frozen=True)
class Idea:
    """A row of the table; `ann` makes the ANN of the same shape, untrained, if there is one."""

    measure: Callable[[Images, int], Measured]
    ann: Callable[[], nn.Module] | None
    published: str
    known: str


@functools.cache
def trained(ann: Callable[[], nn.Module], seed: int) -> tuple[nn.Module, float]:
    """Return an ANN trained on all training images, and the seconds that it took."""
    data = load_digits()
    with training.seeded(seed):
        model = ann()
    return timed(lambda: training.fit(model, data.x_train, data.y_train, seed=seed))


@functools.cache
def converted(ann: Callable[[], nn.Module], steps: int, seed: int) -> Measured:
    """Convert an ANN with the 99.9th percentile of each channel, and run it for so many steps."""
    model, seconds = trained(ann, seed)
    data = load_digits()
    rule = sl.Percentile(99.9, per_channel=True)
    return of_network(sl.convert(model, data.x_train, threshold=rule), data, steps, seconds)


def of_network(network: sl.Network, data: Images, steps: int, seconds: float) -> Measured:
    """Return what is measured of a network that `snnlab.simulate` runs."""
    record = sl.simulate(network, data.x_test, steps)
    additions = sl.operations(network, record).totals["synaptic"]
    return Measured(float(record.accuracy(data.y_test)[-1]), steps, additions, seconds)


def of_model(model: nn.Module, data: Images, steps: float, seconds: float) -> Measured:
    """Return what is measured of a model of torch that runs its steps itself."""
    right = training.accuracy(model, data.x_test, data.y_test)
    return Measured(right, steps, training.additions(model, data.x_test), seconds)


def timed(run: Callable[[], Result]) -> tuple[Result, float]:
    """Return a result, and the seconds of processor time that it took."""
    begin = time.process_time()
    result = run()
    return result, time.process_time() - begin
