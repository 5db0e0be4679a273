import pytest

from prunekit.report.words import common_flags, count, flag_marks, listed, name_of, percent, points, sentence


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
