"""Every explorer, at every end of every control. A new one is found without being listed."""

import base64
import io
import itertools
import re
import runpy
from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pytest
from helpers.explorers import FOUND, all_values, ends, given, made, shared
from PIL import Image

import snnlab as sl
from snnlab import explorers
from snnlab.explorers.toolkit import explorer as explorer_module
from snnlab.explorers.toolkit.controls import Choice, Control, Scale, Slider


@pytest.fixture(scope="module", params=FOUND.values(), ids=lambda kind: kind.__name__)
def explorer(request):
    return shared(request.param)


@pytest.fixture(autouse=True)
def _from_the_beginning(request):
    if "explorer" in request.fixturenames:
        explorer = request.getfixturevalue("explorer")
        explorer.panel.view.value = "picture"
        explorer.reset()


def settings(explorer):
    """Yield the default, every control at both ends or all options, and 20 seeded mixes."""
    declared = explorer.declared
    default = {name: control.default for name, control in declared.items()}
    yield default
    for name, control in declared.items():
        for value in ends(control):
            yield default | {name: value}
    rng = np.random.default_rng(0)
    for _ in range(20):
        yield {
            name: all_values(control)[rng.integers(len(all_values(control)))]
            for name, control in declared.items()
        }


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def points_of(svg):
    """Return where the lines of an SVG lead, also those of its marks, shape (N, 2)."""
    number = r"(-?[\d.]+(?:e-?\d+)?)"
    leads = rf"[ML] {number} {number}"
    shapes = {name: re.findall(leads, d) for name, d in re.findall(r'id="(\w+)" d="([^"]*)"', svg)}
    marks = [
        (float(x) + float(dx), float(y) + float(dy))
        for name, x, y in re.findall(rf'<use xlink:href="#(\w+)" x="{number}" y="{number}"', svg)
        for dx, dy in shapes[name]
    ]
    drawn = re.sub(r"<defs>.*?</defs>", "", svg, flags=re.S)
    lines = np.array(re.findall(leads, drawn), np.float64).reshape(-1, 2)
    return np.concatenate([lines, np.reshape(marks, (-1, 2))])


def numbers(data):
    """Yield all arrays of numbers in what an explorer computed."""
    if isinstance(data, dict):
        data = tuple(data.values())
    if isinstance(data, (tuple, list)):
        for inner in data:
            yield from numbers(inner)
    elif data is not None and not isinstance(data, str):
        yield np.asarray(data, np.float64)


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        a, b = tuple(a.values()), tuple(b.values())
    if isinstance(a, tuple):
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        np.testing.assert_array_equal(a, b)


# --- what every explorer must do -------------------------------------------------------------


def test_there_are_explorers_and_all_are_exported():
    assert {"DeviationError", "QuantizationError", "SingleNeuron", "StepsAndPercentile"} <= set(
        FOUND
    )
    assert set(explorers.__all__) == {"Explorer", *FOUND}


def test_every_setting_gives_numbers_words_and_a_picture(explorer):
    seen = {}
    for setting in settings(explorer):
        words = explorer.move(**setting)
        data = explorer.compute(**setting)
        assert all(np.isfinite(array).all() for array in numbers(data)), setting
        assert len(words) > 40
        assert not re.search(r"\bnan\b|\binf\b|None", words)
        assert re.search("<path|<use|<image", explorer.panel.moving.value)
        seen.setdefault(tuple(setting.items()), words)
    assert len(seen) > 10
    assert len(set(seen.values())) == len(seen)


def test_every_control_moves_words_and_picture(explorer):
    for name, widget in explorer.controls.items():
        explorer.reset()
        words, pictures = set(), set()
        values = dict.fromkeys(ends(explorer.declared[name]))
        for value in values:
            widget.value = value
            words.add(explorer.words)
            pictures.add(explorer.picture.svg())
        assert len(words) == len(pictures) == len(values) > 1, name


@pytest.mark.slow
def test_no_axis_is_empty(explorer):
    picture = explorer.picture
    height = picture.figure.bbox.height
    for setting in settings(explorer):
        explorer.move(**setting)
        points = points_of(picture.svg())
        assert np.isfinite(points).all()
        for ax in picture.figure.axes:
            box = ax.get_window_extent()
            x, y = points[:, 0], height - points[:, 1]
            inside = (box.x0 <= x) & (x <= box.x1) & (box.y0 <= y) & (y <= box.y1)
            marked = [np.any(image.get_array()) for image in ax.images]
            assert inside.any() or any(marked), (setting, ax.get_title())


@pytest.mark.slow
def test_the_still_picture_is_the_background_with_what_moves(explorer):
    """Painted independently of the SVG: the pixels that differ are those that the SVG covers."""
    picture = explorer.picture
    png = picture.png()
    assert base64.b64decode(explorer._repr_mimebundle_()[0]["image/png"]) == png
    whole = pixels(png)
    for artist in picture.moving:
        artist.set_visible(False)
    still = pixels(picture.png())
    for artist in picture.moving:
        artist.set_visible(True)
    shape = (whole.shape[1], whole.shape[0])
    large = Image.open(io.BytesIO(picture.background)).convert("RGB")
    assert large.size == (2 * shape[0], 2 * shape[1])
    small = np.asarray(large.resize(shape), int)
    assert np.abs(small - still).mean() < min(8, 0.95 * np.abs(small - whole).mean())
    rows, columns = np.nonzero((whole != still).any(2))
    assert len(rows) > 50
    points = points_of(picture.svg()) * shape[0] / picture.figure.bbox.width
    for ax in [ax for ax in picture.figure.axes if not ax.images]:
        box = ax.get_window_extent().extents * shape[0] / picture.figure.bbox.width
        here = (box[0] <= columns) & (columns <= box[2])
        mine = points[(box[0] - 2 <= points[:, 0]) & (points[:, 0] <= box[2] + 2)]
        assert here.sum() > 20
        assert mine[:, 0].min() - 15 <= columns[here].min()
        assert mine[:, 0].max() + 15 >= columns[here].max()
        assert mine[:, 1].min() - 15 <= rows[here].min()
        assert mine[:, 1].max() + 15 >= rows[here].max()


@pytest.mark.parametrize("name", [name for name in FOUND if "Error" in name])
def test_the_parts_of_an_error_sum_to_it(name):
    explorer, largest = made(FOUND[name]), 0
    for setting in settings(explorer):
        data = explorer.compute(**setting)
        np.testing.assert_allclose(sum(data["parts"].values()), data["total"], rtol=0, atol=1e-12)
        largest = max(largest, np.abs(data["total"]).max())
    assert largest > 0.1


@pytest.mark.slow
def test_words_stand_beside_the_picture_in_it_and_in_place_of_it(explorer):
    for setting in itertools.islice(settings(explorer), 0, None, 10):
        words = explorer.move(**setting)
        assert explorer.panel.words.value == f"<p>{words}</p>"
        shown = explorer.panel.moving.value
        assert f'<svg role="img" aria-label="{words}"' in shown
        assert explorer.picture.svg() in shown
    bundle, metadata = explorer._repr_mimebundle_()
    assert metadata == {"image/png": {"alt": words}}
    assert bundle["text/plain"] == words == repr(explorer)
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_the_code_shown_computes_the_same_on_its_own(explorer):
    for setting in itertools.islice(settings(explorer), 0, None, 10):
        explorer.move(**setting)
        names = dict(given())
        code = explorer.code()
        exec(compile(code, "<code>", "exec"), names)
        assert_same(names["data"], explorer.compute(**setting))
    assert "def compute(" in code
    assert "Explorer" not in code


def test_formula_and_code_are_shown_on_demand_and_follow_the_controls(explorer):
    panel, default = explorer.panel, explorer.values
    setting = {name: ends(control)[0] for name, control in explorer.declared.items()}
    for view, place in (("formula", panel.formula), ("code", panel.code)):
        explorer.move(**default)
        panel.view.value = view
        assert panel.stage.children == (place,)
        before = place.value
        explorer.move(**setting)
        assert len(place.value) > 200
        assert place.value != before
        assert "nan" not in place.value
        panel.view.value = "picture"
        assert panel.stage.children == (panel.picture,)
    assert panel.formula.value.replace("$$", "$").count("$") % 2 == 0
    assert panel.code.value == explorer.code()


def test_every_slider_has_a_named_field_that_moves_with_it(explorer):
    rows = explorer.panel.box.children
    for (name, declared), row in zip(explorer.declared.items(), rows, strict=False):
        field, *slider, meaning = row.children
        assert field.description == declared.label
        assert len(declared.meaning) > 5
        assert meaning.value
        assert bool(slider) == isinstance(declared, (Slider, Scale))
        for value in ends(declared):
            field.value = value
            assert explorer.controls[name].value == value
            assert explorer.values[name] == value


def test_a_hair_off_a_position_is_that_position_and_a_field_stands_anywhere():
    """A browser adds up its steps, and says 0.4375000000000001."""
    bucket = made(explorers.BucketFilling)
    bucket.move(current=0.3)
    assert bucket.values["current"] == 0.3
    for position in bucket.declared["current"].positions:
        for off in (-1e-12, 0.0, 1e-12):
            bucket.controls["current"].value = position + off
            assert bucket.values["current"] == position


def test_reset_brings_everything_back_with_one_new_picture(explorer):
    words, default, svg = explorer.words, explorer.values, explorer.picture.svg()
    for setting in settings(explorer):
        explorer.move(**setting)
    assert explorer.words != words
    drawn = []
    explorer.panel.moving.observe(drawn.append, "value")
    explorer.panel.reset.click()
    explorer.panel.moving.unobserve_all()
    assert (explorer.words, explorer.values) == (words, default)
    assert explorer.picture.svg() == svg
    assert len(drawn) == 1


def test_a_picture_that_was_seen_is_not_written_again(monkeypatch):
    monkeypatch.setattr(explorer_module, "_KEPT", 3)
    explorer = explorers.QuantizationError()
    written = []
    original = explorer.picture.svg
    monkeypatch.setattr(explorer.picture, "svg", lambda: written.append(1) or original())
    for timesteps, fresh in [(2, 1), (3, 2), (2, 2), (3, 2), (5, 3), (2, 4), (5, 4)]:
        explorer.move(timesteps=timesteps)
        assert len(written) == fresh  # the first setting, seen before, is among the three
        assert original() in explorer.panel.moving.value
        assert len(explorer._seen) <= 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_noise_is_the_same_whenever_the_module_is_loaded(explorer):
    again = made(runpy.run_module(type(explorer).__module__)[type(explorer).__name__])
    for setting in settings(explorer):
        assert_same(again.compute(**setting), explorer.compute(**setting))


@pytest.mark.slow
def test_the_users_settings_of_matplotlib_change_nothing(explorer):
    with mpl.rc_context({"savefig.bbox": "tight", "axes.facecolor": "k", "font.size": 20}):
        again = made(type(explorer))
        assert again.picture.background == explorer.picture.background
        assert again.picture.svg() == explorer.picture.svg()
        assert again.picture.png() == explorer.picture.png()


# --- moves and scripts -----------------------------------------------------------------------


@pytest.fixture
def stairs():
    stairs = shared(explorers.QuantizationError)
    stairs.reset()
    return stairs


def test_a_script_plays_its_moves_and_says_what_was_seen(stairs):
    moves = [{"timesteps": 1, "expect": "2 values"}, {"timesteps": 8, "v_init": 0.5}]
    said = stairs.script(moves, pause=0)
    assert "2 values, 1 apart" in said[0]
    assert "9 values, 0.125 apart" in said[1]
    assert stairs.values == {"timesteps": 8, "threshold": 1.0, "v_init": 0.5}


def test_a_script_waits_after_each_move(stairs, monkeypatch):
    waited = []
    monkeypatch.setattr("snnlab.explorers.toolkit.explorer.time.sleep", waited.append)
    stairs.script([{"timesteps": 1}, {"timesteps": 2}])
    stairs.script([{"timesteps": 1}], pause=0.5)
    assert waited == [2.0, 2.0, 0.5]


def test_a_script_notices_what_it_no_longer_shows(stairs):
    with pytest.raises(
        sl.OptionError, match=r"after move 2, .*'timesteps': 3.* contain '5 values'"
    ):
        stairs.script([{"timesteps": 2}, {"timesteps": 3, "expect": "5 values"}], pause=0)


def test_an_impossible_script_is_not_begun(stairs):
    before = stairs.words
    with pytest.raises(sl.OptionError, match="'steps': no control of QuantizationError"):
        stairs.script([{"timesteps": 2}, {"steps": 3}], pause=0)
    assert stairs.words == before


@pytest.mark.parametrize(
    ("move", "message"),
    [
        ({"timestep": 3}, "no control of QuantizationError. Did you mean 'timesteps'?"),
        ({"timesteps": 33}, "timesteps = 33: expected a whole number from 1 to 32."),
        ({"timesteps": 2.5}, "timesteps = 2.5: expected a whole number from 1 to 32."),
        ({"timesteps": "4"}, "timesteps = '4': expected a whole number from 1 to 32."),
        ({"timesteps": True}, "timesteps = True: expected a whole number from 1 to 32."),
        ({"threshold": 0.0}, "threshold = 0.0: expected a number from 0.25 to 1.5."),
        ({"threshold": float("nan")}, "threshold = nan: expected a number from 0.25 to 1.5."),
    ],
)
def test_an_impossible_move_is_refused_and_changes_nothing(stairs, move, message):
    before = stairs.values
    with pytest.raises(sl.OptionError, match=re.escape(message)):
        stairs.move(v_init=0.5, **move)
    assert stairs.values == before


def test_an_option_that_does_not_exist_is_refused():
    with pytest.raises(sl.OptionError, match=r"reset = 'hard': expected one of .*'zero'"):
        shared(explorers.SingleNeuron).move(reset="hard")


@pytest.mark.parametrize("kind", [Choice, Scale])
def test_options_are_shown_by_name_and_passed_by_value(kind):
    control = kind("label", "meaning", {"one": 1, "two": 2}, 2)
    widget = control.row()[-1]
    assert widget.value == 2
    assert [*widget.options] == [("one", 1), ("two", 2)]


# --- errors ----------------------------------------------------------------------------------


class Fragile(explorers.Explorer):
    """Fails at 2."""

    declared: Mapping[str, Control] = {"n": Slider("n", "a number", 0, 3, 1, 1)}

    def compute(self, n):
        if n == 2:
            raise ValueError("no <two>")
        return {"n": n}

    def layout(self, figure):
        (self._point,) = figure.subplots().plot([0], [0], "o")
        return [self._point]

    def draw(self, data):
        self._point.set_ydata([data["n"]])

    def describe(self, data, n):
        return f"n is {n} & well"

    def formula(self, data, n):
        return f"<p>$n = {n}$</p>"


def test_an_error_shows_in_the_panel_and_is_raised():
    fragile = Fragile()
    with pytest.raises(ValueError, match="no <two>"):
        fragile.controls["n"].value = 2
    said = "This did not work. ValueError: no &lt;two&gt; The picture shows the setting before."
    assert fragile.panel.words.value == f"<p>{said}</p>"
    assert repr(fragile) == "This did not work. ValueError: no <two>"
    fragile.controls["n"].value = 3
    assert fragile.panel.words.value == "<p>n is 3 &amp; well</p>"
    assert 'aria-label="n is 3 &amp; well"' in fragile.panel.moving.value


def test_after_a_failed_move_the_controls_still_work():
    fragile = Fragile()
    with pytest.raises(ValueError, match="no <two>"):
        fragile.move(n=2)
    fragile.controls["n"].value = 0
    assert fragile.words == "n is 0 & well"


def test_only_core_widgets_are_used(explorer):
    open_widgets, seen = [explorer.panel.box], 0
    while open_widgets:
        widget = open_widgets.pop()
        seen += 1
        assert widget._model_module.startswith("@jupyter-widgets/")
        open_widgets += getattr(widget, "children", ())
    assert seen > 10
