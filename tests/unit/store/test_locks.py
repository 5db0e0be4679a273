import fcntl
import os
import subprocess
import sys
import threading
import warnings

import pytest

from prunekit.errors import PrunekitWarning
from prunekit.store import locks
from prunekit.store.locks import discard, is_held, lock

HOLD = """
import sys, time
from pathlib import Path
from prunekit.store.locks import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other_holds(tmp_path):
    """A lock that another process holds, and that process."""
    path = tmp_path / "locks" / "key"
    process = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield path, process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_lock_is_gone_after_its_block(tmp_path):
    path = tmp_path / "locks" / "key"
    with lock(path) as held:
        assert held
        assert is_held(path)
    assert not path.exists()
    assert not is_held(path)


def test_a_lock_of_another_process_is_refused_and_dies_with_it(other_holds):
    path, process = other_holds
    assert is_held(path)
    with lock(path, wait=False) as held:
        assert not held
    process.kill()
    with lock(path) as held:  # waits for the death, if the kernel is slow about it
        assert held
    assert not path.exists()


def test_who_only_asks_about_a_lock_keeps_nobody_from_it(tmp_path, monkeypatch):
    """``status`` and ``gc`` ask by holding it together for a moment: a run that wants it then is not told to wait."""
    path = tmp_path / "key"
    asking = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(asking, fcntl.LOCK_SH)
    monkeypatch.setattr(locks.time, "sleep", lambda seconds: fcntl.flock(asking, fcntl.LOCK_UN))
    with lock(path, wait=False) as held:
        assert held
        fcntl.flock(asking, fcntl.LOCK_UN)
        assert is_held(path)
    os.close(asking)


def test_only_a_lock_that_nobody_holds_is_discarded(tmp_path):
    path = tmp_path / "key"
    path.touch()
    assert discard(path, within=tmp_path)
    assert not path.exists()
    with lock(path):
        assert not discard(path, within=tmp_path)
        assert is_held(path)


def test_waiting_for_a_lock_that_its_owner_removes_ends_with_a_lock_of_ones_own(tmp_path):
    """Many threads count under one lock; two owners at once would lose counts."""
    path, total = tmp_path / "key", [0]

    def count():
        for _ in range(50):
            with lock(path):
                seen = total[0]
                os.sched_yield()
                total[0] = seen + 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total == [200]


def test_a_file_system_without_locks_is_told_of_and_worked_on(tmp_path, monkeypatch):
    def no_locks(handle, how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with (
        pytest.warns(PrunekitWarning, match="does not support locks"),
        lock(tmp_path / "key", wait=False) as held,
    ):
        assert held


def test_no_file_is_left_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with lock(tmp_path / "key"), lock(tmp_path / "key", wait=False):
            pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        is_held(tmp_path / "nothing")
    assert len(os.listdir("/proc/self/fd")) == before
