"""The names under which corrupted images are kept. No torch."""

from __future__ import annotations

import hashlib
import re

from prunekit.data.corruptions import GENERATOR_VERSION
from prunekit.distribution import Distribution


def made_name(distribution: Distribution, seed: int) -> str:
    """``made-digits_fog_3-v1-seed0``: never the name of a published file."""
    return f"made-{re.sub(r'[^A-Za-z0-9.]+', '_', str(distribution))[-80:]}-v{GENERATOR_VERSION}-seed{seed}"


def kept_name(distribution: Distribution, seed: int, pixels: memoryview) -> str:
    """The name with a digest of the unchanged images' bytes, which a file of the cache has."""
    return f"{made_name(distribution, seed)}-{hashlib.sha256(pixels).hexdigest()[:12]}"
