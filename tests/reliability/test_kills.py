"""kill -9 at random moments: the run that goes on ends with the bytes of a run that nobody disturbed."""

import random
import shutil

import pytest


def killed_and_continued(study, forker, store, moment, how):
    """Kill one run at ``moment``, look at what it left, run again to the end; how the first ended."""
    ended = forker(*study.args(store), kill=moment, how=how)
    study.check_partial(store)
    again = forker(*study.args(store), how=how)
    assert again.code == 0, again.text
    study.check_whole(store)
    study.check_clean(store, forker)
    return ended


def kill_often(study, forker, tmp_path, moments, how):
    """Kill a run at each of the moments, given as shares of an undisturbed run's time; how many kills came in time."""
    hits, seconds = 0, study.seconds
    for number, moment in enumerate(moments):
        store = tmp_path / f"store-{number}"
        ended = killed_and_continued(study, forker, store, moment * seconds, how)
        hits += ended.code == -9
        if ended.code == 0:  # the machine has become faster since the time was taken
            seconds = min(seconds, ended.seconds)
        shutil.rmtree(store)
    return hits


def test_a_killed_run_continues_to_the_same_bytes(study, forker, tmp_path):
    # A later run may be much quicker than the first, by which the moments are measured: both lie early.
    assert kill_often(study, forker, tmp_path, (0.2, 0.5), ()) > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("how", [(), ("checkpoints",)], ids=["steps", "checkpoints"])
def test_a_hundred_killed_runs_continue_to_the_same_bytes(study, forker, tmp_path, how):
    draws = random.Random(100)
    hits = kill_often(study, forker, tmp_path, [draws.uniform(0, 1) for _ in range(100)], how)
    print(f"{hits} of 100 kills came before the end")
    assert hits > 50


def test_a_run_killed_again_and_again_still_ends(study, forker, tmp_path):
    """Each try gets a little further than the last, on one store that is moved to another place in between."""
    store = tmp_path / "0"
    for number in range(1, 40):
        ended = forker(*study.args(store), kill=study.seconds * number / 4, how=("checkpoints",))
        study.check_partial(store)
        store = store.rename(tmp_path / str(number)) if store.exists() else store
        if ended.code == 0:
            break
    assert ended.code == 0, ended.text
    assert number > 1
    study.check_whole(store)
    study.check_clean(store, forker)
