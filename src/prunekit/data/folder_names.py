"""The contents of an image folder by its file names: no torch, so a wrong folder is reported before anything runs."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from prunekit.data.contents import Contents, read_contents
from prunekit.distribution import Distribution, meant, unescaped
from prunekit.errors import UsageError

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff")
LAYOUT = "expected train/<class>/*.jpg and test/<class>/*.jpg"


class Listing(NamedTuple):
    """The image files of one split in order of class, then name; ``labels[i]`` is the class of ``paths[i]``."""

    paths: list[Path]
    labels: list[int]


def check(path: str, split: str = "test") -> None:
    """Raise a :class:`UsageError` unless ``path`` has ``split``, and no class in any of its splits is empty."""
    located(path)
    folder = Path(path).expanduser()
    classes = class_names(folder)
    places = split_folders(folder)
    if split == "train" and "train" not in places:
        raise UsageError(
            f"folder:{folder} has no train/ folder ({LAYOUT}): it can be used only for measuring"
        )
    for place in places.values():
        for name in classes:
            if not any(map(_is_image, os.listdir(place / name))):
                raise _empty(place / name)


def located(path: str, place: str = "folder") -> Path:
    """The resolved path of an image folder, or of another ``place``; a :class:`UsageError` if there is none."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise not_there(f"{place}:{folder}", folder)
    return folder.resolve()


def not_there(name: str, folder: Path) -> UsageError:
    """The error for a place ``name`` whose folder does not exist: what was meant, or where prunekit looked."""
    if shifted := meant(name):
        return UsageError(f"{name}: there is no such folder; did you mean {shifted!r}?")
    if folder.is_absolute() or folder.exists():
        return UsageError(f"{name}: there is no such folder")
    return UsageError(
        f"{name}: there is no such folder in {Path.cwd()}; a relative path is relative to the "
        f"working directory: change to the folder that contains {folder}, or link it here (ln -s "
        f"/where/it/is {folder})"
    )


def contents(path: str, keep: Path) -> Contents:
    """The contents of the images of every split; ``keep`` is the data folder."""
    folder = located(path)
    listings = listings_of(folder, class_names(folder)).values()
    return read_contents(folder, [image for listing in listings for image in listing.paths], keep=keep)


def listings_of(folder: Path, classes: tuple[str, ...]) -> dict[str, Listing]:
    """The images of every split that exists."""
    return {split: list_split(place, classes) for split, place in split_folders(folder).items()}


def image_paths(distribution: Distribution) -> list[Path]:
    """The files of an image folder's split, in the order of its examples; empty if there is no such folder."""
    place, _, path = distribution.dataset.partition(":")
    folder = Path(unescaped(path)).expanduser().resolve()
    if place != "folder" or not folder.is_dir():
        return []
    listed = split_folders(folder).get(distribution.split)
    return list_split(listed, class_names(folder)).paths if listed else []


def split_folders(folder: Path) -> dict[str, Path]:
    """Where the splits are: ``train``, ``valid`` (``valid/`` or ``val/``) and ``test``.

    Without ``test/`` the validation images are the test split; a folder with only class folders is a test split.
    """
    there = {name: folder / name for name in ("train", "valid", "val", "test") if (folder / name).is_dir()}
    if "valid" in there and "val" in there:
        raise UsageError(f"folder:{folder} has both valid/ and val/: remove one of them")
    valid = there.get("valid") or there.get("val")
    found = {"train": there.get("train"), "valid": valid, "test": there.get("test")}
    if found["test"] is None:
        found |= {"valid": None, "test": valid}
    if not there:
        found["test"] = folder
    places = {split: place for split, place in found.items() if place is not None}
    if "test" not in places:
        raise UsageError(f"folder:{folder} has no test/ folder ({LAYOUT})")
    return places


def class_names(folder: Path) -> tuple[str, ...]:
    """The class folders, sorted: a class's position is its label. All splits must have the same classes."""
    places = list(split_folders(folder).values())
    classes = _class_folders(folder, places[0])
    for place in places[1:]:
        odd = set(classes) ^ set(_class_folders(folder, place))
        if odd:
            raise UsageError(
                f"folder:{folder}: class {min(odd)!r} is in only one of {places[0].name}/ and {place.name}/"
                f"{_written_otherwise(min(odd), odd)}"
            )
    return classes


def _written_otherwise(name: str, names: Collection[str]) -> str:
    """Says that one of ``names`` looks the same: other capitals, or other code points for one letter (é of macOS)."""

    def looks(name: str) -> str:
        return normalize("NFC", name).casefold()

    same = [other for other in sorted(names) if other != name and looks(other) == looks(name)]
    return f" ({name!a} and {same[0]!a} are two names: rename one)" if same else ""


def _class_folders(folder: Path, place: Path) -> tuple[str, ...]:
    found = (entry.name for entry in place.iterdir() if entry.is_dir())
    classes = tuple(sorted(name for name in found if not name.startswith(".")))
    if not classes:
        where = "" if place == folder else f" in {place.name}/"
        raise UsageError(f"folder:{folder} has no class folders{where} ({LAYOUT})")
    return classes


def list_split(folder: Path, classes: tuple[str, ...]) -> Listing:
    """Every image under ``folder/<class>/``; an empty class is a :class:`UsageError`."""
    listing = Listing([], [])
    for label, name in enumerate(classes):
        place = folder / name
        images = sorted(filter(_is_image, os.listdir(place)))
        if not images:
            raise _empty(place)
        listing.paths.extend(place / image for image in images)
        listing.labels.extend([label] * len(images))
    return listing


def _is_image(name: str) -> bool:
    return name.lower().endswith(IMAGE_ENDINGS) and not name.startswith(".")


def _empty(folder: Path) -> UsageError:
    return UsageError(f"class folder {folder} has no images ({', '.join(IMAGE_ENDINGS)})")
