"""Flags that would have no effect beside others: refused, so that they are not believed to have had one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from prunekit.errors import UsageError

Given = Mapping[str, Any]


class Ignored(NamedTuple):
    """A flag, when it is set, when it means something, and what to do."""

    flag: str
    is_set: Callable[[Given], bool]
    means: Callable[[Given], bool]
    why: str


RUN: tuple[Ignored, ...] = (
    Ignored(
        "--out",
        lambda given: given["out"] is not None,
        lambda given: not given["dry_run"],
        "a dry run writes none",
    ),
    Ignored(
        "--calibrate/--no-calibrate",
        lambda given: given["calibrate"] is not None,
        lambda given: bool(given["dry_run"]),
        "it is for --dry-run",
    ),
    Ignored(
        "--address",
        lambda given: given["address"] is not None,
        lambda given: given["executor"] == "ray",
        "it is for --executor ray",
    ),
    Ignored(
        "--per-gpu",
        lambda given: given["per_gpu"] != 1,
        lambda given: str(given["device"]).startswith("cuda"),
        "it is for --device cuda",
    ),
)

SIMILARITY: tuple[Ignored, ...] = (
    Ignored(
        "--top-k",
        lambda given: given["top_k"] is not None,
        lambda given: bool(given["churn"]),
        "it is for --churn",
    ),
    Ignored(
        "--error-seed",
        lambda given: given["error_seed"] is not None,
        lambda given: bool(given["churn"]),
        "it is for --churn",
    ),
)


def check(rules: tuple[Ignored, ...], given: Given) -> None:
    """A :class:`UsageError` for the first flag that would change nothing."""
    for rule in rules:
        if rule.is_set(given) and not rule.means(given):
            raise UsageError(f"{rule.flag} would change nothing here: {rule.why}")
