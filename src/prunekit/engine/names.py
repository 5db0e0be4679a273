"""Names of steps while they run: a recipe's stage, or their kind, and what distinguishes their network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prunekit.params import Params

_SAID = ("method", "prune_ratio", "seed")


def names_of(steps: Mapping[str, Params], stages: Mapping[str, str] | None = None) -> dict[str, str]:
    """Names by key, such as ``pruned wt 0.9 seed 1``; the root's seed is given if the plan has several.

    ``steps`` by key, parents before children; ``stages`` by the step's key, replaced by its kind if missing.
    """
    known: dict[str, dict[str, Any]] = {}
    for key, params in steps.items():
        before = next((known[each] for each in params.inputs if each in known), None)
        own = {name: value for name in _SAID if (value := getattr(params, name, None)) is not None}
        known[key] = own if before is None else {**own, **before, **_pruned(own)}
    seeds = {fields.get("seed") for fields in known.values()}
    return {
        key: " ".join([(stages or {}).get(key, params.kind), *_words(known[key], several=len(seeds) > 1)])
        for key, params in steps.items()
    }


def _pruned(own: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by which a pruning step overrides those of its network: all but the seed."""
    return {name: value for name, value in own.items() if name != "seed"}


def _words(fields: Mapping[str, Any], *, several: bool) -> list[str]:
    ratio = fields.get("prune_ratio")
    return [
        *([str(fields["method"])] if "method" in fields else []),
        *([f"{ratio:g}"] if ratio is not None else []),
        *([f"seed {fields['seed']}"] if several and "seed" in fields else []),
    ]
