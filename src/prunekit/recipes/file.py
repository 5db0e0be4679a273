"""Recipe files: TOML, with shared parts (``extends``), variables (``vars``) and ``--set`` assignments laid over it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prunekit.errors import UsageError, unknown
from prunekit.recipes.embedded import located
from prunekit.recipes.plan import Recipe, from_dict, table

Document = dict[str, Any]
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class Source(NamedTuple):
    """A parsed file with what it extends laid under it, and the text of all the files."""

    raw: Document
    text: str


def read(path: Path, assignments: Sequence[str] = ()) -> Recipe:
    """The recipe in a file, with ``--set`` assignments such as ``parents.epochs=3`` laid over it."""
    source = load(located(path))
    raw = source.raw
    for assignment in assignments:
        raw = assign(raw, assignment)
    return from_dict(substituted(raw), text=source.text, name=str(path))


def load(path: Path, below: tuple[Path, ...] = ()) -> Source:
    """Parse a file and lay it over the one that it ``extends``, whose path is relative to the file."""
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read the recipe {path}: {getattr(error, 'strerror', None) or error}"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from None
    except RecursionError:
        raise UsageError(f"{path} is nested too deeply") from None
    base = raw.pop("extends", None)
    if base is None:
        return Source(raw, text)
    where = path.parent / str(base)
    if where.resolve() in (path.resolve(), *below):
        raise UsageError(f"{path} extends {base}, which extends it in turn")
    under = load(where, (*below, path.resolve()))
    return Source(merged(under.raw, raw), f"{text}\n# --- {base} ---\n{under.text}")


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Document:
    """``over`` laid over ``under``: tables field by field, stages by label, new stages at the end."""
    result = dict(under)
    for name, value in over.items():
        known = result.get(name)
        if name == "stage" and isinstance(known, list) and isinstance(value, list):
            result[name] = _merged_stages(known, value)
        elif isinstance(known, dict) and isinstance(value, dict):
            result[name] = merged(known, value)
        else:
            result[name] = value
    return result


def _merged_stages(under: Sequence[Any], over: Sequence[Any]) -> list[Any]:
    named = {stage.get("label"): stage for stage in over if isinstance(stage, dict)}
    kept = [
        merged(stage, named.pop(stage.get("label"), {})) if isinstance(stage, dict) else stage
        for stage in under
    ]
    return kept + [stage for stage in over if not isinstance(stage, dict) or stage.get("label") in named]


def substituted(raw: Document) -> Document:
    """A copy without ``vars`` in which every ``${NAME}`` is the variable's value (typed where it stands alone)."""
    values = table(raw, "vars")
    result: Document = _filled({name: value for name, value in raw.items() if name != "vars"}, values)
    return result


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(item, values) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if not isinstance(value, str):
        return value
    alone = _VARIABLE.fullmatch(value)
    return (
        _value_of(alone[1], values)
        if alone
        else _VARIABLE.sub(lambda found: str(_value_of(found[1], values)), value)
    )


def _value_of(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise unknown("variable", name, values)
    return values[name]


def assign(raw: Mapping[str, Any], assignment: str) -> Document:
    """A copy of a parsed recipe with one ``STAGE.FIELD=VALUE`` (or ``vars.NAME``, ``report.FIELD``) laid over it."""
    path, equals, text = assignment.partition("=")
    head, *rest = path.strip().split(".")
    if not equals or not rest:
        raise UsageError(f"--set {assignment!r}: write STAGE.FIELD=VALUE, such as parents.epochs=3")
    value = _literal(text.strip())
    if head in ("report", "vars"):
        return dict(raw) | {head: _placed(table(raw, head), rest, value)}
    stages = raw.get("stage")
    blocks = [dict(block) for block in stages if isinstance(block, dict)] if isinstance(stages, list) else []
    named = [block for block in blocks if block.get("label") == head]
    if not named:
        raise unknown(
            "stage in --set", head, [str(block.get("label")) for block in blocks] + ["report", "vars"]
        )
    named[0].update(_placed(named[0], rest, value))
    return dict(raw) | {"stage": blocks}


def _placed(table: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    head, *rest = path
    inner = table.get(head, {})
    return dict(table) | {
        head: _placed(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    }


def _literal(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
