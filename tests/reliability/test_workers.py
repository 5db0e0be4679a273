"""Worker processes that are killed, that cannot start, and that outlive nobody."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

WORKER = "prunekit.engine.worker"


def workers_of(pid):
    """The worker processes whose parent is ``pid``, from /proc."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and WORKER in (place / "cmdline").read_text():
                found.append(int(place.name))
        except (OSError, ValueError):
            continue
    return found


def wait_for_workers(pid, count, seconds=60):
    until = time.monotonic() + seconds
    while len(found := workers_of(pid)) < count:
        assert time.monotonic() < until, "the workers did not start"
        time.sleep(0.05)
    return found


def ended(pid):
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def kill_one_worker(study, forker, store, moment, draws):
    run = forker.start(*study.args(store, "--jobs", "2"))
    victims = wait_for_workers(run.pid, 1)
    time.sleep(moment)
    victims = [pid for pid in workers_of(run.pid) if not ended(pid)] or victims
    with contextlib.suppress(ProcessLookupError):  # the run was quicker
        os.kill(draws.choice(victims), signal.SIGKILL)
    done = run.ended()
    assert done.code == 0, done.text
    study.check_whole(store)
    study.check_clean(store, forker)


def test_a_run_goes_on_when_a_worker_is_killed(study, forker, tmp_path):
    kill_one_worker(study, forker, tmp_path / "store", study.seconds / 2, random.Random(0))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_runs_go_on_when_workers_are_killed_at_random_moments(study, forker, tmp_path):
    draws = random.Random(1)
    for number in range(20):
        moment = draws.uniform(0, 2 * study.seconds)
        kill_one_worker(study, forker, tmp_path / f"store-{number}", moment, draws)


def test_workers_end_with_the_run_that_started_them(study, forker, tmp_path):
    run = forker.start(*study.args(tmp_path / "store", "--jobs", "2"))
    workers = wait_for_workers(run.pid, 1)
    os.kill(run.pid, signal.SIGKILL)
    assert run.ended().code == -signal.SIGKILL
    until = time.monotonic() + 60
    while not all(ended(pid) for pid in workers):
        assert time.monotonic() < until, "a worker outlived its run"
        time.sleep(0.05)


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_leaves_a_store_that_can_be_gone_on_with(study, forker, tmp_path, signals):
    """Once lets running steps finish; twice stops now. Exit 130 either way, unless the study was done by then."""
    store = tmp_path / "store"
    run = forker.start(*study.args(store))
    time.sleep(study.seconds / 3)
    for _ in range(signals):
        with contextlib.suppress(ProcessLookupError):  # the first may have ended it already
            os.kill(run.pid, signal.SIGINT)
        time.sleep(0.02)
    done = run.ended()
    assert done.code == 130, done.text
    assert "Traceback" not in done.text
    study.check_partial(store)
    assert forker(*study.args(store)).code == 0
    study.check_whole(store)
