"""Recipes in words: a commented new one, every problem with its line, what will run, and a graph."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from prunekit.errors import PrunekitError, UsageError
from prunekit.params import STEPS, ReportParams
from prunekit.recipes.file import load, substituted
from prunekit.recipes.plan import Planned, Recipe, from_dict, plan
from prunekit.steps.check import check_names

_TEMPLATE = """\
# The whole study of {arch} on {dataset}: train, prune, retrain, measure, report.
#   prunekit run {{this file}} --dry-run     shows what will be made
#   prunekit run {{this file}} --out report  makes it, and goes on where it stopped
title = "{arch} on {dataset}"

[report]
margin = 0.005                # rise in error still called commensurate

[[stage]]                     # the networks to prune, one per seed
label   = "parents"
run     = ["train"]
arch    = "{arch}"
dataset = "{dataset}"
epochs  = {epochs}
sweep   = {{ seed = {seeds} }}

[[stage]]                     # a separately trained network: the control for similarity
label   = "separate"
run     = ["train"]
arch    = "{arch}"
dataset = "{dataset}"
epochs  = {epochs}
seed    = {separate}

[[stage]]                     # another control: the parents trained as long again, unpruned
label   = "longer"
run     = ["retrain"]
parent  = "parents"

[[stage]]                     # prune, retrain the whole schedule, prune further
label   = "pruned"
run     = ["prune", "retrain"]
parent  = "parents"
cascade = true                # false: every ratio from the unpruned parent
sweep   = {{ method = {methods}, prune_ratio = [0.15, 0.46, 0.69, 0.80, 0.95] }}

[[stage]]                     # per-example outcomes: the nominal test set, and all corruptions at severity 3
label   = "errors"
run     = ["error"]
model   = ["parents", "longer", "pruned"]
sweep   = {{ distribution = ["{dataset}", "@corruptions"] }}

[[stage]]                     # functional similarity to the unpruned parent, under noise
label   = "similarity"
run     = ["noise"]
model   = "pruned"

[[stage]]
label   = "control"
run     = ["noise"]
model   = "separate"
to      = "parents"
"""


def template(*, arch: str, dataset: str, methods: Sequence[str], seeds: int, epochs: int) -> str:
    """A commented recipe for the whole study of one network; its names are the caller's to check."""
    return _TEMPLATE.format(
        arch=arch,
        dataset=dataset,
        epochs=epochs,
        seeds=list(range(seeds)),
        separate=seeds,
        methods="[" + ", ".join(f'"{name}"' for name in methods) + "]",
    )


def schema() -> dict[str, Any]:
    """JSON Schema of a recipe file, for editors: every field of every step, with what it means."""
    variable = {"type": "string", "pattern": r"^\$\{.+\}$"}
    fields: dict[str, Any] = {}
    for cls in STEPS.values():
        for name, field in cls.model_json_schema()["properties"].items():
            plain = {"anyOf": [field, variable], "description": field.get("description", "")}
            fields.setdefault(name, {"type": ["string", "array"]} if name in cls.references else plain)
    lists = {"type": "object", "additionalProperties": {"type": "array", "minItems": 1}}
    words = {
        "label": {"type": "string"},
        "run": {"type": "array", "items": {"enum": list(STEPS)}, "minItems": 1},
        "where": lists,
        "sweep": lists,
        "cascade": {"type": "boolean"},
    }
    stage = {"type": "object", "properties": {**fields, **words}, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "prunekit recipe",
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "extends": {"type": "string"},
            "vars": {"type": "object"},
            "report": ReportParams.model_json_schema(),
            "stage": {"type": "array", "items": stage},
        },
        "additionalProperties": False,
    }


def problems(path: Path) -> list[tuple[int, str]]:
    """Every problem of a recipe file as (line, what is wrong); stages are looked at one by one."""
    try:
        source = load(path)
        raw, text = substituted(source.raw), source.text
    except UsageError as error:
        return [(_line_of_toml_error(error), str(error))]
    found = _stage_problems(raw, text)
    if found:
        return sorted(found)
    try:
        return sorted(_plan_problems(from_dict(raw), text))
    except PrunekitError as error:
        return [(_line_of(text, str(error)), str(error))]


def _stage_problems(raw: dict[str, object], text: str) -> list[tuple[int, str]]:
    """What is wrong within single stages, and with the labels that they start from."""
    blocks = raw.get("stage")
    if not isinstance(blocks, list):
        return []
    found = []
    for position, (block, line) in enumerate(zip(blocks, _stage_lines(text, len(blocks)), strict=True)):
        earlier = [other for other in blocks[:position] if isinstance(other, dict)]
        stubs = [{"label": other.get("label", ""), "run": ["train"]} for other in earlier]
        try:
            from_dict({"stage": [*stubs, block]})
        except PrunekitError as error:
            found.append((_line_of(text, str(error), line), str(error)))
    return found


def _plan_problems(recipe: Recipe, text: str) -> list[tuple[int, str]]:
    try:
        steps = plan(recipe)
    except PrunekitError as error:
        return [(_line_of(text, str(error)), str(error))]
    found: dict[str, int] = {}
    for step in steps:
        try:
            check_names(step.params)
        except PrunekitError as error:
            message = f"stage {step.stage!r}: {error}"
            found.setdefault(message, _line_of(text, message))
    return [(line, message) for message, line in found.items()]


def _stage_lines(text: str, count: int) -> list[int]:
    lines = [
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if re.match(r"\s*\[\[\s*stage\s*\]\]", line)
    ]
    return (lines + [1] * count)[:count]


def _line_of(text: str, message: str, start: int = 1) -> int:
    """The first line, from the stage on that the message names, that holds the first quoted word of the message."""
    quoted = re.findall(r"'([^']+)'", message)
    lines = text.splitlines()
    label = next(
        (number for number, line in enumerate(lines, 1) if quoted and _labels(line, quoted[0])), start
    )
    for word in quoted[1:] + quoted[:1]:
        for number, line in enumerate(lines[max(start, label) - 1 :], start=max(start, label)):
            if word in line:
                return number
    return start


def _labels(line: str, label: str) -> bool:
    return bool(re.match(rf"""\s*label\s*=\s*["']{re.escape(label)}["']""", line))


def _line_of_toml_error(error: UsageError) -> int:
    found = re.search(r"line (\d+)", str(error))
    return int(found[1]) if found else 1


def words(recipe: Recipe, steps: Iterable[Planned]) -> str:
    """What a recipe will run, stage by stage."""
    counts = Counter((step.stage, step.params.kind) for step in steps)
    lines = [recipe.title, ""]
    for stage in recipe.stages:
        own = ", ".join(f"{count} {kind}" for (label, kind), count in counts.items() if label == stage.label)
        lines.append(
            f"{stage.label}: {' then '.join(stage.run)} ({own or 'nothing that an earlier stage does not make'})"
        )
        lines += [f"  {name}: {', '.join(labels)}" for name, labels in stage.starts.items()]
        lines += [f"  each {name} of {', '.join(map(str, values))}" for name, values in stage.sweep.items()]
        if stage.cascade:
            lines.append("  cascade: each ratio starts from the network before it")
    lines += [
        "",
        f"{sum(counts.values())} steps in all; findings at a margin of {recipe.report.margin:g}",
        "",
    ]
    return "\n".join(lines)


def mermaid(recipe: Recipe, steps: Iterable[Planned]) -> str:
    """The stages as a Mermaid graph: boxes with their number of steps, arrows from what each starts from."""
    counts = Counter(step.stage for step in steps)
    names = {stage.label: f"s{number}" for number, stage in enumerate(recipe.stages)}
    lines = ["graph LR"]
    for stage in recipe.stages:
        text = f"{stage.label}: {' + '.join(stage.run)} x {counts[stage.label]}".replace('"', "'")
        lines.append(f'  {names[stage.label]}["{text}"]')
    for stage in recipe.stages:
        starts = dict.fromkeys(label for labels in stage.starts.values() for label in labels)
        lines += [f"  {names[label]} --> {names[stage.label]}" for label in starts]
        if stage.cascade:
            lines.append(f"  {names[stage.label]} -- cascade --> {names[stage.label]}")
    return "\n".join(lines) + "\n"
