"""All methods at equal operations: who is found, and whether picture and words say so."""

import numpy as np
import pandas as pd
import pytest
from helpers.explorers import moving, near, ring, said, table

import snnlab as sl
from snnlab import explorers
from snnlab.explorers.equal_operations import compute


@pytest.fixture(scope="module")
def explorer():
    return explorers.EqualOperations(table())


@pytest.fixture(autouse=True)
def _from_the_beginning(explorer):
    explorer.reset()


def rows():
    return list(table().itertuples(index=False))


def test_the_curve_of_a_method_goes_from_few_steps_to_many():
    shuffled = table().iloc[np.random.default_rng(0).permutation(16)].reset_index(drop=True)
    for method in ("plain", "burst", "late", "twice"):
        data = compute(shuffled, method, 4)
        own = [row for row in rows() if row.method == method]
        assert data["additions"].tolist() == [row.additions / 1e6 for row in own]
        assert data["accuracy"].tolist() == [100 * row.accuracy for row in own]
        assert shuffled.timesteps[data["row"]] == 4
        assert shuffled.method[data["row"]] == method


def test_the_best_other_takes_no_more_and_the_cheapest_is_as_good_for_less():
    """Looked for one row after the other; the table has none at all for some."""
    given, found = rows(), set()
    for row in given:
        data = compute(table(), row.method, row.timesteps)
        others = [r for r in given if r.method != row.method and r.additions <= row.additions]
        assert bool(others) == len(data["best"])
        for place in data["best"]:
            best = given[place]
            assert best in others
            assert best.accuracy == max(r.accuracy for r in others)
            as_good = [r for r in others if r.accuracy == best.accuracy]
            assert best.additions == min(r.additions for r in as_good)
        cheaper = [
            r
            for r in given
            if (r.accuracy >= row.accuracy and r.additions < row.additions)
            or (r.accuracy > row.accuracy and r.additions == row.additions)
        ]
        assert bool(cheaper) == len(data["cheapest"])
        for place in data["cheapest"]:
            assert given[place] in cheaper
            assert given[place].additions == min(r.additions for r in cheaper)
        found.add((len(data["best"]), len(data["cheapest"])))
    assert found == {(0, 0), (1, 0), (1, 1)}


def test_nothing_is_as_good_for_less_on_the_front():
    front = sl.comparison.pareto_front(table())
    for place, row in enumerate(rows()):
        cheapest = compute(table(), row.method, row.timesteps)["cheapest"]
        assert front[place] == (not len(cheapest))


def test_the_words_say_what_it_costs_and_what_others_reach(explorer):
    words = explorer.move(method="late", steps=4)
    assert words.startswith("late, 4 steps, there after 8 steps: 81.2 % right (ANN 98.4 %) for ")
    price, best, cheapest = said(
        r"for ([\d.]+) million .*reaches ([\d.]+) %: \w+, \d steps?\. .* for ([\d.]+) million",
        words,
    )
    data = explorer.compute(method="late", steps=4)
    assert near(data["price"], price, 3)
    assert near(100 * rows()[data["best"][0]].accuracy, best, 1)
    assert near(rows()[data["cheapest"][0]].additions / 1e6, cheapest, 3)
    words = explorer.move(method="plain", steps=1)
    assert "No other method gets by with so few. Nothing is as good for less." in words
    assert "there after" not in words


def test_the_picture_marks_the_method_its_price_and_the_best_other(explorer):
    explorer.move(method="late", steps=2)
    data = explorer.compute(method="late", steps=2)
    curve = moving(explorer, "this method")
    assert curve.get_ydata().tolist() == [12.5, 62.5, 81.25, 96.875]
    assert curve.get_xdata().tolist() == data["additions"].tolist()
    assert ring(explorer).get_data() == ([data["price"]], [62.5])
    assert moving(explorer, "its additions").get_xdata() == [data["price"]] * 2
    best = rows()[data["best"][0]]
    (x,), (y,) = moving(explorer, "best other for no more").get_data()
    assert (x, y) == (best.additions / 1e6, 100 * best.accuracy)
    explorer.move(method="plain", steps=1)
    assert len(moving(explorer, "best other for no more").get_xdata()) == 0


def test_all_methods_and_the_front_stand_still(explorer):
    lines = {line.get_label(): line for line in explorer.picture.figure.axes[0].lines}
    everything = np.array(lines["all"].get_data()).T
    finite = everything[np.isfinite(everything).all(1)]
    expected = {(row.additions / 1e6, 100 * row.accuracy) for row in rows()}
    assert set(map(tuple, finite)) == expected
    assert len(everything) == len(finite) + 4  # methods are not connected
    front = table()[sl.comparison.pareto_front(table())]
    assert sorted(lines["Pareto front"].get_xdata()) == sorted(front.additions / 1e6)
    assert lines["Pareto front"] not in explorer.picture.moving


def test_a_single_method_has_no_others():
    one = explorers.EqualOperations(table()[table().method == "late"])
    assert "No other method gets by with so few." in one.words


def test_rows_may_be_numbered_anyhow():
    twice = pd.concat([table()[:8], table()[8:].reset_index(drop=True)])
    assert explorers.EqualOperations(twice).words == explorers.EqualOperations(table()).words


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "table: found columns"),
        (pd.DataFrame({"additions": [1.0]}), "table: found columns"),
        (pd.DataFrame({"additions": [], "accuracy": []}), "table: found no rows"),
        (table().drop(columns="accuracy"), r"table: .* expected rows with \['accuracy'\]"),
        (
            table()[1:],
            r"table: 'plain' has rows for the steps \[2, 4, 8\], expected \[1, 2, 4, 8\]",
        ),
        (pd.concat([table(), table()[:1]]), r"steps \[1, 1, 2, 4, 8\], expected \[1, 2, 4, 8\]"),
    ],
)
def test_another_table_is_refused(given, message):
    with pytest.raises(sl.OptionError, match=message):
        explorers.EqualOperations(given)


def written(explorer):
    return [text.get_text() for text in explorer.picture.figure.axes[0].texts]


def test_the_points_of_the_front_have_numbers_and_names(explorer):
    front = table()[sl.comparison.pareto_front(table())].sort_values("additions")
    names = [
        f"{n}. {row.method}, {row.timesteps} step{'s' * (row.timesteps > 1)}"
        for n, row in enumerate(front.itertuples(), 1)
    ]
    assert len(names) > 2
    assert "\n".join(names) in written(explorer)
    assert {f"{n}" for n in range(1, len(names) + 1)} < set(written(explorer))
    formula = explorer.formula(explorer.compute(**explorer.values), **explorer.values)
    assert f"{'; '.join(name.split('. ', 1)[1] for name in names)}.</p>" in formula


def test_a_long_front_is_named_as_far_as_there_is_room():
    rising = pd.concat([table()[:4]] * 6, ignore_index=True)
    rising["method"] = [f"m{n // 4}" for n in range(24)]
    order = rising.timesteps * 10 + np.arange(24) // 4
    rising["additions"] = 1e5 * order
    rising["accuracy"] = order / 100
    (names,) = [text for text in written(explorers.EqualOperations(rising)) if "\n" in text]
    assert names.count("\n") == 13
    assert names.endswith("\nand 11 more")
