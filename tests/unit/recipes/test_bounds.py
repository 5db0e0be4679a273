import os

import pytest

from prunekit.errors import UsageError
from prunekit.recipes.bounds import MOST_BYTES, MOST_ITEMS, MOST_TEXT, check_size, check_steps, read_text
from prunekit.recipes.plan import from_dict, plan

STAGE = {"label": "p", "run": ["train"], "arch": "resnet8", "dataset": "digits"}


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (nested(5000), "nested too deeply"),
        ({"a": "x" * (MOST_TEXT + 1)}, "5,001 characters"),
        ({"a": [0.1] * (MOST_ITEMS + 1)}, "a list of 10,001 values"),
        ([[[0] * 10_000] * 30], "more than 200,000 values"),
    ],
)
def test_a_document_that_is_too_large_is_refused(document, message):
    with pytest.raises(UsageError, match=message):
        check_size(document, "it")


def test_a_document_at_the_bounds_is_taken():
    check_size({"a": "x" * MOST_TEXT, "b": [0] * MOST_ITEMS, "c": nested(8)}, "it")


def test_a_file_that_would_never_end_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", "/dev/zero"):
        with pytest.raises(UsageError, match="not a regular file"):
            read_text(path)
    (tmp_path / "large.toml").write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(UsageError, match="larger than"):
        read_text(tmp_path / "large.toml")


def test_a_sweep_of_a_thousand_million_steps_is_counted_and_not_made():
    sweep = {name: list(range(1, 181)) for name in ("seed", "epochs", "batch_size", "step_epochs")}
    with pytest.raises(UsageError, match="1,049,760,000 steps"):
        plan(from_dict({"stage": [STAGE | {"sweep": sweep}]}))


def test_steps_that_multiply_through_their_starts_or_hold_long_lists_are_refused():
    check_steps([100, 100], {"seed": range(20)}, {})
    with pytest.raises(UsageError, match="2,000,000 steps"):
        check_steps([1000, 2000], {}, {})
    with pytest.raises(UsageError, match="lists of 10,000 values"):
        check_steps([1000], {}, {"levels": [0.1] * 10_000})


def test_a_thousand_stages_are_the_most():
    stages = [STAGE | {"label": f"p{number}"} for number in range(1001)]
    with pytest.raises(UsageError, match="1,001 stages"):
        from_dict({"stage": stages})
    assert len(plan(from_dict({"stage": stages[:1000]}))) == 1
