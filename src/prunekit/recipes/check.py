"""Every problem of a recipe file, with its line."""

from __future__ import annotations

import re
from pathlib import Path

from prunekit.errors import PrunekitError, UsageError
from prunekit.recipes.embedded import located
from prunekit.recipes.file import load, substituted
from prunekit.recipes.plan import Recipe, from_dict, plan
from prunekit.recipes.stage import label_of
from prunekit.steps.table import check_names


def problems(path: Path) -> list[tuple[int, str]]:
    """Every problem of a recipe file as (line, what is wrong); stages are looked at one by one."""
    try:
        source = load(located(path))
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
        stubs = [_stub(other, place) for place, other in enumerate(blocks[:position], start=1)]
        try:
            from_dict({"stage": [*stubs, block]})
        except PrunekitError as error:
            found.append((_line_of(text, str(error), line), str(error)))
    return found


def _stub(block: object, position: int) -> dict[str, object]:
    """A stage that has the label of another, and nothing wrong."""
    try:
        label = label_of(block, position) if isinstance(block, dict) else f"stage-{position}"
    except UsageError:
        label = f"stage-{position}"
    return {"label": label, "run": ["train"]}


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
