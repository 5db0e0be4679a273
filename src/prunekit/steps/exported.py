"""Read back a folder that ``prunekit export`` wrote: its network, and the import fields in its config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from prunekit.base import files
from prunekit.errors import UsageError

LARGEST_CONFIG = 1 << 24
FILES = ("model.safetensors", "model.pt2", "model.onnx")
# The config entries that are import fields; the config's "size" is the import's image_size.
FIELDS = ("mean", "std", "resize", "crop", "interpolation", "channels")


class ExportedFolder(NamedTuple):
    """The network's file, and its import fields."""

    path: Path
    fields: dict[str, Any]


def read_folder(folder: Path) -> ExportedFolder:
    """The content of the folder; a :class:`UsageError` if ``prunekit export`` did not write it."""
    found = [folder / name for name in FILES if (folder / name).is_file()]
    try:
        config = json.loads(files.read(folder / "config.json", most=LARGEST_CONFIG))
    except (OSError, ValueError, RecursionError):
        config = None
    if len(found) != 1 or not isinstance(config, dict) or "size" not in config:
        raise UsageError(
            f"{folder} is a folder, but not one that `prunekit export` wrote: name the weights file in it"
        )
    fields = {name: config[name] for name in FIELDS if config.get(name) is not None}
    fields["image_size"] = config["size"]
    if found[0].suffix == ".safetensors":
        fields["arch"] = config.get("arch")
    return ExportedFolder(found[0], fields)
