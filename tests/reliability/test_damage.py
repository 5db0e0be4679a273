"""Damaged stores through the command line: every flipped byte and every cut is found, nothing uses it, repair remakes."""

import random
import shutil
from pathlib import Path

import pytest

from prunekit.errors import StoreError
from prunekit.store.store import Store

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "store" / "v1"


@pytest.fixture
def small(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "store")
    return Store(tmp_path / "store")


def damages(whole):
    """The file with each byte changed in turn, and cut at every length."""
    for place in range(len(whole)):
        yield whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :]
        yield whole[:place]


def test_every_flip_and_every_cut_of_every_file_is_found(small):
    for key in sorted(small.present()):
        path = small.path(key)
        whole = path.read_bytes()
        for damaged in damages(whole):
            path.write_bytes(damaged)
            with pytest.raises(StoreError) as caught:
                small.verify(key)
            assert "\n" not in str(caught.value)
        path.write_bytes(whole)


COMMANDS = [
    ("ls",),
    ("ls", "measurements"),
    ("show", "small"),
    ("prune", "small", "--method", "wt", "--prune-ratio", "0.9"),
    ("potential", "small"),
    ("report", "small"),
    ("gc", "--dry-run"),
]


def test_no_command_crashes_on_a_damaged_store(small, cli, tmp_path, monkeypatch):
    """A header or a tensor is damaged; each command refuses in one line, or does not need what is damaged."""
    monkeypatch.chdir(tmp_path)
    draws = random.Random(0)
    for key in ("retrain-e30eddee8e02023e", "error-a74e85a2278b5a9a"):
        path = small.path(key)
        whole = path.read_bytes()
        for place in (3, draws.randrange(8, len(whole)), len(whole) - 1):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
            for args in COMMANDS:
                ran = cli(*args, store=small.root)
                assert ran.code in (0, 1, 2, 3), ran
                assert len(set(ran.err.splitlines())) <= 1, ran.err  # a process says each warning once
                assert "Traceback" not in ran.err
                assert "PRUNEKIT_DEBUG" not in ran.err, ran.err  # an error that nobody foresaw
        path.write_bytes(whole)


def test_repair_names_what_is_damaged_and_run_makes_it_again(study, forker, tmp_path):
    store = tmp_path / "store"
    assert forker(*study.args(store)).code == 0
    draws = random.Random(0)
    paths = [path for folder in ("models", "measurements") for path in sorted((store / folder).iterdir())]
    for path in draws.sample(paths, 5):
        whole = bytearray(path.read_bytes())
        whole[draws.randrange(len(whole))] ^= 0xFF
        path.write_bytes(whole)
    found = forker("verify", "--store", store)
    assert found.code == 3
    assert "5 damaged files" in found.text
    assert forker("verify", "--repair", "--store", store).code == 0
    assert len(Store(store).present()) == 10
    assert forker(*study.args(store)).code == 0
    study.check_partial(store)
    assert forker("verify", "--store", store).code == 0


def test_a_damaged_checkpoint_is_found_and_removed(study, forker, tmp_path):
    store = tmp_path / "store"
    forker(*study.args(store), kill=study.seconds / 4, how=["checkpoints"])
    place = Store(store).checkpoint(next(key for key in study.expected if "train-" in key)[7:-12])
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"\x10" + bytes(40))
    shutil.rmtree(store / "models", ignore_errors=True)
    refused = forker(*study.args(store))
    assert refused.code == 1
    assert "is damaged" in refused.text
    assert "Traceback" not in refused.text
    assert forker("verify", "--repair", "--store", store).code == 0
    assert not place.exists()
    assert forker(*study.args(store)).code == 0
    study.check_whole(store)
