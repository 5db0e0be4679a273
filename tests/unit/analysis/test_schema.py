import json
from collections import defaultdict

import numpy as np
import pytest

from prunekit.analysis.calibration import calibration
from prunekit.analysis.churn import churn
from prunekit.analysis.claims import judge
from prunekit.analysis.classes import excessive_losses, recall_shifts
from prunekit.analysis.columns import COLUMNS
from prunekit.analysis.comparison import Asked, comparisons
from prunekit.analysis.corruption import corruption_errors
from prunekit.analysis.curve_rows import prune_curves
from prunekit.analysis.excess_rows import excess_errors
from prunekit.analysis.exemplars import exemplars
from prunekit.analysis.features import transfers
from prunekit.analysis.findings import FINDINGS
from prunekit.analysis.group_shifts import group_shifts
from prunekit.analysis.longer import Trained, longer_errors, longer_potentials, longer_rises
from prunekit.analysis.margin_rows import margin_steps
from prunekit.analysis.methods import method_differences
from prunekit.analysis.noise import noise_potentials
from prunekit.analysis.part_potential import class_potentials, group_potentials
from prunekit.analysis.potentials import potentials
from prunekit.analysis.robust import robust_gains
from prunekit.analysis.schema import check_row, schema_of
from prunekit.analysis.shifts import sets_among
from prunekit.analysis.similarity import similarities
from prunekit.analysis.summary import potential_summary
from prunekit.analysis.variant import Role, Variant
from prunekit.analysis.verdict import Margin
from prunekit.errors import PrunekitError, UsageError

TRAINING = defaultdict(lambda: Trained(Variant(Role.LONGER).id, (4,)))
SETS = sets_among(["digits", "digits+fog@3", "digits+snow@3"])


def robust(resampled):
    """The filter method's curves as if they were of robustly trained networks."""
    return [
        each._replace(variant=each.variant._replace(train_distribution="digits+mix1"))
        for each in resampled
        if each.variant.method == "ft"
    ]


@pytest.fixture(scope="module")
def rows(resampled, pairs, compared, shown):
    groups = {pair.distribution: {"camera": np.array(["a", "b"])[np.arange(pair.n) % 2]} for pair in pairs}
    found = [
        *prune_curves(resampled),
        *potentials(resampled),
        *potentials(resampled, interpolate=True),
        *potential_summary(resampled, SETS),
        *robust_gains([*resampled, *robust(resampled)], SETS),
        *excess_errors(resampled, SETS),
        *corruption_errors(resampled),
        *longer_errors(resampled, TRAINING),
        *longer_rises(resampled, TRAINING, margin=0.005),
        *longer_potentials(resampled, TRAINING, margin=0.005),
        *similarities(compared, resamples=50),
        *noise_potentials(compared, resamples=50),
        *transfers(shown, kept=0.1, resamples=50),
        *margin_steps(resampled),
        *method_differences(resampled),
        *churn(pairs),
        *recall_shifts(pairs, classes=["nought", "one", "two"]),
        *excessive_losses(pairs, resamples=50),
        *class_potentials(pairs, resamples=50),
        *group_shifts(pairs, groups),
        *group_potentials(pairs, groups, resamples=50),
        *exemplars(pairs),
        *calibration(pairs, resamples=50),
        *comparisons(pairs, Asked(Margin(0.005))),
    ]
    return [*found, *judge(found).rows]


def test_every_finding_is_made_and_every_row_keeps_to_its_schema(rows):
    assert {row["finding"] for row in rows} == set(FINDINGS)
    for row in rows:
        check_row(row)
        json.dumps(row, allow_nan=False)


def test_every_value_lies_in_its_interval_and_names_its_models(rows):
    for row in (row for row in rows if not FINDINGS[row["finding"]].complete):
        assert row["models"]
        assert row["seed_set"] == (
            [0, 1] if not row["finding"].startswith("comparison") else [row["seed_set"][0]]
        )
        assert None in (row["value"], row["low"]) or row["low"] <= row["high"]


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_schema_names_the_common_and_the_own_columns_and_requires_them_all(finding):
    schema = schema_of(finding)
    assert schema["title"] == finding
    common = [] if FINDINGS[finding].complete else list(COLUMNS)
    assert schema["required"] == [*common, *FINDINGS[finding].columns]
    assert all(column["description"] for column in schema["properties"].values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": "0.5"}, "a row of potential is malformed: value: Input should be a valid number"),
        ({"value": float("nan")}, "value: Input should be a finite number"),
        ({"extra": 1}, "extra: Extra inputs are not permitted"),
        ({"models": "a"}, "models: Input should be a valid list"),
    ],
)
def test_a_malformed_row_is_one_line_that_names_the_column(rows, change, message):
    row = next(row for row in rows if row["finding"] == "potential")
    with pytest.raises(PrunekitError, match=message) as caught:
        check_row(row | change)
    assert "\n" not in str(caught.value)


def test_an_unknown_finding_lists_the_nearest():
    with pytest.raises(UsageError, match="unknown finding 'potentail'; did you mean 'potential'"):
        schema_of("potentail")
