"""Methods side by side: what each reaches, what it costs, what is kept, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import snnlab as sl
from snnlab.analysis import ADDITIONS
from snnlab.comparison import METHODS, Method, pareto_front, simulated

STEPS = [1, 2, 4]
RNG = np.random.default_rng(0)
X_CAL, X = RNG.random((40, 1, 8, 8), np.float32), RNG.random((30, 1, 8, 8), np.float32)
Y_CAL, Y = RNG.integers(0, 10, 40), RNG.integers(0, 10, 30)
torch.manual_seed(0)
MODEL = sl.data.resnet(8, width=2).eval()


def made(given):
    return sl.convert(given.model, given.x_cal, threshold=sl.Maximum())


OWN = Method("own", made)


class Noting:
    """Makes and runs a network, and writes into a file what it was called with.

    Methods travel pickled, so a list would be another list there.
    """

    def __init__(self, file):
        self.file = file

    def note(self, number):
        with self.file.open("a") as file:
            file.write(f"{number}\n")

    def make(self, given):
        self.note(given.timesteps)
        return made(given)

    def run(self, network, x, steps):
        self.note(len(x))
        return simulated(network, x, steps)

    @property
    def notes(self):
        return [int(line) for line in self.file.read_text().split()]


def test_a_row_is_what_converting_simulating_and_counting_by_hand_give():
    table = sl.compare(MODEL, X_CAL, X, Y, methods=["signed", OWN], timesteps=STEPS)
    networks = {
        "signed": sl.convert(MODEL, X_CAL).replace(signed=True),
        "own": sl.convert(MODEL, X_CAL, threshold=sl.Maximum()),
    }
    assert table.method.tolist() == ["signed"] * 3 + ["own"] * 3
    assert table.timesteps.tolist() == 2 * STEPS
    for _, row in table.iterrows():
        network, step = networks[row.method], row.timesteps
        record = sl.simulate(network, X, step)
        own = sl.ann(network, X)
        totals = sl.operations(network, record).totals
        assert row.latency == step
        assert row.accuracy == record.accuracy(Y)[-1]
        assert row.ann == own.accuracy(Y)
        assert row.agreement == (record.outputs[-1].argmax(1) == own.outputs.argmax(1)).mean()
        assert row.additions == pytest.approx(sum(totals[c] for c in ADDITIONS))
        assert row.spikes == pytest.approx(sum(record.sent(n).sum() for n in record.layers) / 30)
        assert row.multiplications == pytest.approx(totals["multiplications"])


def test_a_network_that_depends_on_the_steps_is_made_for_each(tmp_path):
    for for_each, expected in ((False, [4]), (True, STEPS)):
        noting = Noting(tmp_path / f"{for_each}")
        method = Method("mine", noting.make, for_each=for_each)
        sl.compare(MODEL, X_CAL, X, Y, methods=[method], timesteps=STEPS)
        assert noting.notes == expected


def test_all_images_answer_in_parts_as_at_once(monkeypatch, tmp_path):
    whole = sl.compare(MODEL, X_CAL, X, Y, methods=[OWN], timesteps=STEPS)
    noting = Noting(tmp_path / "notes")
    monkeypatch.setattr("snnlab.comparison.comparing.IMAGES", 11)
    method = Method("own", made, noting.run)
    parts = sl.compare(MODEL, X_CAL, X, Y, methods=[method], timesteps=STEPS)
    assert noting.notes == [11, 11, 8]
    pd.testing.assert_frame_equal(parts.drop(columns="seconds"), whole.drop(columns="seconds"))


def test_what_was_computed_is_kept_until_data_model_or_method_change(tmp_path):
    torch.manual_seed(1)
    other, noting = sl.data.resnet(8, width=2).eval(), Noting(tmp_path / "notes")
    options = {"timesteps": STEPS, "cache": tmp_path / "cache"}
    for model, x, name, count in [
        (MODEL, X, "a", 1),
        (MODEL, X, "a", 1),
        (MODEL, X, "b", 2),
        (MODEL, X[:20], "a", 3),
        (other, X, "a", 4),
    ]:
        y = Y[: len(x)]
        table = sl.compare(model, X_CAL, x, y, methods=[Method(name, noting.make)], **options)
        assert len(noting.notes) == count
        fresh = sl.compare(model, X_CAL, x, y, methods=[Method(name, made)], timesteps=STEPS)
        assert table.drop(columns="seconds").equals(fresh.drop(columns="seconds"))


def test_a_budget_leaves_the_dearest_row_that_fits_of_each_method_the_best_first():
    methods = ["maximum (OPI)", "99.9 %", "signed", OWN]
    table = sl.compare(MODEL, X_CAL, X, Y, methods=methods, timesteps=STEPS)
    budget = float(table.additions.median())
    found = sl.compare(MODEL, X_CAL, X, Y, methods=methods, timesteps=STEPS, budget=budget)
    expected = {}
    for _, row in table.iterrows():  # by method, from few steps to many
        if row.additions <= budget:
            expected[row.method] = row.timesteps
    assert 0 < len(expected) <= 4
    assert dict(zip(found.method, found.timesteps, strict=True)) == expected
    assert found.accuracy.is_monotonic_decreasing
    nothing = sl.compare(MODEL, X_CAL, X, Y, methods=[OWN], timesteps=STEPS, budget=1e-3)
    assert nothing.empty


def test_errors_are_best_when_smallest():
    targets = RNG.random((30, 10)).astype(np.float32)
    table = sl.compare(
        *(MODEL, X_CAL, X, targets),
        methods=["maximum (OPI)", "signed"],
        timesteps=STEPS,
        budget=1e9,
    )
    assert table.rmse.is_monotonic_increasing
    assert table.agreement.isna().all()


def test_a_method_that_cannot_convert_the_model_has_no_rows():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10)).eval()
    table = sl.compare(model, X_CAL, X, Y, methods=["analog shortcut", OWN], timesteps=STEPS)
    assert set(table.method) == {"own"}
    options = {"methods": ["analog shortcut"], "timesteps": STEPS}
    for budget in (None, 1e9):
        assert sl.compare(model, X_CAL, X, Y, **options, budget=budget).empty


def test_every_method_of_the_catalogue_converts_a_small_network():
    table = sl.compare(MODEL, X_CAL, X, Y, timesteps=[2])
    assert set(table.method) == {name for name, method in METHODS.items() if not method.trains}
    assert ((table.accuracy >= 0) & (table.accuracy <= 1)).all()
    assert (table.additions > 0).all()
    real = {name for name, method in METHODS.items() if method.real}
    assert set(table.method[table.real]) == real & set(table.method)


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(0, 5)),
        min_size=1,
        max_size=12,
    )
)
def test_on_the_front_is_what_no_other_row_beats(rows):
    numbers = [n // 2 for n in range(len(rows))]  # as in tables that were joined
    table = pd.DataFrame(rows, columns=["additions", "accuracy"], index=numbers)
    front = pareto_front(table)
    assert front.index.equals(table.index)
    kept = set()
    for (cost, reached), there in zip(rows, front, strict=True):
        beaten = any((c <= cost and r >= reached) and (c, r) != (cost, reached) for c, r in rows)
        if not beaten:
            kept.add((cost, reached))
        assert not (there and beaten)
    assert {row for row, there in zip(rows, front, strict=True) if there} == kept
    assert front.sum() == len(kept)  # of equal rows one


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": ["singed"]}, r"^methods = 'singed': expected .* Did you mean 'signed'"),
        ({"methods": []}, r"^methods: found none, expected names"),
        ({"methods": [OWN, OWN]}, r"^methods: found \['own'\] twice"),
        (
            {"methods": [Method("t", made, trains=True)]},
            r"^methods: 't' trains.*Give them as y_cal",
        ),
        ({"timesteps": [0]}, "^timesteps = 0"),
        ({"timesteps": []}, "^timesteps: is empty"),
        ({"budget": -1}, "^budget = -1"),
        ({"y": Y[:3]}, "^y: "),
        ({"y_cal": Y}, "^y: "),
        ({"x": X[:, :, :4]}, "^x: "),
        ({"cache": "\0"}, "^cache = "),
    ],
)
def test_refused_before_anything_is_computed(options, message, monkeypatch):
    monkeypatch.setattr("snnlab.comparison.comparing.cell", lambda *a: pytest.fail("computed"))
    given = {"model": MODEL, "x_cal": X_CAL, "x": X, "y": Y, "timesteps": STEPS} | options
    with pytest.raises(sl.SNNLabError, match=message):
        sl.compare(**given)


def test_what_is_no_table_has_no_front():
    for table in (pd.DataFrame({"additions": [1]}), pd.DataFrame(), None):
        with pytest.raises(sl.OptionError, match=r"^table: found .* Pass what"):
            pareto_front(table)
