"""Unpack a tar archive completely or not at all, and write nothing outside its folder."""

from __future__ import annotations

import gzip
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from prunekit.data.downloads import RemoteFile
from prunekit.errors import PrunekitError
from prunekit.progress import SILENT, Progress

# Python's tar reader does not check numbers and names, so damage raises many kinds of exception.
DAMAGED = (
    *(tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(ValueError, OverflowError, RecursionError, KeyError, IndexError, TypeError),
)
MARKER, CONTENT = "prunekit-unpack", "content"


def unpack(archive: Path, file: RemoteFile, root: Path, *, progress: Progress = SILENT) -> None:
    """Put the contents of ``archive`` into their places under ``root``; existing places are left alone.

    :class:`PrunekitError` for an archive that is damaged, lacks what it should hold, or holds links, devices or paths
    that leave their folder: nothing of it is kept.
    """
    with _beside(root, file.name) as folder:
        _extract(archive, folder, progress)
        if file.nested:
            _extract_inner(folder)
        for source, place in _moves(folder, file, root):
            if not source.exists():
                raise PrunekitError(
                    f"{archive} does not contain {source.relative_to(folder)}: it is another archive"
                )
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                source.replace(place)


@contextmanager
def _beside(root: Path, name: str) -> Iterator[Path]:
    """A temporary folder on the disk of ``root``, removed afterwards; what a killed run left in it is removed first."""
    folder = root / f".unpack-{name}"
    _check_free(folder)
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        (folder / MARKER).touch()
        yield folder / CONTENT
    except OSError as error:
        raise PrunekitError(f"cannot unpack into {root}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_free(folder: Path) -> None:
    """Refuse a folder that is not what a killed run left behind."""
    known = {MARKER, CONTENT}
    if not folder.is_symlink() and not folder.exists():
        return
    if folder.is_symlink() or not folder.is_dir() or {each.name for each in folder.iterdir()} - known:
        raise PrunekitError(f"{folder} is in the way, and was not made by prunekit: move it away")


def _moves(folder: Path, file: RemoteFile, root: Path) -> list[tuple[Path, Path]]:
    sources = [folder / path for path in file.contents] or [folder]
    return list(zip(sources, (root / place for place in file.places), strict=True))


def _extract(archive: Path, folder: Path, progress: Progress) -> None:
    folder.mkdir()
    try:
        with tarfile.open(archive) as tar, progress.bar(f"unpack {archive.name}", 0, "files") as bar:
            # Python's own guard as well as ours (3.11.4 and later have it).
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            for member in tar:
                _check_member(member, archive)
                tar.extract(member, folder)
                bar.advance(1)
    except DAMAGED as error:
        raise PrunekitError(f"{archive} is damaged: {' '.join(str(error).split())}") from None


def _check_member(member: tarfile.TarInfo, archive: Path) -> None:
    """Data sets are files and folders: anything else, or a path that leaves the folder, is refused."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise PrunekitError(
            f"{archive} contains a path outside its folder: {member.name!r}; nothing was unpacked"
        )
    if not (member.isfile() or member.isdir()):
        raise PrunekitError(
            f"{archive} contains {member.name!r}, which is neither a file nor a folder; nothing was unpacked"
        )


def _extract_inner(folder: Path) -> None:
    """Every archive in ``folder`` becomes a folder of its name."""
    for archive in sorted(folder.glob("*.tar")):
        _extract(archive, archive.with_suffix(""), SILENT)
        archive.unlink()
