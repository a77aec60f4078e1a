import gc
import os
import signal

import matplotlib
import pytest
import torch
from hypothesis import HealthCheck, settings

# A drag through every size would be slow; the seed is fixed so that a failure can be repeated.
settings.register_profile(
    "snnlab",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("snnlab")

os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("MPLBACKEND", "agg")
# What a shell starts in the background ignores interrupts, and one of the tests interrupts a run.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collectstart():
    """Give every file of tests the same random weights, whichever files were read before it."""
    torch.manual_seed(0)


def pytest_collection_modifyitems(items):
    """Let the browser tests begin: they take longest, and stay in one process."""
    items.sort(key=lambda item: "browser" not in item.keywords)


def pytest_runtest_setup():
    """Give every test the same random weights, whichever tests ran before it."""
    torch.manual_seed(0)


# Small networks gain nothing from a second thread, and two busy cores lose much.
torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def _quick_collections():
    """Brian2 collects garbage at every run; it need not look at what was there before."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _own_style():
    """A notebook's code, which some tests run, sets the style of all figures that come after it."""
    with matplotlib.rc_context():
        yield


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium, whose pages share what they have loaded."""
    from helpers.browser import SHOTS, VIEWS

    from tools import lab

    assert lab.chromium(), "Chromium is required here, and not found"
    SHOTS.mkdir(parents=True, exist_ok=True)
    width, height, _ = VIEWS["usual"]
    with lab.browser() as browser:
        yield browser.new_context(viewport={"width": width, "height": height})


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(0)
