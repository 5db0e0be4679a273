import pytest

from prunekit.report.figures import FIGURES, caption_of
from prunekit.report.study import read_study
from prunekit.report.words import (
    common_flags,
    count,
    flag_marks,
    in_images,
    listed,
    name_of,
    percent,
    points,
    sentence,
    verdicts_by_curve,
)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.8, "80 %"), (0.8494, "84.9 %"), (0.0, "0 %"), (-0.0001, "0 %"), (1, "100 %"), (None, "–")],
)
def test_percent(share, text):
    assert percent(share).replace("\u00a0", " ") == text


def test_points_are_a_hundredth_of_the_error():
    assert [points(0.005), points(0.01), points(-0.0123)] == ["0.5 points", "1 point", "−1.23 points"]


def test_plurals():
    assert [count(1, "seed"), count(3, "class"), count(10_000, "image")] == [
        "1 seed",
        "3 classes",
        "10,000 images",
    ]


def test_lists_are_read_aloud():
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_names_lose_control_characters():
    assert name_of("a\x00b\nc") == "abc"
    assert name_of({"x": [1, None, True]}) == "x = 1, –, yes"


def test_flags_of_all_rows_are_said_once_and_others_get_marks():
    rows = [{"flags": ["all", "some"]}, {"flags": ["all"]}, {"flags": ["all", "other"]}]
    assert common_flags(rows) == ["all"]
    assert flag_marks(rows) == {"other": "†", "some": "‡"}


def test_sentences():
    assert [sentence("a b"), sentence("Done."), sentence("")] == ["A b.", "Done.", ""]


def test_the_verdicts_of_a_curve_are_said_by_ratio():
    curve = {"finding": "prune-curve", "variant": "a", "distribution": "digits"}
    verdicts = {0.5: "within", 0.75: "within", 0.9: "undecided", 0.975: "beyond", 0.0: None}
    rows = [{**curve, "asked": asked, "verdict": verdict} for asked, verdict in verdicts.items()]
    rows += [{**rows[0], "distribution": "digits+fog@3", "verdict": "beyond"}, {"finding": "potential"}]
    assert {place: text.replace("\u00a0", " ") for place, text in verdicts_by_curve(rows).items()} == {
        ("a", "digits"): "within 50, 75 %; undecided 90 %; beyond 97.5 %",
        ("a", "digits+fog@3"): "beyond 50 %",
    }


@pytest.mark.parametrize("reference", ["the unpruned parent", "AlexNet on ImageNet-C"])
def test_the_caption_of_the_mean_corruption_error_names_the_reference_of_the_rows(reference):
    row = {"finding": "mce", "method": "wt", "value": 0.9, "asked": 0.5, "relative_to": reference}
    caption = caption_of(FIGURES["mce"], read_study([row], {}))
    assert f"as a share of that of {reference} (mCE)" in caption


@pytest.mark.parametrize(
    ("n", "margin", "said"),
    [
        (100, 0.01, "Of 100 images, δ is 1: single images decide."),
        (100, 0.005, "Of 100 images, δ is 0.5: single images decide."),
        (1000, 0.01, ""),
        (100, 0.0, ""),
    ],
)
def test_a_margin_of_a_few_images_is_said_to_be(n, margin, said):
    assert in_images([{"n": n}, {"n": 5000}, {"n": None}], margin) == said


def test_the_caption_under_noise_says_how_many_images_the_margin_is():
    row = {"finding": "noise-potential", "method": "wt", "value": 0.5, "level": 0.1, "n": 100}
    assert "δ is 1: single images decide." in caption_of(
        FIGURES["noise-potential"], read_study([row], {"margin": 0.01})
    )
