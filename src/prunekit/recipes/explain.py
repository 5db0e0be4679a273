"""What a recipe will run, in words and as a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from prunekit.base.code import PREFIX, is_code
from prunekit.data.datasets import DATASETS
from prunekit.models.archs import ARCHS
from prunekit.pruning.methods import METHODS
from prunekit.recipes.plan import Planned, Recipe
from prunekit.registry import Registry

# The fields of steps that name rows of tables, which plugins may extend.
TABLES: dict[str, Registry[Any]] = {"arch": ARCHS, "method": METHODS, "dataset": DATASETS}


def code_of(steps: Iterable[Planned]) -> list[str]:
    """Code outside prunekit that running these steps imports: the user's modules, and plugins by name."""
    found: dict[str, None] = {}
    for step in steps:
        for field, table in TABLES.items():
            name = str(getattr(step.params, field, ""))
            if is_code(name):
                found[f"{name.removeprefix(PREFIX)} ({table.kind} {name})"] = None
            elif name in table and (origin := table.origin(name)):
                found[f"{origin} ({table.kind} {name}, a plugin)"] = None
    return list(found)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def words(recipe: Recipe, steps: Iterable[Planned]) -> str:
    """What a recipe will run, stage by stage, and the foreign code that it imports."""
    steps = list(steps)
    counts = Counter((step.stage, step.params.kind) for step in steps)
    lines = [recipe.title, ""]
    for stage in recipe.stages:
        own = ", ".join(f"{count} {kind}" for (label, kind), count in counts.items() if label == stage.label)
        lines.append(
            f"{stage.label}: {' then '.join(stage.run)} ({own or 'nothing that an earlier stage does not make'})"
        )
        lines += [f"  {name}: {', '.join(labels)}" for name, labels in stage.starts.items()]
        lines += [f"  where {name} is {_listed(values)}" for name, values in stage.where.items()]
        lines += [f"  {name} = {value}" for name, value in stage.fields.items()]
        lines += [f"  each {name} of {_listed(values)}" for name, values in stage.sweep.items()]
        if stage.cascade:
            lines.append("  cascade: each ratio starts from the previous network")
    lines += [
        "",
        f"{sum(counts.values())} steps in total; findings at a margin of {recipe.report.margin:g}",
        *(f"imports and runs code: {code}" for code in code_of(steps)),
        "",
    ]
    return "\n".join(lines)


def mermaid(recipe: Recipe, steps: Iterable[Planned]) -> str:
    """The stages as a Mermaid graph: boxes with the number of steps, arrows from each stage's inputs."""
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
