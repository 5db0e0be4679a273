import pytest

from prunekit.analysis.flags import Flag
from prunekit.params import ErrorParams, NoiseParams, PruneParams, RetrainParams, TrainParams
from prunekit.studies.missing import Lost, Missing, lost_of, marked, missing_of

PARENT = TrainParams(arch="resnet8", dataset="digits")
HALF = PruneParams(parent=PARENT.key, method="wt", prune_ratio=0.5)
SMALL = RetrainParams(parent=HALF.key)
NOMINAL = ErrorParams(model=SMALL.key, distribution="digits")
FOG = ErrorParams(model=SMALL.key, distribution="digits+fog@3")
OF_PARENT = ErrorParams(model=PARENT.key, distribution="digits+fog@3")
NOISE = NoiseParams(model=SMALL.key, to=PARENT.key)
PLAN = [PARENT, HALF, SMALL, NOMINAL, FOG, OF_PARENT, NOISE]


def test_what_is_missing_is_counted_and_said():
    found = missing_of(PLAN, {PARENT.key, HALF.key})
    assert found.sentence == "5 of 7 planned steps are missing: every affected number is flagged"
    assert missing_of(PLAN, {step.key for step in PLAN}).sentence == ""
    assert Missing(3, (FOG,)).sentence.startswith("1 of 3 planned step is missing")


def test_what_was_lost_is_read_from_the_plan_alone():
    assert lost_of([HALF, NOMINAL, FOG, OF_PARENT, NOISE], PLAN) == [
        Lost("error", "digits", "wt", 0.5, "digits"),
        Lost("error", "digits", "wt", 0.5, "digits+fog@3"),
        Lost("error", "digits", None, 0.0, "digits+fog@3"),
        Lost("noise", "digits", "wt", 0.5, "digits"),
    ]


def row(**columns):
    return {"finding": "potential", "method": "wt", "dataset": "digits", "flags": ["one-seed"], **columns}


LOST = Lost("error", "digits", "wt", 0.5, "digits+fog@3")


@pytest.mark.parametrize(
    ("columns", "concerned"),
    [
        ({"distribution": "digits+fog@3"}, True),
        ({"distribution": "digits+fog@3", "asked": 0.5}, True),
        ({"distribution": "digits+fog@3", "asked": 0.8}, False),
        ({"distribution": "digits"}, False),
        ({"distribution": "digits+fog@3", "method": "ft"}, False),
        ({"distribution": "digits+fog@3", "dataset": "cifar10"}, False),
        ({"distribution": "shifted"}, True),
        ({"distribution": "nominal"}, False),
        ({"distribution": "nominal and shifted"}, True),
        ({"distribution": None}, True),
        ({"distribution": "mine", "distributions": ["digits+fog@3"]}, True),
        ({"distribution": "digits+fog@3", "level": 0.1}, False),
        ({"distribution": "digits+fog@3", "row_model": 0.5}, False),
    ],
)
def test_a_number_that_lost_something_is_flagged_and_no_other(columns, concerned):
    given = [row(**columns)]
    (found,) = marked(given, [LOST])
    assert (Flag.LOST in found["flags"]) is concerned
    assert given == [row(**columns)]


def test_a_lost_parent_concerns_every_method_and_ratio():
    lost = [LOST._replace(method=None, asked=0.0)]
    given = [row(distribution="digits+fog@3", method=method, asked=0.8) for method in ("wt", "ft", None)]
    assert all(Flag.LOST in each["flags"] for each in marked(given, lost))


def test_a_claim_says_so_in_its_evidence():
    claim = {"finding": "claim", "verdict": "holds", "evidence": "4 comparisons"}
    (found,) = marked([claim], [LOST])
    assert found["evidence"] == "4 comparisons; some planned measurements for this number are missing"
    assert marked([claim], []) == [claim]
