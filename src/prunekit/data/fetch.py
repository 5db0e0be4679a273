"""``prunekit data get`` and ``data ls``: get published data sets into the data folder, and list them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prunekit.base import files
from prunekit.data.datasets import DATASETS, SHIFTED
from prunekit.data.downloads import DOWNLOADS, Download, RemoteFile
from prunekit.data.transfer import download, verify
from prunekit.data.unpack import unpack
from prunekit.errors import PrunekitError, UsageError
from prunekit.progress import SILENT, Progress

DOWNLOADED = "downloads"


def get(
    name: str, root: Path, *, source: Path | None = None, offline: bool = False, progress: Progress = SILENT
) -> list[Path]:
    """Put the files of data set ``name`` under ``root``; existing ones are left alone.

    ``source``: a folder that holds the published files (or the one file itself), read instead of the network. Returns
    the places filled. :class:`UsageError` for an unknown name, or if only the user can get the files;
    :class:`PrunekitError` for a download or an archive that is not what was published.
    """
    wanted = DOWNLOADS[name]
    missing = [file for file in wanted.files if not all((root / place).exists() for place in file.places)]
    absent = [place for place in wanted.places if not (root / place).exists()]
    if not absent:
        return []
    found = _obtainable(name, wanted, missing, root, source=source, offline=offline)
    for file, local in found:
        before = (root / DOWNLOADED / file.name).exists()
        archive = local or download(file, root / DOWNLOADED, progress=progress)
        if local:
            verify(local, file, progress=progress)
        _put(archive, file, root, progress=progress)
        if not local and not before:
            files.remove(archive, within=root)
    return [root / place for file, _ in found for place in file.places]


def _obtainable(
    name: str, wanted: Download, missing: list[RemoteFile], root: Path, *, source: Path | None, offline: bool
) -> list[tuple[RemoteFile, Path | None]]:
    """The missing files, each with its local copy if it is to come from ``source``; an error if there are none."""
    if wanted.by_hand and (source is None or not missing):
        raise UsageError(f"{name} cannot be downloaded: {wanted.by_hand} (data folder: {root})")
    if source is None:
        if offline:
            raise UsageError(
                f"{name} is not in {root}, and prunekit is offline: name a local copy with --from PATH"
            )
        return [(file, None) for file in missing]
    found: list[tuple[RemoteFile, Path | None]] = [
        (file, local) for file in missing if (local := _local(file, source)).is_file()
    ]
    if not found:
        names = ", ".join(file.name for file in missing)
        raise UsageError(f"{source} does not hold {name}: looked for {names}")
    return found


def _local(file: RemoteFile, source: Path) -> Path:
    return source if source.name == file.name else source / file.name


def _put(archive: Path, file: RemoteFile, root: Path, *, progress: Progress) -> None:
    if file.archive:
        unpack(archive, file, root, progress=progress)
    else:
        copy(archive, root / file.places[0], within=root)


def copy(source: Path, place: Path, *, within: Path | None = None) -> None:
    """Copy ``source`` to ``place``, completely or not at all; no link below ``within`` is followed."""
    try:
        data = files.read(source)
    except OSError as error:
        raise PrunekitError(f"cannot read {source}: {error.strerror}") from None
    files.write(place, data, within=within or place.parent)


def listing(root: Path) -> list[dict[str, Any]]:
    """One row per data set: ``name``, ``there``, ``missing`` (paths under ``root``), ``get`` (how), ``source``."""
    rows = [(name, row.source) for table in (DATASETS, SHIFTED) for name, row in table.working()]
    return [_listed(name, source, root) for name, source in rows]


def _listed(name: str, source: str, root: Path) -> dict[str, Any]:
    wanted = DOWNLOADS[name] if name in DOWNLOADS else Download()
    missing = [place for place in wanted.places if not (root / place).exists()]
    how = (wanted.by_hand or f"prunekit data get {name}") if missing else ""
    return {"name": name, "there": not missing, "missing": missing, "get": how, "source": source}
