"""Recipes: a study as data. Check a document for form, plan it purely into keyed steps, parents before children.

A stage names the steps it runs, what it starts from (labels of earlier stages) and any of the steps' fields; lists
under ``sweep`` multiply; ``cascade`` prunes the last retrained network again instead of the unpruned parent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from prunekit import distribution as grammar
from prunekit.data.sets import expand
from prunekit.errors import PrunekitError, UsageError, unknown
from prunekit.params import STEPS, Params, ReportParams

STAGE_WORDS = ("label", "run", "where", "cascade", "sweep")


class Stage(NamedTuple):
    """One block of a recipe, checked for form: its steps exist and every field belongs to one of them."""

    label: str
    run: tuple[str, ...]
    starts: Mapping[str, tuple[str, ...]]
    where: Mapping[str, tuple[Any, ...]]
    fields: Mapping[str, Any]
    sweep: Mapping[str, tuple[Any, ...]]
    cascade: bool


class Recipe(NamedTuple):
    """A study: its title, its stages in order, and what its report is to say."""

    title: str
    stages: tuple[Stage, ...]
    report: ReportParams
    text: str


class Made(NamedTuple):
    """A result that a stage will make: its key, and what is known of its lineage without running it.

    ``chosen`` are the fields of the steps of its lineage, the later ones laid over the earlier.
    """

    key: str
    root: str
    dataset: str
    prune_ratio: float
    chosen: Mapping[str, Any]


class Planned(NamedTuple):
    """One step to do, and the stage that first asked for it."""

    params: Params
    stage: str


def from_dict(raw: Mapping[str, Any], *, text: str = "", name: str = "recipe") -> Recipe:
    """The recipe that a parsed TOML document means; a :class:`UsageError` names the stage and what is wrong."""
    for word in raw:
        if word not in ("title", "stage", "report"):
            raise unknown(f"field of {name}", word, ("title", "stage", "report"))
    blocks = raw.get("stage")
    if not isinstance(blocks, list) or not blocks:
        raise UsageError(f"{name} has no [[stage]]: a recipe is a list of stages")
    stages = tuple(_stage(block, position) for position, block in enumerate(blocks, start=1))
    _check_labels(stages)
    return Recipe(str(raw.get("title", name)), stages, ReportParams.read(table(raw, "report")), text)


def table(raw: Mapping[str, Any], word: str) -> dict[str, Any]:
    """A table of a parsed document, empty where it is not there."""
    table = raw.get(word, {})
    if not isinstance(table, dict):
        raise UsageError(f"{word} is a table: write [{word}] or {word} = {{ ... }}")
    return table


def _stage(block: Mapping[str, Any], position: int) -> Stage:
    if not isinstance(block, dict):
        raise UsageError(f"stage {position} is not a table: write [[stage]]")
    label = str(block.get("label", f"stage-{position}"))
    run = block.get("run")
    if not isinstance(run, list) or not run:
        raise UsageError(f'stage {label!r} needs run = ["..."], a list of: {", ".join(STEPS)}')
    for kind in run:
        if str(kind) not in STEPS:
            raise unknown(f"step in stage {label!r}", str(kind), STEPS)
    sweep = table(block, "sweep")
    fields = {name: value for name, value in block.items() if name not in STAGE_WORDS}
    run = [str(kind) for kind in run]
    _check_fields(label, run, (*fields, *sweep))
    starts = {name: _labels(fields.pop(name)) for name in STEPS[run[0]].references if name in fields}
    where = _lists(label, "where", table(block, "where"))
    swept = _lists(label, "sweep", sweep)
    return Stage(label, tuple(run), starts, where, fields, swept, bool(block.get("cascade", False)))


def _labels(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _lists(label: str, word: str, lists: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    for name, values in lists.items():
        if not isinstance(values, list) or not values:
            raise UsageError(f"stage {label!r}: {word}.{name} must be a list with at least one value")
    return {name: tuple(values) for name, values in lists.items()}


def _check_fields(label: str, run: Sequence[str], names: Iterable[str]) -> None:
    allowed = dict.fromkeys(field for kind in run for field in STEPS[kind].model_fields)
    for name in names:
        if name not in allowed:
            raise unknown(f"field in stage {label!r}", name, (*STAGE_WORDS, *allowed))


def _check_labels(stages: Sequence[Stage]) -> None:
    seen: list[str] = []
    for stage in stages:
        for name in itertools.chain.from_iterable(stage.starts.values()):
            if name not in seen:
                raise unknown(f"stage that {stage.label!r} starts from", name, seen)
        if stage.label in seen:
            raise UsageError(f"two stages are labelled {stage.label!r}")
        seen.append(stage.label)


def plan(recipe: Recipe) -> tuple[Planned, ...]:
    """Every step of the study once, parents before children; nothing is read, run or looked up in a store."""
    made: dict[str, list[Made]] = {}
    steps: dict[str, Planned] = {}
    for stage in recipe.stages:
        try:
            made[stage.label] = list(_expand_stage(stage, made, steps))
        except PrunekitError as error:
            raise type(error)(f"stage {stage.label!r}: {error}") from None
    return tuple(steps.values())


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
        raise UsageError("a cascade runs prune and sweeps prune_ratio over growing values")
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
    """Every choice of results that the stage's first step starts from."""
    fields = STEPS[stage.run[0]].references
    missing = [name for name in fields if name not in stage.starts and name != "to"]
    if missing:
        raise UsageError(f"say what it starts from: {missing[0]} = the label of an earlier stage")
    given = [name for name in fields if name in stage.starts]
    pools = [
        [result for label in stage.starts[name] for result in made[label] if _wanted(result, stage.where)]
        for name in given
    ]
    for choice in itertools.product(*pools):
        if len({result.key for result in choice}) == len(choice):
            yield dict(zip(given, choice, strict=True))


def _wanted(result: Made, where: Mapping[str, tuple[Any, ...]]) -> bool:
    """Whether a result's fields are among those that a stage asks for; a field that it has not rules nothing out."""
    return all(result.chosen[name] in values for name, values in where.items() if name in result.chosen)


def _chain(
    stage: Stage, start: Mapping[str, Made], swept: Mapping[str, Any], steps: dict[str, Planned]
) -> Iterable[Made]:
    """The stage's steps one behind the other; the result of the last is what later stages start from."""
    fields = dict(stage.fields) | dict(swept)
    made = list(start.values())
    keys = {name: result.key for name, result in start.items()}
    for position, kind in enumerate(stage.run):
        own = {name: value for name, value in fields.items() if name in STEPS[kind].model_fields}
        links = keys if position == 0 else {STEPS[kind].references[0]: made[0].key}
        results = [
            _add(kind, own_fields | links, made, stage, steps) for own_fields in _variants(kind, own, made)
        ]
        made = results
    yield from made


def _variants(kind: str, fields: Mapping[str, Any], made: Sequence[Made]) -> Iterable[dict[str, Any]]:
    """Fields of one step, a named set of distributions unrolled into its members."""
    text = fields.get("distribution")
    if text is None and kind == "error" and made:
        text = made[0].dataset
    if text is None:
        return [dict(fields)]
    return [dict(fields) | {"distribution": name} for name in expand(str(text), made[0].dataset)]


def _add(
    kind: str, fields: dict[str, Any], made: Sequence[Made], stage: Stage, steps: dict[str, Planned]
) -> Made:
    if kind == "noise" and "to" not in fields:
        fields["to"] = made[0].root
    if "distribution" in fields:
        fields["distribution"] = str(grammar.parse(fields["distribution"]))
    params = STEPS[kind].read(fields)
    result = _result(params, made)
    if kind == "prune" and result.prune_ratio <= made[0].prune_ratio:
        raise UsageError(
            f"prune ratio {result.prune_ratio:g} is not above its parent's {made[0].prune_ratio:g}"
        )
    steps.setdefault(result.key, Planned(params, stage.label))
    return result


def _result(params: Params, made: Sequence[Made]) -> Made:
    own = {name: value for name, value in params.model_dump().items() if name not in params.references}
    if not params.references:
        return Made(params.key, params.key, str(own.get("dataset", "")), 0.0, own)
    start = made[0]
    ratio = own.get("prune_ratio", start.prune_ratio)
    seed = start.chosen["seed"]  # a lineage's seed is its root's
    return start._replace(key=params.key, prune_ratio=ratio, chosen={**start.chosen, **own, "seed": seed})


def check(steps: Iterable[Planned], check_names: Callable[[Params], None]) -> None:
    """Look up every name that the plan uses, before anything runs."""
    for step in steps:
        try:
            check_names(step.params)
        except PrunekitError as error:
            raise type(error)(f"stage {step.stage!r}: {error}") from None
