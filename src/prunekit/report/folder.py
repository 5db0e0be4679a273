"""The report's folder: written file by file and completed by its list, so that an unchanged report is not redrawn.

Only files that an earlier report wrote are replaced or removed. The list holds a digest of every file; it is written
with the new digests before the first file, so that an interrupted report is recognised too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from prunekit.base import files
from prunekit.base.files import ForeignFileError
from prunekit.base.own_code import digest_of_code
from prunekit.errors import UsageError

LISTING = "files.json"
# The files that every report has, and fewer bytes than any report takes.
PAGE = "index.html"
ALWAYS, LEAST_BYTES = (PAGE, "findings.json"), 2**17
FOLDERS = ("", "figures", "tables")
TO_BE_DRAWN_AGAIN = ""  # no input has this digest
UNFINISHED, MADE_OF = "earlier", "made of"


def digest_of(content: Any) -> str:
    """One digest for a report's input and the code that draws it."""
    drawn_by = digest_of_code("prunekit.report", "matplotlib")
    return _sha256(f"{json.dumps(content, sort_keys=True)}\0{drawn_by}".encode())


def is_current(out: Path, digest: str) -> bool:
    """Whether the folder holds the report of this digest, with every file unchanged."""
    listing = _listing(out)
    return listing.get("input") == digest and _is_whole(out, listing)


def page_made_of(out: Path, made_of: str) -> Path | None:
    """The page of an intact report that was made of ``made_of``; None if there is none or ``made_of`` is empty."""
    listing = _listing(out) if made_of else {}
    return out / PAGE if listing and listing.get(MADE_OF) == made_of and _is_whole(out, listing) else None


def note_made_of(out: Path, made_of: str) -> None:
    """Record in a current report that it was also made of ``made_of``."""
    listing = _listing(out)
    if listing.get(MADE_OF, "") != made_of:
        _write_listing(out, {**listing, MADE_OF: made_of})


def _is_whole(out: Path, listing: Mapping[str, Any]) -> bool:
    return all(_digest_at(out / place) == checksum for place, checksum in listing["files"].items())


def write_all(out: Path, contents: Mapping[str, bytes], digest: str, made_of: str = "") -> None:
    """Write every file, remove those of an earlier report that this one lacks, and list them last.

    ``contents`` maps paths inside the folder to bytes; :func:`page_made_of` later finds the report by ``made_of``.
    :class:`UsageError`, and nothing is written, if ``out`` cannot be a folder, or a file that no report wrote is in
    the way.
    """
    earlier = _earlier(out)
    own = {place: _sha256(content) for place, content in contents.items()}
    known = frozenset(checksum for _, checksum in (*earlier, *own.items()))
    damaged = _damaged(out, dict(earlier))
    _check_free(out, contents, known, damaged)
    sizes = [len(content) for content in contents.values()]
    there = sum((out / place).stat().st_size for place in contents if (out / place).is_file())
    # Until a file is complete, it exists alongside the one that it replaces.
    files.check_place(out, "the report", wanted=max(0, sum(sizes) - there) + max(sizes, default=0))

    def recognised(file: BinaryIO) -> bool:
        return files.sha256(file) in known

    try:
        _write_listing(out, {"input": TO_BE_DRAWN_AGAIN, "files": own, UNFINISHED: dict(earlier)})
        _clean(out, {*own, *dict(earlier), LISTING})
        for place in sorted(contents):
            ours = None if place in damaged else recognised
            files.write(out / place, contents[place], within=out, ours=ours)
        for place in sorted(dict(earlier).keys() - own.keys()):
            if Path(place).parent.as_posix() in (".", *FOLDERS):
                files.remove(out / place, within=out, ours=recognised)
        _write_listing(out, {"input": digest, MADE_OF: made_of, "files": dict(sorted(own.items()))})
    except ForeignFileError as error:
        raise UsageError(f"cannot write the report to {str(out)!r}: {error}") from None


def check_folder(out: Path) -> None:
    """Before long work, refuse a folder that cannot take a report: foreign files, permissions, a full disk."""
    earlier = _earlier(out)
    _check_free(out, ALWAYS, frozenset(checksum for _, checksum in earlier), _damaged(out, dict(earlier)))
    files.check_place(out, "the report", wanted=LEAST_BYTES)


def _earlier(out: Path) -> list[tuple[str, str]]:
    """The paths and digests of the files that earlier reports wrote, finished or not."""
    listing = _listing(out)
    return [*listing.get("files", {}).items(), *listing.get(UNFINISHED, {}).items()]


def _write_listing(out: Path, listing: Mapping[str, Any]) -> None:
    files.write(out / LISTING, (json.dumps(listing, indent=1) + "\n").encode(), within=out, ours=_is_listing)


def _is_listing(file: BinaryIO) -> bool:
    return bool(_read_listing(file.read()))


def _damaged(out: Path, earlier: Mapping[str, str]) -> frozenset[str]:
    """Files of an earlier report that have changed since; empty if at least half of them have."""
    changed = frozenset(place for place, checksum in earlier.items() if _digest_at(out / place) != checksum)
    return changed if 2 * len(changed) < len(earlier) else frozenset()


def _check_free(out: Path, places: Iterable[str], known: Collection[str], damaged: Collection[str]) -> None:
    """Before the first file is written, refuse what would be refused at a later one."""
    if (out.exists() and not out.is_dir()) or any(parent.is_file() for parent in out.parents):
        raise UsageError(
            f"cannot write the report to {str(out)!r}: a file is in the way; name another folder"
        )
    for folder in FOLDERS[1:]:
        if (out / folder).is_symlink() or ((out / folder).exists() and not (out / folder).is_dir()):
            raise UsageError(
                f"cannot write the report to {str(out)!r}: {folder} is a link or a file; name another folder"
            )
    kept = (place for place in places if _exists(out / place) and place not in damaged)
    foreign = [place for place in kept if _digest_at(out / place) not in known]
    if (out / LISTING).exists() and not _listing(out):
        foreign.append(LISTING)
    if foreign:
        raise UsageError(
            f"cannot write the report to {str(out)!r}: {foreign[0]} exists and was not written by a "
            "report; move it away or name another folder"
        )


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _digest_at(path: Path) -> str | None:
    try:
        with files.regular(path, follow=False) as file:
            return files.sha256(file)
    except OSError:
        return None


def _clean(out: Path, places: Collection[str]) -> None:
    """Remove the partial files of interrupted reports."""
    for folder in FOLDERS:
        for path, name in files.parts(out / folder, within=out):
            if (Path(folder) / name).as_posix() in places:
                files.remove(path, within=out)


def _listing(out: Path) -> dict[str, Any]:
    """The list that an earlier report wrote here; empty if there is none or it cannot be read."""
    try:
        return _read_listing(files.read(out / LISTING))
    except OSError:
        return {}


def _read_listing(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or not isinstance(found.get("input"), str):
        return {}
    tables = [found.get("files"), found.get(UNFINISHED, {})]
    known = all(
        isinstance(table, dict) and all(isinstance(each, str) for each in table.values()) for table in tables
    )
    return found if known else {}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
