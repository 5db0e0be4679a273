import pytest

from prunekit import registry
from prunekit.errors import UsageError
from prunekit.registry import Lazy, Registry


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(
        UsageError, match=r"unknown fruit 'aple'; did you mean 'apple'\? \(one of: apple, pear\)"
    ):
        Registry("fruit", {"apple": 1, "pear": 2})["aple"]


def test_lazy_imports_at_the_first_call_only():
    function = Lazy("json:dumps")
    assert function([1]) == "[1]"
    with pytest.raises(ModuleNotFoundError):
        Lazy("no_such_module:function")()


class Point:
    def __init__(self, name, row):
        self.name, self.row = name, row

    def load(self):
        return self.row


def plugins(monkeypatch, *points):
    monkeypatch.setattr(registry, "ENTRY_POINTS", lambda group: list(points))


def test_entry_points_add_rows(monkeypatch):
    plugins(monkeypatch, Point("cherry", 3))
    rows = Registry("fruit", {"apple": 1}, entry_point_group="fruits")
    assert dict(rows) == {"apple": 1, "cherry": 3}


def test_a_plugin_may_not_redefine_a_row(monkeypatch):
    plugins(monkeypatch, Point("apple", 3))
    rows = Registry("fruit", {"apple": 1}, entry_point_group="fruits")
    with pytest.raises(UsageError, match="redefines the built-in fruit 'apple'"):
        rows["apple"]
