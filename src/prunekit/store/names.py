"""Names of the files in a store."""

from __future__ import annotations

import re

SUFFIX = ".safetensors"
MASK_PREFIX = "mask:"
# The file that marks a folder as a store, and what it says.
MARKER = "prunekit-store"
MARK = b"This folder is a store of prunekit: what is in it is written, checked and cleaned up by prunekit.\n"
KEY = re.compile(r"[a-z]+-[0-9a-f]{16}(@[0-9]+)?")
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def is_key(name: str) -> bool:
    """Whether a name has the form of a key."""
    return bool(KEY.fullmatch(name))
