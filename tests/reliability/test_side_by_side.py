"""Several runs of one recipe on one store at the same time."""

import json

import pytest


def side_by_side(study, forker, store, count):
    runs = [forker.start(*study.args(store)) for _ in range(count)]
    ends = [run.ended(timeout=600) for run in runs]
    assert [end.code for end in ends] == [0] * count, [end.text for end in ends]
    study.check_whole(store)
    return [
        json.loads(line) for path in (store / "costs").iterdir() for line in path.read_text().splitlines()
    ]


def check_work(study, store, notes):
    """Every step was worked on once: each writes one line of what it took."""
    keys = [note["key"] for note in notes]
    assert sorted(keys) == sorted(set(keys))


def test_two_runs_share_the_work(study, forker, tmp_path):
    check_work(study, tmp_path / "store", side_by_side(study, forker, tmp_path / "store", 2))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_eight_runs_share_the_work_ten_times_over(study, forker, tmp_path):
    for number in range(10):
        store = tmp_path / f"store-{number}"
        check_work(study, store, side_by_side(study, forker, store, 8))
        study.check_clean(store, forker)
