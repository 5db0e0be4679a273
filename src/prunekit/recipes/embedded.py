"""The recipes that come with prunekit: in the wheel, or next to the source in a checkout."""

from __future__ import annotations

from pathlib import Path

from prunekit.errors import unknown

_INSTALLED = Path(__file__).with_name("files")
_CHECKOUT = Path(__file__).resolve().parents[3] / "recipes"


def folder() -> Path:
    """Where the recipe files are."""
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def names() -> list[str]:
    """The recipes by name, such as ``quickstart`` or ``cifar10/resnet20``, without parts that others extend."""
    found = (path.relative_to(folder()).with_suffix("") for path in folder().rglob("*.toml"))
    return sorted(path.as_posix() for path in found if path.parts[0] != "shared")


def path_of(name: str) -> Path:
    """The file of a recipe by its name; a :class:`UsageError` lists the names."""
    if name not in names():
        raise unknown("recipe", name, names())
    return folder() / f"{name}.toml"


def located(path: Path) -> Path:
    """A recipe file that exists as typed, else the embedded recipe of that name.

    :class:`UsageError` for a word without a file ending that is neither.
    """
    name = path.as_posix().removesuffix(".toml")
    try:
        if path.exists():
            return path
    except (OSError, ValueError):  # a name that is too long or contains a null byte
        return path
    if name in names() or not (path.suffix or path.is_absolute() or path.parts[0] == ".."):
        return path_of(name)
    return path
