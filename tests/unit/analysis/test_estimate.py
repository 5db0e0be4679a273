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
        "n": 3,
        "seeds": 1,
        "interval": "none",
        "repetitions": 1,
        "flags": ["few-seeds", "undefined"],
    }


def test_a_value_outside_its_interval_is_flagged():
    assert Estimate(0.1, 0.2, 0.3, n=3, seeds=1, interval="none").as_row()["flags"] == [Flag.OUTSIDE]
    assert Estimate(0.2, 0.2, 0.3, n=3, seeds=1, interval="none").as_row()["flags"] == []


def test_numbers_are_rounded_so_that_equal_work_writes_equal_bytes():
    assert plain(0.1 + 0.2) == 0.3
    assert plain(1e-12) == 1e-12
