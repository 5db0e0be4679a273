import warnings
from pathlib import Path

import pytest

from prunekit.base.environment import VARIABLES, cache_home, offline, warn_of_unknown
from prunekit.errors import PrunekitWarning, UsageError


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


def test_a_misspelt_variable_is_said_to_have_no_effect():
    with pytest.warns(PrunekitWarning, match="PRUNEKIT_STROE has no effect: did you mean PRUNEKIT_STORE"):
        warn_of_unknown(["HOME", "PRUNEKIT_STROE"])
    with pytest.warns(PrunekitWarning, match=r"PRUNEKIT_X has no effect \(prunekit reads PRUNEKIT_STORE, "):
        warn_of_unknown(["PRUNEKIT_X"])


def test_prunekit_s_own_variables_are_known():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unknown(
            ["PATH", "_PRUNEKIT_COMPLETE", *VARIABLES, "PRUNEKIT_LIFELINE"], known=["PRUNEKIT_LIFELINE"]
        )
