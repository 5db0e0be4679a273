"""When a network is no better than guessing: it has no accuracy to lose, and no verdict on it means anything."""

from __future__ import annotations

import math


def guessing(classes: int, top_k: int = 1) -> float | None:
    """The error of guessing, ``1 - top_k / classes``; None if ``top_k`` covers every class."""
    return 1 - top_k / classes if classes > top_k else None


def is_at_chance(error: float, chance: float | None, n: int) -> bool:
    """Whether an error on ``n`` images is within two standard errors of guessing, or above it."""
    if chance is None:
        return False
    return error >= chance - 2 * math.sqrt(chance * (1 - chance) / n)
