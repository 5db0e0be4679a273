import pytest

from prunekit import registry
from prunekit.errors import PrunekitWarning, UsageError
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


class Broken(Point):
    value = "fruits.exotic:durian"

    def load(self):
        raise self.row


def test_a_plugin_may_not_redefine_a_row(monkeypatch):
    plugins(monkeypatch, Point("apple", 3), Point("cherry", 3))
    rows = Registry("fruit", {"apple": 1}, entry_point_group="fruits")
    assert rows["apple"] == 1  # a plugin's name is looked for only where the table has none
    with pytest.warns(PrunekitWarning, match="a plugin redefines the built-in fruit 'apple' and is ignored"):
        assert dict(rows) == {"apple": 1, "cherry": 3}


def test_a_name_of_two_plugins_is_neither(monkeypatch):
    plugins(monkeypatch, Point("cherry", 3), Point("cherry", 4))
    rows = Registry("fruit", {"apple": 1}, entry_point_group="fruits")
    with pytest.warns(PrunekitWarning, match="one of several for the 'cherry'"):
        assert list(rows) == ["apple"]


@pytest.mark.parametrize("error", [ImportError("no stone"), SystemExit(0), KeyError("x"), RecursionError()])
def test_a_broken_plugin_breaks_its_own_row_by_name(monkeypatch, error):
    plugins(monkeypatch, Broken("durian", error), Point("cherry", 3))
    rows = Registry("fruit", {"apple": 1}, entry_point_group="fruits")
    assert (rows["apple"], rows["cherry"], list(rows)) == (1, 3, ["apple", "cherry", "durian"])
    with pytest.raises(
        UsageError, match=r"fruit 'durian' of the plugin fruits.exotic:durian cannot be loaded"
    ):
        rows["durian"]
    with pytest.warns(PrunekitWarning, match="fruit 'durian' of the plugin"):
        assert dict(rows.working()) == {"apple": 1, "cherry": 3}


def test_a_plugin_of_another_type_is_named(monkeypatch):
    plugins(monkeypatch, Point("cherry", "3"))
    with pytest.raises(UsageError, match="'cherry' of the plugin cherry is a str, not a int"):
        Registry("fruit", {"apple": 1}, entry_point_group="fruits")["cherry"]
