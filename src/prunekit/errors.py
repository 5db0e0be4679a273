"""The small family of errors that a person may meet, each with its exit code."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from difflib import get_close_matches


class PrunekitWarning(UserWarning):
    """Something went on in a reduced way that the user should know of."""


class PrunekitDeprecation(PrunekitWarning):
    """Something still works, and will be removed in a version that the warning names."""


class PrunekitError(Exception):
    """A step failed for a reason that one line can tell (exit 1)."""

    exit_code = 1


class UsageError(PrunekitError):
    """The user's input is wrong: what was given, what is allowed, the nearest match (exit 2)."""

    exit_code = 2


class StoreError(PrunekitError):
    """A stored file is missing, damaged or of a newer format (exit 3)."""

    exit_code = 3


def unknown(kind: str, name: str, allowed: Iterable[str]) -> UsageError:
    """The error for a name that is not in a table: names it, the nearest match, and what is allowed."""
    names = list(allowed)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    nearest = f"; did you mean {close[0]!r}?" if close else ""
    return UsageError(f"unknown {kind} {name!r}{nearest} (one of: {', '.join(names) or 'none'})")


def deprecated(old: str, new: str, *, removed_in: str) -> None:
    """Warn that ``old`` will be removed in the version ``removed_in``, and name what replaces it."""
    warnings.warn(
        f"{old} will be removed in prunekit {removed_in}: use {new}", PrunekitDeprecation, stacklevel=3
    )


# Optional packages, and the extra of prunekit that installs each.
EXTRAS = {
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "onnxscript": "onnx",
    "pandas": "pandas",
    "pyarrow": "hf",
    "ray": "ray",
    "fsspec": "remote",
}
TORCH = ("torch", "torchvision", "timm")


def missing_package(name: str) -> UsageError:
    """The error for a package that this command needs and that is not installed: says how to get it."""
    package = name.partition(".")[0]
    if package in TORCH:
        return UsageError(
            f"this command needs {package}: pip install {' '.join(TORCH)} "
            "(commands over stored outcomes need none of them)"
        )
    wanted = f"'prunekit[{EXTRAS[package]}]'" if package in EXTRAS else package
    return UsageError(f"this command needs {package}: pip install {wanted}")
