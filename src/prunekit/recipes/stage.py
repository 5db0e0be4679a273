"""One block of a recipe, checked for form: whatever it says is used, or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from prunekit.errors import UsageError, unknown
from prunekit.params import STEPS

STAGE_WORDS = ("label", "run", "where", "cascade", "sweep")
LONGEST_LABEL = 100


class Stage(NamedTuple):
    """A stage whose steps exist, and whose every field belongs to one of them."""

    label: str
    run: tuple[str, ...]
    starts: Mapping[str, tuple[str, ...]]
    where: Mapping[str, tuple[Any, ...]]
    fields: Mapping[str, Any]
    sweep: Mapping[str, tuple[Any, ...]]
    cascade: bool


def table(raw: Mapping[str, Any], word: str) -> dict[str, Any]:
    """A table of a parsed document, empty where it is not there."""
    found = raw.get(word, {})
    if not isinstance(found, dict):
        raise UsageError(f"{word} is a table: write [{word}] or {word} = {{ ... }}")
    return found


def label_of(block: Mapping[str, Any], position: int) -> str:
    """The name of the stage at a position (from 1): its label, or one made of the position."""
    label = block.get("label", f"stage-{position}")
    if not isinstance(label, str) or not label.isprintable() or not 0 < len(label) <= LONGEST_LABEL:
        raise UsageError(
            f"stage {position}: its label {str(label)[:LONGEST_LABEL]!r} is not a text of 1 to {LONGEST_LABEL} "
            "characters without control characters"
        )
    return label


def read_stage(block: Mapping[str, Any], position: int) -> Stage:
    """The stage that a block means; a :class:`UsageError` names the stage and what is wrong."""
    if not isinstance(block, dict):
        raise UsageError(f"stage {position} is not a table: write [[stage]]")
    label = label_of(block, position)
    run = block.get("run")
    if not isinstance(run, list) or not run:
        raise UsageError(f'stage {label!r} needs run = ["..."], a list of: {", ".join(STEPS)}')
    for kind in run:
        if str(kind) not in STEPS:
            raise unknown(f"step in stage {label!r}", str(kind), STEPS)
    alone = [str(kind) for kind in run[1:] if not STEPS[str(kind)].references]
    if alone:
        raise UsageError(
            f"stage {label!r}: {alone[0]} starts from nothing: it comes first, in a stage of its own"
        )
    sweep = table(block, "sweep")
    fields = {name: value for name, value in block.items() if name not in STAGE_WORDS}
    run = [str(kind) for kind in run]
    _check_fields(label, run, (*fields, *sweep))
    _check_twice(label, fields, sweep)
    _check_references(label, run, fields, sweep)
    starts = {name: _labels(fields.pop(name)) for name in STEPS[run[0]].references if name in fields}
    for name, labels in starts.items():
        _check_each_once(label, name, labels)
    where = _lists(label, "where", table(block, "where"))
    swept = _lists(label, "sweep", sweep)
    return Stage(label, tuple(run), starts, where, fields, swept, _cascade(label, block))


def _cascade(label: str, block: Mapping[str, Any]) -> bool:
    """A text such as "False" would be true: nothing but the two words of TOML is taken."""
    given = block.get("cascade", False)
    if not isinstance(given, bool):
        raise UsageError(f"stage {label!r}: cascade is true or false (given: {given!r})")
    return given


def _labels(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _lists(label: str, word: str, lists: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    for name, values in lists.items():
        if not isinstance(values, list) or not values:
            raise UsageError(f"stage {label!r}: {word}.{name} must be a list with at least one value")
    frozen = {name: tuple(_frozen(label, value) for value in values) for name, values in lists.items()}
    for name, values in frozen.items():
        _check_each_once(label, f"{word}.{name}", values)
    return frozen


def _frozen(label: str, value: Any) -> Any:
    """A list as steps hold it, so that it can be compared with what they hold."""
    if isinstance(value, dict):
        raise UsageError(f"stage {label!r}: a table stands where a value is expected: {value!r}")
    return tuple(_frozen(label, item) for item in value) if isinstance(value, list) else value


def _check_each_once(label: str, what: str, values: Iterable[Any]) -> None:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise UsageError(f"stage {label!r}: {what} names {twice[0]!r} twice")


def _check_fields(label: str, run: Sequence[str], names: Iterable[str]) -> None:
    allowed = dict.fromkeys(field for kind in run for field in STEPS[kind].model_fields)
    for name in names:
        if name not in allowed:
            raise unknown(f"field in stage {label!r}", name, (*STAGE_WORDS, *allowed))


def _check_twice(label: str, fields: Mapping[str, Any], sweep: Mapping[str, Any]) -> None:
    for name in sweep:
        if name in fields:
            raise UsageError(
                f"stage {label!r}: {name} stands beside its sweep, which would hide it: write one of them "
                f"(--set {label}.sweep.{name}=[...] lays values over the sweep)"
            )


def _check_references(
    label: str, run: Sequence[str], fields: Mapping[str, Any], sweep: Mapping[str, Any]
) -> None:
    """The first step starts from stages, every other from the step before it: nothing else can be asked for."""
    first = STEPS[run[0]].references
    others = {name for kind in run for name in STEPS[kind].references} - set(first)
    for name in fields:
        if name in others:
            raise UsageError(
                f"stage {label!r}: {name} is not what its first step, {run[0]}, starts from; a later step starts from "
                "the one before it (give that step a stage of its own)"
            )
    for name in sweep:
        if name in (*first, *others):
            raise UsageError(f"stage {label!r}: {name} names stages and is not swept: write {name} = [...]")
