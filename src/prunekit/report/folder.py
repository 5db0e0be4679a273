"""The report's folder: written file by file, its list last, so that an unchanged report need not be drawn again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib

from prunekit.errors import UsageError

LISTING = "files.json"
# Only here are files of an earlier report removed; a user's own files are never in the listing.
FOLDERS = ("figures", "tables")
TO_BE_DRAWN_AGAIN = ""  # no input has this digest


def digest_of(content: Any) -> str:
    """A name for a report's input together with the code that draws it."""
    parts = [json.dumps(content, sort_keys=True), matplotlib.__version__]
    package = files("prunekit.report")
    sources = [
        each for each in (*package.iterdir(), *package.joinpath("templates").iterdir()) if each.is_file()
    ]
    parts += [each.read_text(encoding="utf-8") for each in sorted(sources, key=lambda each: each.name)]
    return _sha256("\0".join(parts).encode())


def is_current(out: Path, digest: str) -> bool:
    """Whether the folder holds the report of this digest, every file as it was written."""
    listing = _listing(out)
    return listing.get("input") == digest and all(
        (out / place).is_file() and _sha256((out / place).read_bytes()) == checksum
        for place, checksum in listing["files"].items()
    )


def write_all(out: Path, contents: Mapping[str, bytes], digest: str) -> None:
    """Write every file, remove those of an earlier report that this one lacks, and list them last.

    ``contents`` maps places inside the folder to bytes. Raises UsageError where ``out`` cannot be a folder.
    """
    earlier = set(_listing(out).get("files", {}))
    _make_folders(out)
    for place in sorted(contents):
        _write(out / place, contents[place])
    for place in sorted(earlier - set(contents)):
        _remove(out, place)
    listing = {"input": digest, "files": {place: _sha256(contents[place]) for place in sorted(contents)}}
    _write(out / LISTING, (json.dumps(listing, indent=1) + "\n").encode())


def _make_folders(out: Path) -> None:
    try:
        for folder in FOLDERS:
            (out / folder).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(
            f"the report cannot go to {str(out)!r}: a file is in the way; name another folder"
        ) from None


def _listing(out: Path) -> dict[str, Any]:
    """What an earlier report wrote here; empty where there is none or it cannot be read."""
    try:
        found = json.loads((out / LISTING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = isinstance(found, dict) and isinstance(found.get("files"), dict)
    return found if known else {}


def _remove(out: Path, place: str) -> None:
    """Remove one file of an earlier report; a listing that names another place was not written by a report."""
    folder, _, name = place.partition("/")
    if folder in FOLDERS and name == Path(name).name:
        (out / folder / name).unlink(missing_ok=True)


def _write(place: Path, content: bytes) -> None:
    """Write beside and rename, so that nobody reads half a file."""
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(place)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
