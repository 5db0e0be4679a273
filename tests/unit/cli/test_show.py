"""What people read of one network: numbers in their units, measurements by distribution, the test set first."""

from prunekit.cli.cells import said
from prunekit.cli.commands.show import _lines

MEASURED = {"kind": "error", "key": "error-1", "model": "train-1", "task": "classification", "n": 359}
FOUND = {
    "error": 0.0223,
    "valid_error": 0.01399,
    "lineage": [],
    "measurements": [
        {
            "kind": "noise",
            "key": "noise-1",
            "model": "train-1",
            "images": 100,
            "agreement": 0.972000002861023,
        },
        {**MEASURED, "distribution": "digits+snow@1", "error": 0.025069637883008356},
        {**MEASURED, "distribution": "digits", "error": 0.022284122562674095},
    ],
}


def test_measurements_are_told_by_distribution_in_their_units():
    told = [(each["fact"], each["value"]) for each in _lines(FOUND)]
    assert told[2:] == [
        ("error", "digits: n 359, error 2.23 %"),
        ("error", "digits+snow@1: n 359, error 2.51 %"),
        ("noise", "images 100, agreement 97.20 %"),
    ]
    assert [each["unit"] for each in _lines(FOUND)[:2]] == ["share", "share"]


def test_names_and_values_make_one_line():
    assert said({"valid_error": 0.014, "loss": 0.0529, "levels": [0.0, 0.5]}) == (
        "valid error 1.40 %, loss 0.0529, levels 0.0, 0.5"
    )
