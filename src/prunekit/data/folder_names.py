"""What is in an image folder, by its names alone: no torch, so that a wrong folder is told before anything runs."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from prunekit.data.contents import Contents, read_contents
from prunekit.errors import UsageError

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm")
LAYOUT = "expected train/<class>/*.jpg and test/<class>/*.jpg"


class Listing(NamedTuple):
    """The image files of one split in order of class, then name; ``labels[i]`` is the class of ``paths[i]``."""

    paths: list[Path]
    labels: list[int]


def check(path: str) -> None:
    """Raise a :class:`UsageError` unless ``path`` holds the splits, with the same classes, none of them empty."""
    folder = Path(path).expanduser()
    classes = class_names(folder)
    for split in splits_of(folder):
        for name in classes:
            if not any(_is_image(file) for file in (folder / split / name).iterdir()):
                raise _empty(folder / split / name)


def contents(path: str, keep: Path) -> Contents:
    """What the images of every split hold; ``keep`` is the data folder."""
    folder = Path(path).expanduser().resolve()
    classes = class_names(folder)
    listings = [list_split(folder / split, classes) for split in splits_of(folder)]
    return read_contents(folder, [image for listing in listings for image in listing.paths], keep=keep)


def splits_of(folder: Path) -> tuple[str, ...]:
    """``train`` and ``test``, and ``valid`` where there is one."""
    return ("train", "valid", "test") if (folder / "valid").is_dir() else ("train", "test")


def class_names(folder: Path) -> tuple[str, ...]:
    """The class folders, sorted: a class's place is its label. The splits must agree on them."""
    if not folder.is_dir():
        raise UsageError(f"folder:{folder}: there is no such folder")
    classes = _class_folders(folder, "train")
    for split in splits_of(folder)[1:]:
        odd = set(classes) ^ set(_class_folders(folder, split))
        if odd:
            raise UsageError(f"folder:{folder}: class {min(odd)!r} is in only one of train/ and {split}/")
    return classes


def _class_folders(folder: Path, split: str) -> tuple[str, ...]:
    if not (folder / split).is_dir():
        raise UsageError(f"folder:{folder} has no {split}/ folder ({LAYOUT})")
    found = (entry.name for entry in (folder / split).iterdir() if entry.is_dir())
    classes = tuple(sorted(name for name in found if not name.startswith(".")))
    if not classes:
        raise UsageError(f"folder:{folder} has no class folders in {split}/ ({LAYOUT})")
    return classes


def list_split(folder: Path, classes: tuple[str, ...]) -> Listing:
    """Every image under ``folder/<class>/``; an empty class is a :class:`UsageError`."""
    listing = Listing([], [])
    for label, name in enumerate(classes):
        files = sorted(filter(_is_image, (folder / name).iterdir()), key=attrgetter("name"))
        if not files:
            raise _empty(folder / name)
        listing.paths.extend(files)
        listing.labels.extend([label] * len(files))
    return listing


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_ENDINGS and not file.name.startswith(".")


def _empty(folder: Path) -> UsageError:
    return UsageError(f"class folder {folder} has no images ({', '.join(IMAGE_ENDINGS)})")
