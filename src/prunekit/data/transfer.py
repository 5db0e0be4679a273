"""Fetch one file over HTTP: a cut transfer is resumed, and a file is used only if its size and checksum are right."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path
from time import monotonic
from typing import BinaryIO
from urllib.parse import urlsplit

from prunekit.base import files
from prunekit.data.downloads import RemoteFile
from prunekit.errors import PrunekitError
from prunekit.progress import SILENT, Bar, Progress

CHUNK = 1 << 20
# Connections that bring data may be cut this often before the user is asked to run the command again.
ATTEMPTS = 10
TIMEOUT_S = 60
SLOWEST, SECONDS_BETWEEN_LOOKS = 100, 8.0
# The limit if neither the publisher nor the server says how large a file is.
MOST_BYTES = 64 * 2**30
CUT = (OSError, http.client.HTTPException)


def download(file: RemoteFile, folder: Path, *, progress: Progress = SILENT) -> Path:
    """``file`` in ``folder``, whole and checked; what an interrupted attempt brought is kept and continued.

    :class:`PrunekitError` if the address gives another file (a web page, another size or checksum), the connection
    keeps being cut, or the disk is full.
    """
    whole, part = folder / file.name, folder / f"{file.name}.part"
    if whole.exists():
        verify(whole, file, progress=progress)
        return whole
    if urlsplit(file.url).scheme not in {"http", "https"}:
        raise PrunekitError(f"{file.url!r} is not a web address of a file")
    folder.mkdir(parents=True, exist_ok=True)
    found = _size(part)
    for attempt in range(ATTEMPTS):
        before = _size(part)
        try:
            _continue(file, part, progress)
            break
        except CUT as error:
            if attempt + 1 == ATTEMPTS or _size(part) == before:
                raise PrunekitError(_cut(file, part, error)) from None
    try:
        verify(part, file, progress=progress)
    except PrunekitError as error:
        if found:
            raise PrunekitError(
                f"{error} (the partial download belongs to another file: remove {part})"
            ) from None
        files.remove(part, within=folder)
        raise
    part.replace(whole)
    return whole


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _cut(file: RemoteFile, part: Path, error: Exception) -> str:
    why = getattr(error, "reason", None) or str(error) or type(error).__name__
    if not _size(part):
        return f"{file.url} cannot be reached: {why} (you can name a local copy with --from PATH)"
    known = f" of {file.size:,}" if file.size else ""
    return (
        f"{file.url}: interrupted after {_size(part):,}{known} bytes ({why}); run the same "
        "command again to resume"
    )


def _continue(file: RemoteFile, part: Path, progress: Progress) -> None:
    """Append what is missing; a server that cannot resume makes it start over."""
    start = _size(part)
    if file.size is not None and start >= file.size:
        return
    headers = {"User-Agent": "prunekit", "Accept-Encoding": "identity"}
    request = urllib.request.Request(  # noqa: S310 (the scheme is checked above)
        file.url, headers=headers | ({"Range": f"bytes={start}-"} if start else {})
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            start = _resumed(file, answer, start) if answer.status == http.HTTPStatus.PARTIAL_CONTENT else 0
            length = _expected(file, answer, start)
            with progress.bar(file.name, length or 0, "bytes") as bar:
                bar.advance(start)
                _receive(answer, part, start, length, bar)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return
        said = "".join(filter(str.isprintable, str(error.reason)))
        raise PrunekitError(f"{file.url}: the server says {error.code} {said}") from None


def _resumed(file: RemoteFile, answer: http.client.HTTPResponse, start: int) -> int:
    """Where a partial answer begins, which must be the requested position."""
    said = answer.headers.get("Content-Range", "")
    if said and not said.startswith(f"bytes {start}-"):
        raise PrunekitError(f"{file.url} returned another part of {file.name} than requested")
    return start


def _expected(file: RemoteFile, answer: http.client.HTTPResponse, start: int) -> int | None:
    """The whole file's size; an answer that cannot be the file is refused before a byte is written."""
    if answer.headers.get_content_type() == "text/html":
        raise PrunekitError(f"{file.url} returned a web page, not {file.name}")
    length = answer.headers.get("Content-Length", "")
    offered = start + int(length) if length.isascii() and length.isdigit() else None
    if file.size is not None and offered is not None and offered != file.size:
        raise PrunekitError(f"{file.url} offers {offered:,} bytes, not the {file.size:,} of {file.name}")
    return offered if offered is not None else file.size


def _receive(answer: http.client.HTTPResponse, part: Path, start: int, length: int | None, bar: Bar) -> None:
    """Write what comes, until it ends or is longer than expected; give up on an answer that is too slow."""
    received = start
    most = MOST_BYTES if length is None else length
    pace = Pace()
    with _opened(part, "ab" if start else "wb") as sink:
        while received <= most and (chunk := answer.read1(CHUNK)):
            write(sink, chunk, part)
            received += len(chunk)
            bar.advance(len(chunk))
            if pace.too_slow(len(chunk)):
                raise PrunekitError(
                    f"{part.stem}: the server sends less than {SLOWEST} bytes per second; run the same "
                    "command again to resume"
                )
    if length is not None and received < length:
        raise ConnectionError("connection closed early")


class Pace:
    """How fast bytes arrive, checked every few seconds."""

    def __init__(self) -> None:
        self._since, self._bytes = monotonic(), 0

    def too_slow(self, more: int) -> bool:
        """Whether fewer than ``SLOWEST`` bytes a second arrived since the last check; counts ``more``."""
        self._bytes += more
        seconds = monotonic() - self._since
        if seconds < SECONDS_BETWEEN_LOOKS:
            return False
        slow = self._bytes < SLOWEST * seconds
        self._since, self._bytes = monotonic(), 0
        return slow


def _opened(path: Path, mode: str) -> BinaryIO:
    try:
        return open(path, mode, opener=_no_link)  # type: ignore[return-value]
    except OSError as error:
        raise PrunekitError(f"cannot write {path}: {error.strerror}") from None


def _no_link(path: str, how: int) -> int:
    return os.open(path, how | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)


def write(sink: BinaryIO, chunk: bytes, path: Path) -> None:
    """Write, and distinguish a full disk from a cut connection."""
    try:
        sink.write(chunk)
        sink.flush()
    except OSError as error:
        raise PrunekitError(f"cannot write {path}: {error.strerror}") from None


def _readable(path: Path) -> BinaryIO:
    try:
        return files.regular(path)
    except OSError as error:
        raise PrunekitError(f"cannot read {path}: {error.strerror}") from None


def verify(path: Path, file: RemoteFile, *, progress: Progress = SILENT) -> None:
    """Raise a :class:`PrunekitError` unless ``path`` has the size and the checksum of ``file``."""
    size = _size(path)
    if file.size is not None and size != file.size:
        raise PrunekitError(f"{path} has {size:,} bytes, not the {file.size:,} of {file.name}")
    kind, _, expected = file.checksum.partition(":")
    # The publishers state MD5; it detects damage, its only purpose here.
    digest = hashlib.new(kind, usedforsecurity=False)
    with _readable(path) as source, progress.bar(f"check {file.name}", size, "bytes") as bar:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            bar.advance(len(chunk))
    if digest.hexdigest() != expected:
        raise PrunekitError(f"{path} is not {file.name}: its {kind} is {digest.hexdigest()}, not {expected}")
