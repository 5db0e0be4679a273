import json

import numpy as np

from prunekit.analysis.estimate import Estimate, plain
from prunekit.analysis.flags import Flag


def test_a_row_is_json_and_says_when_there_is_no_number():
    row = Estimate(
        np.nan, -np.inf, 0.5, n=3, seeds=1, interval="none", flags=(Flag.FEW_SEEDS, Flag.FEW_SEEDS)
    ).as_row()
    assert json.loads(json.dumps(row, allow_nan=False)) == {
        "value": None,
        "low": None,
        "high": 0.5,
        "covers": "these networks",
        "these_low": None,
        "these_high": 0.5,
        "n": 3,
        "seeds": 1,
        "interval": "none",
        "repetitions": 1,
        "flags": ["few-seeds", "undefined", "few-images"],
    }


def test_a_value_outside_its_interval_is_flagged():
    assert Estimate(0.1, 0.2, 0.3, n=300, seeds=1, interval="none").as_row()["flags"] == [Flag.OUTSIDE]
    assert Estimate(0.2, 0.2, 0.3, n=300, seeds=1, interval="none").as_row()["flags"] == []


def test_numbers_are_rounded_so_that_equal_work_writes_equal_bytes():
    assert plain(0.1 + 0.2) == 0.3
    assert plain(1e-12) == 1e-12


def test_a_row_of_several_seeds_has_both_intervals_by_name():
    row = Estimate(0.2, 0.1, 0.3, n=300, seeds=2, interval="", these=(0.15, 0.25)).as_row()
    assert (row["covers"], row["low"], row["high"]) == ("new networks", 0.1, 0.3)
    assert (row["these_low"], row["these_high"]) == (0.15, 0.25)


def test_fewer_than_a_hundred_images_are_flagged():
    assert Flag.FEW_IMAGES in Estimate(0.2, 0.1, 0.3, n=99, seeds=1, interval="").as_row()["flags"]
    assert Flag.FEW_IMAGES not in Estimate(0.2, 0.1, 0.3, n=100, seeds=1, interval="").as_row()["flags"]
