"""Which files of a Hugging Face data set on disk belong to which split: no torch, no pyarrow."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from prunekit.data.contents import Contents, read_contents
from prunekit.data.folder_names import IMAGE_ENDINGS, located
from prunekit.errors import UsageError

ENDINGS = (".parquet", ".arrow")
# The split by the beginning of such a file's name; "test" falls back on "valid".
STARTS = {"train": "train", "val": "valid", "test": "test"}
LAYOUT = "expected train-*.parquet and test-*.parquet, or train/*.arrow and test/*.arrow"


def check(path: str, split: str = "test") -> None:
    """Raise a :class:`UsageError` unless ``path`` holds training and test files and pyarrow is installed."""
    located(path, "hf")
    splits(Path(path).expanduser())
    if find_spec("pyarrow") is None:
        raise UsageError(f"hf:{path} needs pyarrow: pip install 'prunekit[hf]'")


def contents(path: str, keep: Path) -> Contents:
    """The contents of the files of every split and of the images beside them; ``keep`` is the data folder."""
    folder = located(path, "hf")
    tables = [file for found in splits(folder).values() for file in found]
    beside = sorted(file for file in folder.rglob("*") if file.suffix.lower() in IMAGE_ENDINGS)
    return read_contents(folder, [*tables, *beside], keep=keep)


def splits(folder: Path) -> dict[str, list[Path]]:
    """The files of ``train``, ``test`` and (if there is one in addition to test) ``valid``, in order of their names."""
    found: dict[str, list[Path]] = {}
    for file in sorted(file for file in folder.rglob("*") if file.suffix in ENDINGS):
        split = _split_of(file.relative_to(folder))
        if split:
            found.setdefault(split, []).append(file)
    if "test" not in found and "valid" in found:
        found["test"] = found.pop("valid")
    for split in ("train", "test"):
        if split not in found:
            raise UsageError(f"hf:{folder} has no files of the {split} split ({LAYOUT})")
    return {split: found[split] for split in ("train", "valid", "test") if split in found}


def _split_of(file: Path) -> str | None:
    """The split that the file's name begins with, or else its folder's name."""
    for name in (file.name, file.parent.name):
        for start, split in STARTS.items():
            if name.startswith(start):
                return split
    return None
