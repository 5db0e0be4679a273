"""What is wrong, and what crashes left: only what prunekit wrote is removed, wherever it lies and whatever it is called."""

import hashlib
import json
import os
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from prunekit.errors import UsageError
from prunekit.store import archive, upkeep
from prunekit.store.names import MARK, MARKER
from prunekit.store.store import Store

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "store" / "v1"
TRAIN = "train-43ae8cc7ef596dce"
TOKEN = "0123456789ab"


@pytest.fixture
def store(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "store")
    return Store(tmp_path / "store")


def _put(path, content=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_what_crashes_left_goes(store):
    whole = store.path(TRAIN).read_bytes()
    gone = [
        _put(store.root / "models" / f".{TRAIN}.safetensors.{TOKEN}.part", whole[:50]),
        _put(store.checkpoint(TRAIN), whole),
        _put(store.root / "locks" / TRAIN),
        _put(store.log(TRAIN), b"Traceback (most recent call last):\n"),
        _put(store.root / "labels" / f".small.{TOKEN}.part", b"train-43"),
        _put(store.root / "logs" / f".{TRAIN}.log.{TOKEN}.part", b"prunekit: reason of the failure: no"),
        _put(store.root / f".{MARKER}.{TOKEN}.part", MARK[:20]),
    ]
    assert store.leftovers() == sorted(gone)
    assert store.clean() == sorted(gone)
    assert not any(path.exists() for path in gone)
    assert list(store.problems()) == []


def test_half_written_files_are_left_while_somebody_works_on_the_store(store):
    part = _put(
        store.root / "models" / f".{TRAIN}.safetensors.{TOKEN}.part", store.path(TRAIN).read_bytes()[:50]
    )
    with store.claim("train-0000000000000000"):
        assert store.clean() == []
    assert store.clean() == [part]


def test_a_lock_that_is_taken_while_gc_looks_stays_with_its_owner(store, monkeypatch):
    """Else the next clean-up would take the owner's half-written files for leftovers."""
    lock, owner = _put(store.root / "locks" / TRAIN), ExitStack()
    found = upkeep.leftovers

    def taken_meanwhile(store):
        seen = found(store)
        assert owner.enter_context(store.claim(TRAIN, wait=False))
        return seen

    monkeypatch.setattr(upkeep, "leftovers", taken_meanwhile)
    with owner:
        assert store.clean() == []
        assert lock.exists()
        assert store.running() == {TRAIN}
    assert not lock.exists()


def test_what_others_wrote_stays(store):
    whole = store.path(TRAIN).read_bytes()
    kept = [
        _put(store.root / "models" / ".x.part", b"of another program"),
        _put(store.root / "models" / f".notes.txt.{TOKEN}.part", whole),
        _put(store.root / "models" / f".{TRAIN}.safetensors.{TOKEN}.part", b"of another program"),
        _put(store.root / f".{MARKER}.{TOKEN}.part", b"of another program"),
        _put(store.root / "logs" / f".notes.log.{TOKEN}.part", b""),
        _put(store.root / "mine" / f".{TRAIN}.safetensors.{TOKEN}.part", whole),
        _put(store.checkpoint(TRAIN), b"my own notes, under an unlucky name"),
        _put(store.root / "locks" / "README", b""),
        _put(store.root / "locks" / TRAIN, b"not empty"),
        _put(store.log(TRAIN), b"dear diary"),
        _put(store.root / "imports" / "weights.safetensors", b"mine"),
    ]
    assert store.leftovers() == []
    assert store.clean() == []
    assert all(path.exists() for path in kept)


@pytest.mark.parametrize("folder", ["models", "checkpoints", "locks", "logs"])
def test_nothing_is_removed_through_a_link(store, tmp_path, folder):
    outside = tmp_path / "outside"
    shutil.copytree(store.root / "models", outside)
    part = _put(outside / f".{TRAIN}.safetensors.{TOKEN}.part")
    lock = _put(outside / "train-0123456789abcdef")
    shutil.rmtree(store.root / folder, ignore_errors=True)
    (store.root / folder).symlink_to(outside)
    damaged = outside / f"{TRAIN}.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    store.clean()
    store.repair(list(store.problems()))
    assert part.exists()
    assert lock.exists()
    assert damaged.exists()


def test_a_folder_that_is_no_store_is_left_alone(tmp_path):
    part = _put(tmp_path / "models" / f".{TRAIN}.safetensors.{TOKEN}.part")
    for clean in (Store(tmp_path).leftovers, Store(tmp_path).clean, lambda: Store(tmp_path).repair([])):
        with pytest.raises(UsageError, match="is not a prunekit store: it has no file prunekit-store"):
            clean()
    assert part.exists()
    Store(tmp_path).mark()
    assert Store(tmp_path).clean() == [part]
    assert Store(tmp_path / "nowhere").leftovers() == []


def test_a_damaged_file_is_removed_and_one_that_is_not_ours_is_not(store):
    whole = store.path(TRAIN).read_bytes()
    store.path(TRAIN).write_bytes(whole[:-1])
    foreign = _put(store.root / "models" / "train-00000000000000aa.safetensors", b"weights of my own program")
    found = {problem.key: problem.damaged for problem in store.problems()}
    assert found == {TRAIN: True, "train-00000000000000aa": False}
    assert store.repair(list(store.problems())) == 1
    assert foreign.exists()
    assert not store.path(TRAIN).exists()


@pytest.mark.parametrize("flip", [0, 3, 8, 20, 100, -1])
def test_an_archive_is_recognised_with_any_byte_changed_and_at_any_length(store, flip):
    whole = bytearray(store.path(TRAIN).read_bytes())
    whole[flip] ^= 0xFF
    path = store.path(TRAIN)
    for content in (bytes(whole), *(bytes(whole)[:cut] for cut in ((0, 5, 8, 15) if flip < 0 else ()))):
        path.write_bytes(content)
        (problem,) = store.problems()
        assert problem.damaged


@pytest.mark.parametrize("folder", ["models", "measurements"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["fifo", "folder"])
def test_what_is_no_file_is_named_and_the_rest_is_read(store, folder, make):
    kind = {"models": "train", "measurements": "error"}[folder]
    odd = store.root / folder / f"{kind}-00000000000000aa.safetensors"
    make(odd)
    store.path(TRAIN).write_bytes(store.path(TRAIN).read_bytes()[:-1])
    found = {problem.path: problem.damaged for problem in store.problems()}
    assert found == {odd: False, store.path(TRAIN): True}
    assert odd.stem not in store.present()
    store.repair(list(store.problems()))
    assert odd.exists()


def test_damaged_weights_of_an_import_are_named_and_others_are_not(store):
    data = b"weights"
    _put(store.root / "imports" / f"{hashlib.sha256(data).hexdigest()}.safetensors", data)
    damaged = _put(store.root / "imports" / f"{'0' * 64}.safetensors", data)
    mine = _put(store.root / "imports" / "mine.safetensors", data)
    os.mkfifo(store.root / "imports" / f"{'1' * 64}.safetensors")
    found = {problem.path.name[:3]: problem.damaged for problem in store.problems()}
    assert found == {"000": True, "111": False}
    store.repair(list(store.problems()))
    assert not damaged.exists()
    assert mine.exists()


def test_an_import_that_is_little_but_a_length_is_named_at_once(store):
    hollow = _put(store.root / "imports" / f"{'0' * 64}.pt", b"PK")
    os.truncate(hollow, 10**13)
    found = list(store.problems())
    assert [(each.path, each.damaged) for each in found] == [(hollow, False)]
    assert "a sparse file" in found[0].text


def test_a_file_that_the_disk_does_not_hold_is_damaged_and_not_read(store):
    size = 200 * 2**30
    path = store.path(TRAIN)
    fields = {"format": 1, "header": "h" * 64, "data": "d" * 64, "record": archive.read_header(path).record}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    table = {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    header = json.dumps({"__metadata__": {"prunekit": text}, **table}, separators=(",", ":")).encode()
    raw = len(header).to_bytes(8, "little") + header
    path.write_bytes(raw.replace(b"h" * 64, hashlib.sha256(raw).hexdigest().encode(), 1))
    os.truncate(path, len(raw) + size)
    (problem,) = store.problems()
    assert "of which only" in problem.text
    assert problem.damaged
