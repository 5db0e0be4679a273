"""Which planned steps a run includes, and a short description of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prunekit.errors import UsageError, unknown
from prunekit.params import Params, ReportParams
from prunekit.recipes.file import read
from prunekit.recipes.plan import Planned, Recipe, check, plan
from prunekit.steps.table import check_names


def planned(path: Path, assignments: Sequence[str]) -> tuple[Recipe, tuple[Planned, ...]]:
    """The recipe and its plan, with every name looked up."""
    recipe = read(path, assignments)
    steps = plan(recipe)
    check(steps, check_names)
    return recipe, steps


def of_stages(steps: Sequence[Planned], names: Sequence[str]) -> list[Planned]:
    """Only the steps of the named stages."""
    _check_stages(steps, names)
    return [step for step in steps if step.stage in names]


def needed_by(
    steps: Sequence[Planned], only: Sequence[str], until: str | None = None, forced: Sequence[str] = ()
) -> list[Planned]:
    """The steps of the named stages and everything they need, without stages after ``until``.

    :class:`UsageError` for a ``forced`` stage that is not among them: it would not be made again.
    """
    stages = _check_stages(steps, (*only, *forced, *([until] if until is not None else ())))
    if not only and until is None:
        return list(steps)
    kept = _needed(steps, stages, only, until)
    for name in forced:
        if all(step.stage != name for step in kept):
            raise UsageError(
                f"--force {name} would change nothing here: --only or --until leaves that stage out"
            )
    return kept


def _needed(
    steps: Sequence[Planned], stages: Sequence[str], only: Sequence[str], until: str | None
) -> list[Planned]:
    asked = set(stages[: stages.index(until) + 1] if until is not None else stages)
    later = next((name for name in only if name not in asked), None)
    if later is not None:
        raise UsageError(
            f"--only {later} and --until {until} leave nothing of {later}, which comes after {until}"
        )
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


def report_settings(recipes: Mapping[str, Recipe], fields: Mapping[str, Any]) -> ReportParams:
    """The report settings of several recipes (by name), overridden by ``fields``.

    :class:`UsageError` if their [report] tables differ in a field that is not overridden: one would be ignored.
    """
    given = {name: recipe.report.model_dump() for name, recipe in recipes.items()}
    first, *others = given
    for other in others:
        for field, value in given[other].items():
            if field not in fields and value != given[first][field]:
                raise UsageError(
                    f"{first} and {other} differ in [report] {field} ({given[first][field]} and {value}): "
                    f"choose one with --{field.replace('_', '-')}"
                )
    return ReportParams.read(recipes[first].report.model_dump(exclude_defaults=True) | dict(fields))


def in_words(params: Params) -> str:
    """The fields that distinguish a step, in a few words."""
    shown = {
        name: value
        for name, value in params.model_dump(exclude_defaults=True).items()
        if name not in params.references
    }
    return " ".join(f"{name}={value}" for name, value in shown.items())
