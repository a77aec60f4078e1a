"""A diagnosis in words and tables."""

import re

import pytest
from helpers.reports import report
from helpers.trained import DATA, X, Y, converted, with_outliers

import snnlab as sl
from snnlab.diagnosis import Finding, Remedy, diagnose


def test_the_head_counts():
    assert report().sentences[0] == (
        "SNN 50.00% after 8 steps, ANN 90.00%, on 100 images: 40.00 points lost."
    )
    single = report(timesteps=1, images=1, snn=1.0, ann=1.0, exact={}, remedies=()).sentences
    assert single == [
        "SNN 100.00% after 1 step, ANN 100.00%, on 1 image: nothing is lost.",
        "Nothing is wrong that costs accuracy.",
    ]
    many = report(timesteps=1024, images=1000, snn=0.91, exact={}, remedies=()).sentences
    assert many[0].endswith("after 1,024 steps, ANN 90.00%, on 1,000 images: 1.00 points gained.")
    assert many[1] == "Nothing is wrong that costs accuracy."
    little = report(snn=0.89, exact={}, remedies=()).sentences
    assert little[-1] == "Nothing is wrong that costs more than that."


def test_causes_stand_before_what_is_only_unusual():
    causes = (
        Finding("high threshold", ("a",), "The threshold is high.", True, 0.875),
        Finding("few steps", (), "Steps are few.", True),
        Finding("reset to zero", ("b",), "A reset.", False, 0.5),
    )
    found = report(findings=causes)
    assert found.causes == causes[:2]
    assert found.sentences[1:4] == [
        "Cause: The threshold is high. With this alone repaired: 87.50%.",
        "Cause: Steps are few.",
        "Unusual, but without cost here: A reset.",
    ]
    assert "Nothing unusual was found" not in repr(found)
    assert "Nothing unusual was found" in repr(report())


def test_the_layer_and_its_parts_in_words():
    (where,) = [s for s in report().sentences if s.startswith("Most is lost")]
    assert "layer 'a': without its own error 75.00% would be right" in where
    assert where.endswith("timing +1.00, deviation -2.00, quantization +0.00, clipping +26.00.")
    shares = {"deviation": 0.25, "quantization": 0.5, "clipping": 0.25}
    (where,) = [s for s in report(layer=None, gains=shares).sentences if "spread" in s]
    assert where.endswith("deviation 25%, quantization 50%, clipping 25%.")


@pytest.mark.parametrize(
    ("accuracies", "words"),
    [
        (
            (0.6, 0.8, 0.85),
            "Cheapest remedy that brings back at least half: two, 80.00%. Best: three, 85.00%.",
        ),
        ((0.7, 0.6, 0.7), "Cheapest remedy that brings back at least half: one, 70.00%."),
        (
            (0.6, 0.5, 0.5),
            "The best remedy, one, reaches 60.00%: less than half of what is lost comes back.",
        ),
        ((0.5, 0.4, 0.5), "None of the remedies helps."),
    ],
)
def test_the_cheapest_remedy_in_words(accuracies, words):
    tried = zip(("one", "two", "three"), accuracies, (1.0, 2.0, 4.0), strict=True)
    assert report(remedies=tuple(Remedy(*one) for one in tried)).sentences[-1] == words


def test_what_a_remedy_needs_in_words():
    one, two = Remedy("one", 0.75, 1.0), Remedy("two", 0.8, 1.0, "more wires")
    assert report(remedies=(one, two)).sentences[-1] == (
        "Cheapest remedy that brings back at least half: one, 75.00%. Best: two, 80.00% (needs "
        "more wires)."
    )
    assert report(remedies=(two,)).sentences[-1].endswith("two, 80.00% (needs more wires).")
    poor = report(remedies=(Remedy("three", 0.6, 1.0, "more wires"),)).sentences[-1]
    assert poor.startswith("The best remedy, three, reaches 60.00% (needs more wires): less than")
    columns = [report(remedies=tried).tables()[1].header for tried in ((one,), (one, two))]
    assert columns[1] == [*columns[0], "needs"]


def test_tables_hold_every_layer_and_every_remedy(blamed_layer):
    _, found = blamed_layer
    layers, remedies = found.tables()
    assert [row[0] for row in layers.rows] == list(found.settings)
    for name, percentile, maximum, right in layers.rows:
        setting = found.settings[name]
        assert percentile == f"{setting.over_percentile:.3g}"
        assert maximum == f"{setting.over_maximum:.3g}"
        assert right == f"{found.exact[name]:.2%}"
    for remedy, (*cells, gained, time, needs) in zip(found.remedies, remedies.rows, strict=True):
        assert cells == [remedy.words, f"{remedy.accuracy:.2%}"]
        assert needs == remedy.needs
        assert float(gained) == pytest.approx(100 * (remedy.accuracy - found.snn), abs=0.005)
        assert float(time) == remedy.cost
    rows = report().tables()[0].rows
    assert rows == [["a", "0.123", "0.0456", "75.00%"], ["b", "silent", "silent", "50.00%"]]
    assert len(report(remedies=()).tables()) == 1


def test_text_and_html_hold_all(blamed_layer, spread):
    for _, found in (blamed_layer, spread):
        text = repr(found)
        for sentence in found.sentences:
            assert sentence in text
        for table in found.tables():
            assert repr(table) in text
        page = found._repr_html_()
        assert page.count("<p>") == len(found.sentences)
        assert page.count("<table>") == page.count("<caption") == len(found.tables())
    page = report(findings=(Finding("k", (), "a < b & <script>", True),))._repr_html_()
    assert "a &lt; b &amp; &lt;script&gt;" in page
    assert "<script>" not in page


@pytest.mark.slow
def test_no_number_has_more_than_three_digits_but_accuracies(blamed_layer):
    damaged = converted("mlp", x_cal=DATA.x_train * 10)
    odd = converted("mlp").replace(1, scale=10.0).replace(v_init=1 / 3, reset="zero")
    low = converted("mlp").replace(1, v_init=0.0).replace(2, v_init=0.123456)
    outliers = converted("mlp", x_cal=with_outliers(DATA.x_train), threshold=sl.Maximum())
    given = [(net, X) for net in (damaged, odd, low, blamed_layer[0])]
    for net, x in [*given, (outliers, with_outliers(X))]:
        found = diagnose(net, x, Y, 4)
        assert found.findings
        for finding in found.findings:
            assert finding.words[0].isupper() or finding.words[0].isdigit()
            assert finding.words.endswith(".")
            numbers = re.findall(r"\d[\d,]*\.?\d*(?!\d|%)", re.sub(r"[\d.]+%", "", finding.words))
            digits = [number.strip(",.").lstrip("0.").replace(".", "") for number in numbers]
            assert all(len(number) <= 3 for number in digits), finding.words


def test_the_words_of_each_finding():
    """What the sentences say of a network with all the settings at once."""
    net = converted("mlp").replace(0, scale=0.01).replace(4, scale=100.0)
    net = net.replace(1, reset="zero").replace(v_init=0.9).replace(2, v_init=0.5)
    words = {f.kind: f.words for f in diagnose(net, X, Y, 8).findings}
    assert words["low threshold"].startswith("The threshold of layer '2' is 0.0")
    assert "times the 99.9th percentile of its activations: what is above" in words["low threshold"]
    assert words["high threshold"].startswith("The threshold of layer '10' is ")
    assert words["reset to zero"].startswith("In layer '4' a spike resets the potential to zero")
    assert words["initial potential"].startswith(
        "In layers '2', '4', '8', '10' the neurons start at 0.9 θ: they answer too high at first."
    )
    both = converted("mlp").replace(v_init=0.9).replace(0, v_init=0.0)
    (finding,) = diagnose(both, X, Y, 64).findings
    assert finding.words.startswith("In all layers the neurons start at 0 … 0.9 θ: some answer")
