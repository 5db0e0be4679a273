"""What a reader who decides asks first, answered from the verdicts."""

import pytest
from judged import compared, curve

from prunekit.report.answers import answers
from prunekit.report.first_page import first_page
from prunekit.report.study import read_study

FOG = "digits+fog@3"


def told(rows):
    study = read_study(rows, {"margin": 0.01})
    return {question: text.replace("\u00a0", " ") for question, text in answers(study, first_page(study))}


STUDY = [
    *(curve(ratio, rise) for ratio, rise in ((0.5, 0.0), (0.75, 0.009), (0.9, 0.05))),
    *(curve(ratio, 0.0, FOG) for ratio in (0.5, 0.75, 0.9)),
    curve(0.5, 0.0, method="ft"),
    curve(0.5, 0.1, FOG, method="ft"),
]


def test_of_a_study():
    assert told(STUDY) == {
        "May ship": "wt pruned by up to 50 %: with 95 % confidence, the error rises by no more than the margin (1 point) "
        "on all 2 distributions.",
        "Breaks first": "wt pruned by 90 % on the test set: +5.0 [+4.6, +5.4] points. Of all networks, ft pruned by 50 % "
        "under digits+fog@3: +10.0 [+9.6, +10.4] points.",
        "How sure": "n = 1,000 images, 1 seed: intervals cover the choice of images, not retraining with another seed. "
        "1 of 8 cells below is undecided.",
    }


def test_of_single_networks():
    found = told(
        [
            compared("int8", 0.0),
            compared("int8", 0.002, "night"),
            compared("tiny", 0.2),
            compared("tiny", 0.3, "night"),
        ]
    )
    assert found["May ship"].startswith("int8: with 95 % confidence, the error rises by no more than")
    assert found["Breaks first"] == "tiny under night: +30.0 [+29.6, +30.4] points."


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "Nothing that was measured is beyond the margin for certain."),
        (0.2, "wt pruned by 50 % on the test set: +20.0 [+19.6, +20.4] points."),
    ],
)
def test_of_one_network_on_one_distribution(value, expected):
    found = told([curve(0.5, value)])
    assert found["Breaks first"] == expected
    assert found["May ship"].startswith("wt pruned" if not value else "No network for certain")
    assert "on the test set" in found["May ship"]


def test_many_networks_are_counted_and_nothing_measured_has_no_answers():
    found = told([compared(f"net-{place}", 0.0) for place in range(9)])
    assert "net-5 and 3 more networks:" in found["May ship"]
    assert told([]) == {}
