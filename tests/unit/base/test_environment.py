from pathlib import Path

import pytest

from prunekit.base.environment import cache_home, offline
from prunekit.errors import UsageError


@pytest.mark.parametrize(
    ("value", "means"),
    [("1", True), ("true", True), ("YES", True), ("on", True), ("0", False), ("no", False), ("", False)],
)
def test_a_switch_is_yes_or_no(monkeypatch, value, means):
    monkeypatch.setenv("PRUNEKIT_OFFLINE", value)
    assert offline() is means


def test_a_switch_that_says_neither_is_refused(monkeypatch):
    monkeypatch.setenv("PRUNEKIT_OFFLINE", "ture")
    with pytest.raises(UsageError, match="PRUNEKIT_OFFLINE='ture': one of 1, true, yes, on, 0"):
        offline()
    monkeypatch.delenv("PRUNEKIT_OFFLINE")
    assert not offline()


def test_a_user_without_a_home_keeps_data_here(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_home() == Path("/home/somebody/.cache/prunekit")
    monkeypatch.setenv("HOME", "")
    assert cache_home() == Path(".prunekit/data")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    monkeypatch.delenv("HOME")
    assert cache_home() == Path(".prunekit/data")
