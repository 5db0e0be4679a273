"""The errors that a user may see, each with its exit code."""

from __future__ import annotations

import contextlib
import errno
import traceback
import warnings
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

# Names of tables and fields, and positions in lists, from the outside inwards.
Place = tuple[str | int, ...]


class PrunekitWarning(UserWarning):
    """Work continued in a reduced way that the user should know about."""


class PrunekitDeprecation(PrunekitWarning):
    """Something still works, and will be removed in a version that the warning names."""


class PrunekitError(Exception):
    """A step failed for a reason that one line can state (exit 1)."""

    exit_code = 1
    field: Place = ()


class UsageError(PrunekitError):
    """The user's input is wrong: what was given, what is allowed, the nearest match (exit 2).

    ``field`` is the place of the mistake in the input, if known: ``("sweep", "method")``, ``("arch",)``.
    """

    exit_code = 2

    def __init__(self, message: str, *, field: Place = ()) -> None:
        super().__init__(message)
        self.field = field


class StoreError(PrunekitError):
    """A stored file is missing, damaged or of a newer format (exit 3)."""

    exit_code = 3


LONGEST_NAME = 200


@contextlib.contextmanager
def about(*field: str | int) -> Iterator[None]:
    """Set this field on a :class:`UsageError` raised in the block that names no field."""
    try:
        yield
    except UsageError as error:
        error.field = error.field or field
        raise


def unknown(
    kind: str, name: str, allowed: Iterable[str], *, nearest: str = "", field: Place = ()
) -> UsageError:
    """The error for a name that is not in a table: names it, the nearest match, and what is allowed.

    ``nearest`` lets a caller give a better match than spelling alone would.
    """
    names = list(allowed)
    shown = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."
    close = [nearest] if nearest else get_close_matches(shown, names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return UsageError(f"unknown {kind} {shown!r}{hint} (one of: {', '.join(names) or 'none'})", field=field)


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
            f"this command needs {package}: pip install {' '.join(TORCH)} (commands on stored "
            "outcomes need none of these)"
        )
    wanted = f"'prunekit[{EXTRAS[package]}]'" if package in EXTRAS else package
    return UsageError(f"this command needs {package}: pip install {wanted}")


# System errors caused by a path that the user named; the others (no space, no permission) are not user mistakes.
NAMED_WRONGLY = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOENT, errno.EEXIST)
LONGEST_REASON = 600
# Parts of the messages of allocators and of the library loader.
NO_MEMORY = ("t allocate memory", "failed to map segment from shared object")
_PACKAGE = Path(__file__).parent


def foreseen(error: BaseException) -> PrunekitError | None:
    """An error of another library as one of ours, if one line can say what happened; None if it was not foreseen."""
    if isinstance(error, PrunekitError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name:
        return missing_package(error.name)
    if isinstance(error, OSError) and error.strerror:
        kind = UsageError if error.errno in NAMED_WRONGLY else PrunekitError
        place = "" if error.filename is None else f"{error.filename}: "
        return kind(f"{place}{error.strerror}")
    if (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or any(words in str(error) for words in NO_MEMORY)
    ):
        return PrunekitError(
            f"there is not enough memory: use a smaller batch_size, or fewer --jobs ({_words(error)})"
        )
    if isinstance(error, RecursionError):
        return PrunekitError("the input is nested too deeply")
    if isinstance(error, SystemExit):
        return PrunekitError(
            f"code that prunekit called (a network, a plugin) called sys.exit({error.code!r})"
        )
    return None


def reason(error: BaseException) -> str:
    """Why something failed, in one line; an unforeseen error gives its type and origin, and asks for a report.

    Notes that were added on the way (``add_note``: which step, which file) follow in brackets.
    """
    known = foreseen(error)
    text = " ".join(str(known).split()) or type(known).__name__ if known else _unforeseen(error)
    notes = "; ".join(getattr(error, "__notes__", ()))
    return f"{text} ({notes})" if notes else text


def _unforeseen(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    where = f" in {Path(own[-1].filename).relative_to(_PACKAGE)}, line {own[-1].lineno}" if own else ""
    return f"unexpected error{where}: {_words(error)} (please report it)"


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())[:LONGEST_REASON]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
