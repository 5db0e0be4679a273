"""What stands where: the modules of the package that are in no room are named here, once."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "prunekit"
LOOSE = {"__init__", "__main__", "api", "distribution", "errors", "progress", "registry"}
ROOMS = {
    "analysis",
    "base",
    "cli",
    "data",
    "engine",
    "measure",
    "models",
    "params",
    "pruning",
    "recipes",
    "report",
    "steps",
    "store",
    "studies",
    "tasks",
    "training",
}


def test_only_the_named_modules_are_in_no_room():
    assert {path.stem for path in PACKAGE.glob("*.py")} == LOOSE


def test_every_room_is_named_and_has_a_door():
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == ROOMS
