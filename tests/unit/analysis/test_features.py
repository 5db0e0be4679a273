"""The heat map of informative features, cell by cell."""

import numpy as np

from prunekit.analysis.features import Transfer, kept_pixels, member_of, transfers
from prunekit.analysis.variant import Role, Variant

SEPARATE = Role.SEPARATE


def shown(confidence, *, column=0.5, key="pruned", seed=0, kept=(0.1, 0.5)):
    """Parent's pixels; two images, the same confidence at every share."""
    found = np.full((2, len(kept)), confidence)
    return Transfer(Variant(method="wt"), seed, 0.0, column, "parent", key, "digits", kept, found)


def test_a_cell_and_its_curve():
    rows = transfers([shown(0.25), shown(0.75, seed=1)], kept=0.1, resamples=20)
    assert [(row["finding"], row["kept"], row["value"], row["seeds"]) for row in rows] == [
        ("features-curve", 0.1, 0.5, 2),
        ("features-transfer", 0.1, 0.5, 2),
        ("features-curve", 0.5, 0.5, 2),
    ]


def test_two_separate_networks_of_one_parent_are_averaged_under_it():
    items = [shown(value, column=SEPARATE, key=str(value)) for value in (0.25, 0.75)]
    (row,) = [
        row for row in transfers(items, kept=0.1, resamples=20) if row["finding"] == "features-transfer"
    ]
    assert (row["value"], row["seeds"], row["repetitions"]) == (0.5, 1, 2)
    assert row["models"] == ["parent", "0.25", "0.75"]
    assert [row[name] for name in ("row_role", "row_model", "column_role", "column_model")] == [
        "parent", 0.0, "separate", 0.0
    ]  # fmt: skip
    assert (member_of(row, "row"), member_of(row, "column")) == (0.0, Role.SEPARATE)


def test_separate_networks_of_two_variants_and_pixels_sought_in_two_ways_have_rows_of_their_own():
    short, long = (Variant(Role.SEPARATE, settings=(("train", text),)) for text in ('{"epochs": 1}', "{}"))
    cell = shown(0.5, column=SEPARATE)
    items = [
        cell._replace(separate=short),
        cell._replace(separate=long),
        cell._replace(separate=long, block=8),
    ]
    rows = [row for row in transfers(items, kept=0.1, resamples=20) if row["finding"] == "features-transfer"]
    assert [(row["control"], row["block"]) for row in rows] == [(short.id, 1), (long.id, 1), (long.id, 8)]


def test_without_the_share_of_the_heat_map_there_is_a_curve_alone():
    rows = transfers([shown(0.5, kept=(0.3,))], kept=0.1, resamples=20)
    assert {row["finding"] for row in rows} == {"features-curve"}


def test_the_heat_map_is_at_the_share_that_is_asked_for():
    rows = transfers([shown(0.5)], kept=0.5, resamples=20)
    assert [row["kept"] for row in rows if row["finding"] == "features-transfer"] == [0.5]


def test_a_share_of_pixels_is_the_nearest_number_and_at_least_one():
    assert [kept_pixels(1024, share) for share in (0.1, 0.0001, 1)] == [102, 1, 1024]
