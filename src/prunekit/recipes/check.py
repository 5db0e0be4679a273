"""Every problem of a recipe file, with its file and line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from prunekit.errors import Place, PrunekitError, UsageError
from prunekit.recipes.bounds import read_text
from prunekit.recipes.embedded import located
from prunekit.recipes.error import RecipeError, place_of
from prunekit.recipes.file import File, Source, load, substituted
from prunekit.recipes.lines import Lines, line_of, lines_of
from prunekit.recipes.plan import Recipe, from_dict, plan, read_stages
from prunekit.recipes.weights import by_digest
from prunekit.steps.table import check_names


class Problem(NamedTuple):
    """What is wrong, and where: a line, from 1, of the recipe or of a file that it extends."""

    file: Path
    line: int
    problem: str


def problems(path: Path) -> list[Problem]:
    """Every problem of a recipe file; checks the stages one by one, then the plan as a whole."""
    place = located(path)
    try:
        source = load(place)
    except UsageError as error:
        return [_unread(place, error)]
    lines = [lines_of(file.text) for file in source.files]
    found = [_located(source, lines, error) for error in _mistakes(source)]
    return sorted(dict.fromkeys(found), key=lambda problem: (problem.file != place, problem.line))


def _unread(path: Path, error: UsageError) -> Problem:
    """The problem of a file that cannot be read as TOML, or that extends a file it cannot."""
    file, line, place = path, None, error.field
    if isinstance(error, RecipeError):
        file, line, place = error.file or path, error.line, _place(error)
    if line is None:
        line = line_of(lines_of(read_text(file)), place)[1] if place else 1
    return Problem(file, line, str(error))


def _mistakes(source: Source) -> Iterator[PrunekitError]:
    try:
        raw, _ = by_digest(substituted(source.raw), source.files[0].path.parent)
    except UsageError as error:
        yield error
        return
    blocks = raw.get("stage")
    wrong: list[RecipeError] = []
    read_stages(blocks if isinstance(blocks, list) else [], wrong.append)
    yield from wrong
    if wrong:
        return
    try:
        recipe = from_dict(raw)
        yield from _of_names(recipe)
    except UsageError as error:
        yield error


def _of_names(recipe: Recipe) -> Iterator[PrunekitError]:
    """An error for each name that no table has, once each."""
    stages = {stage.label: (position, stage) for position, stage in enumerate(recipe.stages, start=1)}
    seen = set()
    for step in plan(recipe):
        position, stage = stages[step.stage]
        try:
            check_names(step.params)
        except PrunekitError as error:
            message = f"stage {step.stage!r}: {error}"
            field = place_of(error.field, stage.sweep, step.params.model_dump())
            if message not in seen:
                yield RecipeError(message, stage=position, field=field)
            seen.add(message)


def _place(error: PrunekitError) -> Place:
    """The path from the top of the recipe to the mistake."""
    stage = error.stage if isinstance(error, RecipeError) else None
    return error.field if stage is None else ("stage", stage - 1, *error.field)


def _located(source: Source, lines: Sequence[Lines], error: PrunekitError) -> Problem:
    """The problem in the file that has most of the path to the mistake; of several, the first, which overrides."""
    place = _place(error)
    found = [
        (file, *line_of(known, _in_file(file, source, place)))
        for file, known in zip(source.files, lines, strict=True)
    ]
    file, _, line = max(found, key=lambda each: each[1])
    return Problem(file.path, line, str(error))


def _in_file(file: File, source: Source, place: Place) -> Place:
    """The place in one of several files: stages with the same label are one stage."""
    if len(source.files) == 1 or place[:1] != ("stage",) or len(place) == 1:
        return place
    label = _labels(source.raw)[int(place[1])]
    own = _labels(file.raw)
    return ("stage", own.index(label), *place[2:]) if label in own else ()


def _labels(raw: dict[str, object]) -> Sequence[object]:
    blocks = raw.get("stage")
    tables = blocks if isinstance(blocks, list) else []
    return [block.get("label") if isinstance(block, dict) else None for block in tables]
