"""Stores in bad places: full disks, quotas, read-only folders, clocks that run backwards, files set to other times."""

import os
import random
import shutil
import subprocess

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own of 1 MB; the tests that want one need the right to mount it."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True)
    if made.returncode:
        pytest.skip("no right to mount a file system here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def remount(place, how):
    subprocess.run(["mount", "-o", f"remount,{how}", place], check=True)


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_space(study, forker, small_disk):
    store = small_disk / "store"
    full = forker(*study.args(store))
    assert full.code == 1
    assert "No space left on device" in full.text
    assert "Traceback" not in full.text
    assert study.check_partial(store) > 0
    assert not list(store.rglob("*.part"))
    remount(small_disk, "size=50m")
    assert forker(*study.args(store)).code == 0
    study.check_whole(store)


def test_a_store_that_turns_read_only_can_be_read_and_is_not_written(study, forker, small_disk):
    store = small_disk / "store"
    forker(*study.args(store))
    before = sorted(store.rglob("*"))
    remount(small_disk, "ro")
    for args in (("ls",), ("verify",), ("gc", "--dry-run")):
        assert forker(*args, "--store", store).code == 0
    for more in ((), ("--jobs", "2")):
        refused = forker(*study.args(store, *more))
        assert refused.code == 1
        assert "Traceback" not in refused.text
        assert "Read-only file system" in refused.text
    assert sorted(store.rglob("*")) == before


def test_a_file_that_may_not_grow_is_one_line(study, forker, tmp_path):
    store = tmp_path / "store"
    refused = forker(*study.args(store), how=["quota"])
    assert refused.code == 1
    assert "File too large" in refused.text
    assert "Traceback" not in refused.text
    study.check_partial(store)
    assert forker(*study.args(store)).code == 0
    study.check_whole(store)


def test_a_clock_that_jumps_back_changes_nothing(study, forker, tmp_path):
    store = tmp_path / "store"
    forker(*study.args(store), kill=study.seconds / 2, how=["clock", "checkpoints"])
    draws = random.Random(0)
    for path in store.rglob("*"):
        os.utime(path, (draws.uniform(0, 4e9),) * 2)
    assert forker(*study.args(store), how=["clock"]).code == 0
    study.check_whole(store)


def test_a_copy_of_an_unfinished_store_is_gone_on_with(study, forker, tmp_path):
    forker(*study.args(tmp_path / "store"), kill=study.seconds / 2, how=["checkpoints"])
    copy = tmp_path / "another place" / "copy"
    shutil.copytree(tmp_path / "store", copy) if (tmp_path / "store").exists() else copy.mkdir(parents=True)
    assert forker(*study.args(copy), how=["checkpoints"]).code == 0
    study.check_whole(copy)


def test_a_store_that_is_unplugged_is_one_line(study, forker, small_disk):
    """The store's file system goes away while the run works on it, and comes back."""
    store = small_disk / "store"
    remount(small_disk, "size=50m")
    run = forker.start(*study.args(store), kill=None)
    subprocess.run(["mount", "--bind", "/proc/self", small_disk], check=True)
    try:
        unplugged = run.ended()
    finally:
        subprocess.run(["umount", small_disk], check=True)
    assert unplugged.code == 1, unplugged.text
    assert "Traceback" not in unplugged.text
    assert forker(*study.args(store)).code == 0
    study.check_whole(store)
