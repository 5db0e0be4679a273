"""Which planned steps a run is about, and what each one is in a few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prunekit.errors import unknown
from prunekit.params import Params
from prunekit.recipes.file import read
from prunekit.recipes.plan import Planned, Recipe, check, plan
from prunekit.steps.check import check_names


def planned(path: Path, assignments: Sequence[str]) -> tuple[Recipe, tuple[Planned, ...]]:
    """The recipe and its plan, every name looked up."""
    recipe = read(path, assignments)
    steps = plan(recipe)
    check(steps, check_names)
    return recipe, steps


def of_stages(steps: Sequence[Planned], names: Sequence[str]) -> list[Planned]:
    """The steps of the named stages alone."""
    _check_stages(steps, names)
    return [step for step in steps if step.stage in names]


def needed_by(steps: Sequence[Planned], only: Sequence[str], until: str | None = None) -> list[Planned]:
    """The steps of the named stages and everything that they need; of no stage after ``until``."""
    stages = _check_stages(steps, (*only, *([until] if until is not None else ())))
    if not only and until is None:
        return list(steps)
    asked = set(stages[: stages.index(until) + 1] if until is not None else stages)
    asked &= set(only or stages)
    wanted: set[str] = set()
    for step in reversed(steps):
        if step.stage in asked or step.params.key in wanted:
            wanted |= {step.params.key, *step.params.inputs}
    return [step for step in steps if step.params.key in wanted]


def _check_stages(steps: Sequence[Planned], names: Sequence[str]) -> list[str]:
    stages = list(dict.fromkeys(step.stage for step in steps))
    for name in names:
        if name not in stages:
            raise unknown("stage", name, stages)
    return stages


def state_rows(steps: Mapping[str, Planned], state: Callable[[str], str]) -> list[dict[str, Any]]:
    """One row per step (by its key): its state, its stage, and what it is."""
    return [
        {"state": state(key), "stage": stage, "kind": params.kind, "key": key, "what": in_words(params)}
        for key, (params, stage) in steps.items()
    ]


def in_words(params: Params) -> str:
    """The fields that set a step apart, in a few words."""
    shown = {
        name: value
        for name, value in params.model_dump(exclude_defaults=True).items()
        if name not in params.references
    }
    return " ".join(f"{name}={value}" for name, value in shown.items())
