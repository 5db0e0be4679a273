"""Refuse flags that have no effect with the other flags, so that no user believes they had one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from prunekit.errors import UsageError

Given = Mapping[str, Any]


class Ignored(NamedTuple):
    """A flag, when it is set, when it has an effect, and the remedy."""

    flag: str
    is_set: Callable[[Given], bool]
    means: Callable[[Given], bool]
    why: str


RUN: tuple[Ignored, ...] = (
    Ignored(
        "--out",
        lambda given: given["out"] is not None,
        lambda given: not given["dry_run"],
        "a dry run writes no report",
    ),
    Ignored(
        "--calibrate/--no-calibrate",
        lambda given: given["calibrate"] is not None,
        lambda given: bool(given["dry_run"]),
        "it applies only with --dry-run",
    ),
    Ignored(
        "--address",
        lambda given: given["address"] is not None,
        lambda given: given["executor"] == "ray",
        "it applies only with --executor ray",
    ),
    Ignored(
        "--per-gpu",
        lambda given: given["per_gpu"] != 1,
        lambda given: str(given["device"]).startswith("cuda"),
        "it applies only with --device cuda",
    ),
)

SIMILARITY: tuple[Ignored, ...] = (
    Ignored(
        "--top-k",
        lambda given: given["top_k"] is not None,
        lambda given: bool(given["churn"]),
        "it applies only with --churn",
    ),
    Ignored(
        "--error-seed",
        lambda given: given["error_seed"] is not None,
        lambda given: bool(given["churn"]),
        "it applies only with --churn",
    ),
)


def check(rules: tuple[Ignored, ...], given: Given) -> None:
    """Raise a :class:`UsageError` for the first flag that would change nothing."""
    for rule in rules:
        if rule.is_set(given) and not rule.means(given):
            raise UsageError(f"{rule.flag} would change nothing here: {rule.why}")
