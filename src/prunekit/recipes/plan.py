"""Recipes: a study as data. Check a document for form and plan it into keyed steps, parents before children.

A stage names the steps it runs, what it starts from (labels of earlier stages) and any of the steps' fields; lists
under ``sweep`` multiply; ``cascade`` prunes the last retrained network again instead of the unpruned parent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prunekit import distribution as grammar
from prunekit.data.sets import expand
from prunekit.errors import Place, PrunekitError, UsageError, about, unknown
from prunekit.params import MODEL_STEPS, STEPS, Params, ReportParams, Root
from prunekit.recipes.bounds import MOST_STAGES, MOST_STEPS, check_steps
from prunekit.recipes.error import RecipeError, place_of
from prunekit.recipes.select import Made, selected
from prunekit.recipes.stage import Stage, read_stage, table

# The kinds of results that a reference may name; networks by default.
NAMED_BY: Mapping[str, Collection[str]] = {"features": ("features",)}


class Recipe(NamedTuple):
    """A study: its title, its stages in order, its report settings, and its weights files by digest."""

    title: str
    stages: tuple[Stage, ...]
    report: ReportParams
    text: str
    brought: Mapping[str, Path] = {}


class Planned(NamedTuple):
    """One step to run, and the first stage that needs it."""

    params: Params
    stage: str


def from_dict(raw: Mapping[str, Any], *, text: str = "", name: str = "recipe") -> Recipe:
    """The recipe in a parsed TOML document; a :class:`RecipeError` names the stage, the field and the mistake."""
    for word in raw:
        if word not in ("title", "stage", "report"):
            raise unknown(f"field of {name}", word, ("title", "stage", "report"), field=(word,))
    blocks = raw.get("stage")
    if not isinstance(blocks, list) or not blocks:
        raise UsageError(f"{name} has no [[stage]]: a recipe is a list of stages")
    if len(blocks) > MOST_STAGES:
        raise UsageError(f"{name} has {len(blocks):,} stages; at most {MOST_STAGES:,} are allowed")
    stages = read_stages(blocks)
    title = raw.get("title", name)
    if not isinstance(title, str):
        raise UsageError(f"the title of {name} must be a string (given: {title!r})", field=("title",))
    return Recipe(title, stages, _report(table(raw, "report")), text)


def _report(fields: dict[str, Any]) -> ReportParams:
    try:
        return ReportParams.read(fields)
    except UsageError as error:
        raise UsageError(str(error), field=("report", *error.field)) from None


def read_stages(
    blocks: Sequence[Any], wrong: Callable[[RecipeError], None] | None = None
) -> tuple[Stage, ...]:
    """The stages of a recipe; a mistake is raised, or passed to ``wrong`` and its stage left out."""
    stages: list[Stage] = []
    seen: list[str] = []
    for position, block in enumerate(blocks, start=1):
        try:
            stage = read_stage(block, position)
            _check_labels(stage, position, seen)
            stages.append(stage)
        except RecipeError as error:
            if wrong is None:
                raise
            wrong(error)
        seen.append(_label(block, position))
    return tuple(stages)


def _label(block: Any, position: int) -> str:
    """The label by which other stages may refer to a stage, even if the stage has mistakes."""
    given = block.get("label") if isinstance(block, dict) else None
    return given if isinstance(given, str) else f"stage-{position}"


def _check_labels(stage: Stage, position: int, seen: Sequence[str]) -> None:
    for field, names in stage.starts.items():
        for place, name in enumerate(names):
            if name not in seen:
                raise RecipeError(
                    str(unknown(f"stage that {stage.label!r} starts from", name, seen)),
                    stage=position,
                    field=(field, place),
                )
    if stage.label in seen:
        raise RecipeError(f"two stages have the label {stage.label!r}", stage=position, field=("label",))


def plan(recipe: Recipe) -> tuple[Planned, ...]:
    """Every step of the study once, parents before children; nothing is read, run or looked up in a store."""
    made: dict[str, list[Made]] = {}
    steps: dict[str, Planned] = {}
    for position, stage in enumerate(recipe.stages, start=1):
        try:
            made[stage.label] = list(_expand_stage(stage, made, steps))
            if not made[stage.label]:
                raise UsageError(_why_nothing(stage), field=("where",))
        except UsageError as error:
            message = f"stage {stage.label!r}: {error}"
            raise RecipeError(message, stage=position, field=error.field) from None
    return tuple(steps.values())


def _why_nothing(stage: Stage) -> str:
    if stage.where:
        return "it makes nothing: no result that it starts from meets all conditions in its where"
    return "it makes nothing: a network is never compared with itself"


def _expand_stage(
    stage: Stage, made: Mapping[str, Sequence[Made]], steps: dict[str, Planned]
) -> Iterable[Made]:
    names = tuple(stage.sweep)
    if stage.cascade:
        yield from _expand_cascade(stage, made, steps)
        return
    for start in _starts(stage, made):
        for values in itertools.product(*stage.sweep.values()):
            yield from _chain(stage, start, dict(zip(names, values, strict=True)), steps)


def _expand_cascade(
    stage: Stage, made: Mapping[str, Sequence[Made]], steps: dict[str, Planned]
) -> Iterable[Made]:
    ratios = stage.sweep.get("prune_ratio", ())
    numbers = all(isinstance(ratio, int | float) for ratio in ratios)
    if "prune" not in stage.run or not ratios or not numbers or list(ratios) != sorted(set(ratios)):
        field: Place = ("sweep", "prune_ratio") if "prune_ratio" in stage.sweep else ("cascade",)
        raise UsageError("a cascade must run prune and sweep prune_ratio over increasing values", field=field)
    others = {name: values for name, values in stage.sweep.items() if name != "prune_ratio"}
    for start in _starts(stage, made):
        for values in itertools.product(*others.values()):
            rung = start
            for ratio in ratios:
                chosen = dict(zip(others, values, strict=True)) | {"prune_ratio": ratio}
                results = list(_chain(stage, rung, chosen, steps))
                rung = {STEPS[stage.run[0]].references[0]: results[-1]}
                yield from results


def _starts(stage: Stage, made: Mapping[str, Sequence[Made]]) -> Iterable[dict[str, Made]]:
    """Every combination of results that the stage's first step starts from."""
    fields = STEPS[stage.run[0]].references
    needed = [
        name for name in fields if name != "to" and STEPS[stage.run[0]].model_fields[name].is_required()
    ]
    missing = [name for name in needed if name not in stage.starts]
    if missing:
        raise UsageError(f"it must say what it starts from: {missing[0]} = the label of an earlier stage")
    given = [name for name in fields if name in stage.starts]
    named = [[result for label in stage.starts[name] for result in made[label]] for name in given]
    for name, results in zip(given, named, strict=True):
        _check_kind(name, results)
    pools = selected(named, stage.where)
    check_steps([len(pool) for pool in pools], stage.sweep, stage.fields)
    for choice in itertools.product(*pools):
        if len({result.key for result in choice}) == len(choice):
            yield dict(zip(given, choice, strict=True))


def _check_kind(reference: str, results: Iterable[Made]) -> None:
    allowed = NAMED_BY.get(reference, MODEL_STEPS)
    wrong = next((result.kind for result in results if result.kind not in allowed), None)
    if wrong is not None:
        raise UsageError(
            f"{reference} is the result of a {wrong} step: it must be one of {', '.join(allowed)}",
            field=(reference,),
        )


def _chain(
    stage: Stage, start: Mapping[str, Made], swept: Mapping[str, Any], steps: dict[str, Planned]
) -> Iterable[Made]:
    """The stage's steps one after the other; later stages start from the result of the last."""
    try:
        yield from _links(stage, start, swept, steps)
    except UsageError as error:
        error.field = place_of(error.field, stage.sweep, swept)
        raise


def _links(
    stage: Stage, start: Mapping[str, Made], swept: Mapping[str, Any], steps: dict[str, Planned]
) -> Iterable[Made]:
    fields = dict(stage.fields) | dict(swept)
    made = list(start.values())
    keys = {name: result.key for name, result in start.items()}
    for position, kind in enumerate(stage.run):
        own = {name: value for name, value in fields.items() if name in STEPS[kind].model_fields}
        if position > 0:
            _check_kind(STEPS[kind].references[0], made)
            keys = {STEPS[kind].references[0]: made[0].key}
        made = [
            _add(kind, own_fields | keys, made, stage, steps) for own_fields in _variants(kind, own, made)
        ]
    yield from made


def _variants(kind: str, fields: Mapping[str, Any], made: Sequence[Made]) -> Iterable[dict[str, Any]]:
    """The fields of one step, with a named set of distributions expanded into its members."""
    text = fields.get("distribution")
    if text is None and kind == "error" and made:
        text = made[0].dataset
    if text is None:
        return [dict(fields)]
    with about("distribution"):
        return [dict(fields) | {"distribution": name} for name in expand(str(text), made[0].dataset)]


def _add(
    kind: str, fields: dict[str, Any], made: Sequence[Made], stage: Stage, steps: dict[str, Planned]
) -> Made:
    if kind == "noise" and "to" not in fields:
        fields["to"] = made[0].root
    if kind == "noise" and fields["to"] == fields["model"]:
        raise UsageError(
            "noise would compare a network with itself: name the stage to compare with (to = a stage)",
            field=("to",),
        )
    if "distribution" in fields:
        with about("distribution"):
            fields["distribution"] = str(grammar.parse(fields["distribution"]))
    params = STEPS[kind].read(fields)
    result = _result(params, made)
    if kind == "prune" and result.prune_ratio <= made[0].prune_ratio:
        raise UsageError(
            f"prune ratio {result.prune_ratio:g} is not above its parent's {made[0].prune_ratio:g}",
            field=("prune_ratio",),
        )
    steps.setdefault(result.key, Planned(params, stage.label))
    if len(steps) > MOST_STEPS:
        raise UsageError(f"a recipe may have {MOST_STEPS:,} steps: split it into several")
    return result


def _result(params: Params, made: Sequence[Made]) -> Made:
    own = {name: value for name, value in params.model_dump().items() if name not in params.references}
    if not made:
        return Made(params.kind, params.key, params.key, str(own.get("dataset", "")), 0.0, own)
    start = made[0]
    if isinstance(params, Root):  # a descendant made elsewhere: unset fields are the parent's
        own = {name: value for name, value in own.items() if value is not None}
    ratio = own.get("prune_ratio", start.prune_ratio)
    seed = start.chosen["seed"]  # a lineage's seed is its root's
    chosen = {**start.chosen, **own, "seed": seed}
    return start._replace(kind=params.kind, key=params.key, prune_ratio=ratio, chosen=chosen)


def check(steps: Iterable[Planned], check_names: Callable[[Params], None]) -> None:
    """Look up every name that the plan uses, before anything runs."""
    for step in steps:
        try:
            check_names(step.params)
        except PrunekitError as error:
            raise type(error)(f"stage {step.stage!r}: {error}") from None
