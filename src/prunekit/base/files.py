"""The only module that writes and deletes files, or opens files that others may have placed.

Nothing is written, replaced or deleted through a link below the folder ``within``. An existing file is replaced or
deleted only if ``ours`` recognises it by its content. Only regular files are read, so that a FIFO or a device never
makes a command wait.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from prunekit.errors import PrunekitError, UsageError

PART = ".part"
TOKEN_BYTES = 6
_PART_NAME = re.compile(rf"\.(?P<name>.+)\.[0-9a-f]{{{2 * TOKEN_BYTES}}}{re.escape(PART)}")
MOST_CLEANED = 3
MB = 10**6
CHUNK = 1 << 20
HEAD_BYTES = 1 << 12
# A larger file with less than one byte in SPARSEST on disk has no content: no compression is that strong.
SPARSE_BYTES, SPARSEST, BLOCK_BYTES = 64 * 2**20, 1000, 512
# Errors of file systems that cannot sync a folder (CIFS, some FUSE, 9p); the file itself is still synced.
NO_FOLDER_SYNC = {
    errno.EINVAL,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EBADF,
    errno.EPERM,
    errno.EACCES,
}
# Errors that another place on the same disk would not mend.
FAILING_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO}
Ours = Callable[[BinaryIO], bool]


class ForeignFileError(PrunekitError):
    """A file, link or folder that prunekit did not write is in the place where it would write or delete."""


def regular(path: Path, *, folder: int | None = None, follow: bool = True) -> BinaryIO:
    """``path`` open for reading; an ``OSError`` if it is a folder, FIFO, socket or device."""
    how = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    handle = os.open(path, how, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return os.fdopen(handle, "rb")
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(handle)
        raise


def is_hollow(status: os.stat_result) -> bool:
    """Whether a file is almost entirely sparse: reading it would take hours and find nothing."""
    return status.st_size > SPARSE_BYTES and status.st_blocks * BLOCK_BYTES * SPARSEST < status.st_size


def sha256(file: BinaryIO) -> str:
    """The digest of an open file, in hexadecimal digits; an ``OSError`` if it is hollow."""
    check_not_hollow(file)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def read(path: Path, *, most: int | None = None) -> bytes:
    """The bytes of a regular file, at most ``most`` if given; an ``OSError`` if it is hollow."""
    with regular(path) as file:
        if most is not None:
            return file.read(most)
        check_not_hollow(file)
        return file.read()


def read_end(path: Path, most: int) -> bytes:
    """The last ``most`` bytes of a regular file, or all if it is shorter."""
    with regular(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return file.read(most)


def check_not_hollow(file: BinaryIO) -> None:
    """Raise an ``OSError`` if the file is almost entirely sparse."""
    if is_hollow(os.fstat(file.fileno())):
        raise OSError(errno.EINVAL, "it is almost empty although its length is large (a sparse file)")


def write(
    path: Path, *data: bytes | memoryview, within: Path, ours: Ours | None = None, mode: int | None = None
) -> None:
    """Write ``data`` to ``path``, whole or not at all: written to a file next to it, synced, renamed.

    ``ours`` recognises by its content a file that may be replaced (unset: any regular file); ``mode`` are the
    permissions if the user's umask should not decide. A one-line :class:`PrunekitError` if the file may not be
    replaced, the disk is full or the folder is read-only; nothing is left behind then.
    """
    try:
        within.mkdir(parents=True, exist_ok=True)
        with _folder(within, path.parent, make=True) as folder:
            _check_replaceable(path, folder, ours)
            _put(path.name, data, folder, mode)
            sync_folder(folder)
    except OSError as error:
        raise PrunekitError(f"cannot write {path}: {error.strerror or error}") from None


def _put(name: str, data: Sequence[bytes | memoryview], folder: int, mode: int | None) -> None:
    """Write a temporary file and rename it; retry if a clean-up removed it as a leftover."""
    for _ in range(MOST_CLEANED):
        if _written_beside(name, data, folder, mode):
            return
    raise OSError(errno.ENOENT, "another program removed it while it was being written")


def _written_beside(name: str, data: Iterable[bytes | memoryview], folder: int, mode: int | None) -> bool:
    """Whether the file is in its place; False if the temporary file was removed before the rename."""
    beside = f".{name}.{secrets.token_hex(TOKEN_BYTES)}{PART}"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.writelines(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except FileNotFoundError:
        return False
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside, dir_fd=folder)
        raise
    return True


def write_named(path: Path, text: str, *, ours: Ours | None = None) -> None:
    """Write ``text`` to a user's path, whole or not at all: follows links, and writes directly to a non-file.

    A non-file is ``/dev/stdout`` or a pipe. A one-line :class:`PrunekitError` if it cannot be written, or if ``ours``
    does not recognise an existing file.
    """
    data = text.encode()
    if _is_stream(path):
        try:
            with path.open("ab") as stream:
                stream.write(data)
        except OSError as error:
            raise PrunekitError(f"cannot write {path}: {error.strerror or error}") from None
    else:
        place = path.resolve()
        write(place, data, within=place.parent, ours=ours)


def _is_stream(path: Path) -> bool:
    """Whether writes there are a stream in order of writing, such as ``/dev/stdout``, even if redirected to a file."""
    return path.parts[:2] in (("/", "dev"), ("/", "proc")) or (
        path.exists() and not path.is_file() and not path.is_dir()
    )


def check_named(path: Path, *, ours: Ours | None = None) -> None:
    """Refuse, before long work, a path that :func:`write_named` would refuse after it."""
    if _is_stream(path):
        return
    check_place(path.parent, path.name)
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file")
    if path.is_file() and not _is_ours(str(path.resolve()), None, ours):
        raise UsageError(f"{path} exists, and was not written by prunekit: move it away or name another file")


def holding(mark: bytes) -> Ours:
    """Recognises a file by a mark near its beginning; an empty file (of ``mktemp``, ``touch``) also counts as ours."""

    def ours(file: BinaryIO) -> bool:
        head = file.read(HEAD_BYTES)
        return not head or mark in head

    return ours


def check_place(place: Path, what: str, *, wanted: int = 0) -> None:
    """Refuse, before long work, a folder that cannot be made or written to, or lacks ``wanted`` free bytes.

    ``what`` names what will be written there. Nothing is left behind: the test file has no name. :class:`UsageError`
    if another place is needed, :class:`PrunekitError` if the disk is full or fails.
    """
    nearest = next(folder for folder in (place, *place.absolute().parents) if os.path.lexists(folder))
    if not nearest.is_dir():
        raise UsageError(
            f"cannot write {what} to {str(place)!r}: {nearest} is not a folder; name another place"
        )
    try:
        if max(len(os.fsencode(part)) for part in place.absolute().parts) > os.pathconf(
            nearest, "PC_NAME_MAX"
        ):
            raise UsageError(f"cannot write {what} to {str(place)!r}: {os.strerror(errno.ENAMETOOLONG)}")
        with tempfile.TemporaryFile(dir=nearest) as tried:
            tried.write(b"-")
        free = shutil.disk_usage(nearest).free
    except OSError as error:
        kind = PrunekitError if error.errno in FAILING_DISK else UsageError
        raise kind(
            f"cannot write {what} to {str(place)!r}: {nearest}: {error.strerror}; name another place"
        ) from None
    if free < wanted:
        raise PrunekitError(
            f"cannot write {what} to {str(place)!r}: it needs {wanted / MB:.1f} MB, but only "
            f"{free / MB:.1f} MB are free"
        )


def sync_folder(handle: int) -> None:
    """Make a rename durable; skipped on file systems that cannot sync folders."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_FOLDER_SYNC:
            raise


def append(path: Path, line: bytes, *, within: Path) -> None:
    """Append one line in one write, so that lines of several processes do not mix; an ``OSError`` on failure."""
    opened = handle(path, within=within, how=os.O_WRONLY | os.O_APPEND)
    try:
        os.write(opened, line)
    finally:
        os.close(opened)


def handle(path: Path, *, within: Path, how: int = os.O_RDWR) -> int:
    """A handle of the regular file at ``path``, created if missing; an ``OSError`` if it is not a regular file."""
    within.mkdir(parents=True, exist_ok=True)
    with _folder(within, path.parent, make=True) as folder:
        how |= os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        opened = os.open(path.name, how, 0o644, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, f"{path} is not a regular file")
    return opened


def remove(path: Path, *, within: Path, ours: Ours | None = None) -> bool:
    """Delete a regular file that ``ours`` recognises and return whether it was deleted; other files are kept."""
    try:
        with _folder(within, path.parent) as folder:
            if not _is_ours(path.name, folder, ours):
                return False
            os.unlink(path.name, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError, ForeignFileError):
        return False
    except OSError as error:
        raise PrunekitError(f"cannot delete {path}: {error.strerror or error}") from None
    return True


def listed(folder: Path, *, within: Path) -> list[str]:
    """Names of the regular files in a folder reached without a link; empty if there is no such folder."""
    try:
        with _folder(within, folder) as handle, os.scandir(handle) as entries:
            return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except (OSError, ForeignFileError):
        return []


def parts(folder: Path, *, within: Path) -> list[tuple[Path, str]]:
    """The half-written files in a folder reached without a link, each with the name of its finished file."""
    found = ((name, _PART_NAME.fullmatch(name)) for name in listed(folder, within=within))
    return [(folder / name, part["name"]) for name, part in found if part]


@contextmanager
def _folder(within: Path, folder: Path, *, make: bool = False) -> Iterator[int]:
    """A handle of ``folder``, reached from ``within`` (which may itself be a link) step by step without links."""
    handle = os.open(within, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in folder.relative_to(within).parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=handle)
            inner = _step(name, handle, folder)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _step(name: str, handle: int, folder: Path) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise ForeignFileError(
                f"{folder} cannot be used: {name} is a link or a file, not a folder (move it away)"
            ) from None
        raise


def _check_replaceable(path: Path, folder: int, ours: Ours | None) -> None:
    try:
        os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not _is_ours(path.name, folder, ours):
        raise ForeignFileError(
            f"cannot write {path}: the existing file was not written by prunekit (move it away)"
        )


def _is_ours(name: str, folder: int | None, ours: Ours | None) -> bool:
    """Whether a regular file is recognised; a link, a FIFO or a folder never is."""
    try:
        with regular(Path(name), folder=folder, follow=False) as file:
            return ours is None or ours(file)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.EISDIR):
            return False
        raise
