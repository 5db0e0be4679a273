"""One block of a recipe, checked for form: everything in it is used or refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from prunekit.errors import UsageError, about, unknown
from prunekit.params import STEPS
from prunekit.recipes.error import RecipeError

STAGE_WORDS = ("label", "run", "where", "cascade", "sweep")
LONGEST_LABEL = 100
# Fields whose value is a table.
TABLED = ("options",)


class Stage(NamedTuple):
    """A stage whose steps exist and whose fields each belong to one of them."""

    label: str
    run: tuple[str, ...]
    starts: Mapping[str, tuple[str, ...]]
    where: Mapping[str, tuple[Any, ...]]
    fields: Mapping[str, Any]
    sweep: Mapping[str, tuple[Any, ...]]
    cascade: bool


def table(raw: Mapping[str, Any], word: str) -> dict[str, Any]:
    """A table of a parsed document; empty if it is missing."""
    found = raw.get(word, {})
    if not isinstance(found, dict):
        raise UsageError(f"{word} must be a table: write [{word}] or {word} = {{ ... }}", field=(word,))
    return found


def label_of(block: Mapping[str, Any], position: int) -> str:
    """The name of the stage at a position (from 1): its label, or one made from the position."""
    label = block.get("label", f"stage-{position}")
    if not isinstance(label, str) or not label.isprintable() or not 0 < len(label) <= LONGEST_LABEL:
        raise RecipeError(
            f"stage {position}: its label {str(label)[:LONGEST_LABEL]!r} is not a text of 1 to {LONGEST_LABEL} "
            "characters without control characters",
            stage=position,
            field=("label",),
        )
    return label


def read_stage(block: Mapping[str, Any], position: int) -> Stage:
    """The stage in a block; a :class:`RecipeError` names the stage, the field and the mistake."""
    try:
        return _read(block, position)
    except UsageError as error:
        raise RecipeError(str(error), stage=position, field=error.field) from None


def _read(block: Mapping[str, Any], position: int) -> Stage:
    if not isinstance(block, dict):
        raise UsageError(f"stage {position} is not a table: write [[stage]]")
    label = label_of(block, position)
    run = block.get("run")
    if not isinstance(run, list) or not run:
        raise UsageError(
            f'stage {label!r} needs run = ["..."], a list of: {", ".join(STEPS)}', field=("run",)
        )
    for place, kind in enumerate(run):
        if str(kind) not in STEPS:
            raise unknown(f"step in stage {label!r}", str(kind), STEPS, field=("run", place))
    for place, kind in enumerate(run[1:], start=1):
        if not STEPS[str(kind)].references:
            raise UsageError(
                f"stage {label!r}: {kind} does not start from another step; give it its own stage, as the "
                "first step",
                field=("run", place),
            )
    sweep = table(block, "sweep")
    fields = {name: value for name, value in block.items() if name not in STAGE_WORDS}
    run = [str(kind) for kind in run]
    _check_fields(label, run, [*((name,) for name in fields), *(("sweep", name) for name in sweep)])
    _check_twice(label, fields, sweep)
    _check_references(label, run, fields, sweep)
    starts = {name: _labels(fields.pop(name)) for name in STEPS[run[0]].references if name in fields}
    for name, labels in starts.items():
        _check_each_once(label, (name,), labels)
    where = _lists(label, "where", table(block, "where"))
    swept = _lists(label, "sweep", sweep)
    return Stage(label, tuple(run), starts, where, fields, swept, _cascade(label, block))


def _cascade(label: str, block: Mapping[str, Any]) -> bool:
    """Whether the stage cascades; only TOML's true and false are accepted, because a string "False" would be true."""
    given = block.get("cascade", False)
    if not isinstance(given, bool):
        raise UsageError(
            f"stage {label!r}: cascade must be true or false (given: {given!r})", field=("cascade",)
        )
    return given


def _labels(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _lists(label: str, word: str, lists: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    for name, values in lists.items():
        if not isinstance(values, list) or not values:
            raise UsageError(
                f"stage {label!r}: {word}.{name} must be a list with at least one value", field=(word, name)
            )
    frozen = {}
    for name, values in lists.items():
        with about(word, name):
            frozen[name] = tuple((_pairs if name in TABLED else _frozen)(label, value) for value in values)
    for name, values in frozen.items():
        _check_each_once(label, (word, name), values)
    return frozen


def _pairs(label: str, value: Any) -> Any:
    """A table as steps store it: its pairs sorted by name."""
    if not isinstance(value, dict):
        raise UsageError(f"stage {label!r}: a table is expected here, such as {{n = 2}} (given: {value!r})")
    return tuple((name, _frozen(label, item)) for name, item in sorted(value.items()))


def _frozen(label: str, value: Any) -> Any:
    """A list as steps store it, so that it can be compared with theirs."""
    if isinstance(value, dict):
        raise UsageError(f"stage {label!r}: a value is expected, not a table: {value!r}")
    return tuple(_frozen(label, item) for item in value) if isinstance(value, list) else value


def _check_each_once(label: str, field: tuple[str, ...], values: Sequence[Any]) -> None:
    seen = set()
    for place, value in enumerate(values):
        if value in seen:
            raise UsageError(
                f"stage {label!r}: {'.'.join(field)} names {value!r} twice", field=(*field, place)
            )
        seen.add(value)


def _check_fields(label: str, run: Sequence[str], fields: Iterable[tuple[str, ...]]) -> None:
    allowed = dict.fromkeys(field for kind in run for field in STEPS[kind].model_fields)
    for field in fields:
        if field[-1] not in allowed:
            raise unknown(f"field in stage {label!r}", field[-1], (*STAGE_WORDS, *allowed), field=field)


def _check_twice(label: str, fields: Mapping[str, Any], sweep: Mapping[str, Any]) -> None:
    for name in sweep:
        if name in fields:
            raise UsageError(
                f"stage {label!r}: {name} is also in the sweep, which would hide it: write only one of "
                f"them (--set {label}.sweep.{name}=[...] overrides the sweep)",
                field=(name,),
            )


def _check_references(
    label: str, run: Sequence[str], fields: Mapping[str, Any], sweep: Mapping[str, Any]
) -> None:
    """Check that only the first step names the stages it starts from: every other starts from the step before it."""
    first = STEPS[run[0]].references
    others = {name for kind in run for name in STEPS[kind].references} - set(first)
    for name in fields:
        if name in others:
            raise UsageError(
                f"stage {label!r}: its first step, {run[0]}, does not start from {name}; a later step "
                "starts from the step before it (give that step its own stage)",
                field=(name,),
            )
    for name in sweep:
        if name in (*first, *others):
            raise UsageError(
                f"stage {label!r}: {name} names stages and cannot be swept: write {name} = [...]",
                field=("sweep", name),
            )
