"""Recipe files: TOML, with shared parts (``extends``), variables (``vars``) and ``--set`` overrides."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prunekit.errors import Place, UsageError, about, unknown
from prunekit.recipes.bounds import MOST_FILES, MOST_TEXT, check_size, read_text
from prunekit.recipes.embedded import located
from prunekit.recipes.error import RecipeError
from prunekit.recipes.plan import Recipe, from_dict
from prunekit.recipes.stage import label_of, table
from prunekit.recipes.weights import by_digest

Document = dict[str, Any]
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class File(NamedTuple):
    """One file of a recipe: its path, the name by which it is extended, its text, and its parsed content."""

    path: Path
    name: str
    text: str
    raw: Document


class Source(NamedTuple):
    """A parsed file merged over those it extends, and all the files, each before the one it extends."""

    raw: Document
    files: tuple[File, ...]

    @property
    def text(self) -> str:
        """The files one after the other, each but the first preceded by its name."""
        first, *others = self.files
        return first.text + "".join(f"\n# --- {each.name} ---\n{each.text}" for each in others)


def read(path: Path, assignments: Sequence[str] = ()) -> Recipe:
    """The recipe in a file, with ``--set`` overrides such as ``parents.epochs=3`` applied."""
    place = located(path)
    source = load(place)
    raw = source.raw
    names = [assignment.partition("=")[0].strip() for assignment in assignments]
    for name, assignment in zip(names, assignments, strict=True):
        if names.count(name) > 1:
            raise UsageError(f"--set {name[:200]} is given {names.count(name)} times: give it once")
        raw = assign(raw, assignment)
    raw, brought = by_digest(substituted(raw), place.parent)
    return from_dict(raw, text=source.text, name=str(path))._replace(brought=brought)


def load(path: Path, below: tuple[Path, ...] = ()) -> Source:
    """Parse a file and merge it over the file it ``extends``, whose path is relative to it."""
    text, raw = _parsed(path)
    base = raw.pop("extends", None)
    if base is None:
        return Source(raw, (File(path, path.name, text, raw),))
    mistake = _mistake(path, base, below)
    if mistake:
        raise RecipeError(mistake, field=("extends",), file=path)
    where = path.parent / base
    with about("extends"):
        under = load(where, (*below, path))
    _check_labelled(under.raw, where)
    _check_labelled(raw, path)
    base_file, *others = under.files
    files = (File(path, path.name, text, raw), base_file._replace(name=base), *others)
    return Source(merged(under.raw, raw), files)


def _mistake(path: Path, base: object, below: tuple[Path, ...]) -> str | None:
    """Why a file cannot extend the one it names; None if it can."""
    if not isinstance(base, str):
        return f"{path}: extends must name one file (given: {base!r})"
    if os.path.realpath(path.parent / base) in map(os.path.realpath, (path, *below)):
        return f"{path} extends {base}, which extends it in turn"
    if len(below) + 1 >= MOST_FILES:
        return f"{path} extends {base}: more than {MOST_FILES} files extend each other"
    return None


def _parsed(path: Path) -> tuple[str, Document]:
    try:
        text = read_text(path)
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read the recipe {path}: {getattr(error, 'strerror', None) or error}"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not valid TOML: {error}", file=path, line=_line_of(error)) from None
    except RecursionError:
        raise UsageError(f"{path} is nested too deeply") from None
    except ValueError:
        raise UsageError(f"cannot read the recipe {path}: its name or a number in it is invalid") from None
    check_size(raw, str(path))
    return text, raw


def _line_of(error: tomllib.TOMLDecodeError) -> int:
    """The line at which a text is not TOML; before Python 3.14, tomllib gives it only in its message."""
    said = getattr(error, "lineno", None) or next(iter(re.findall(r"\(at line (\d+)", str(error))), 1)
    return int(said)


def _check_labelled(raw: Mapping[str, Any], path: Path) -> None:
    """Check that each stage of a file that extends or is extended has a label: stages are merged by label."""
    stages = raw.get("stage", [])
    seen: set[str] = set()
    for position, stage in enumerate(stages if isinstance(stages, list) else [], start=1):
        if not isinstance(stage, dict):
            continue
        if "label" not in stage:
            raise RecipeError(
                f"{path}: stage {position} has no label, but stages are merged by label",
                stage=position,
                file=path,
            )
        label = label_of(stage, position)
        if label in seen:
            raise RecipeError(
                f"{path}: two stages have the label {label!r}", stage=position, field=("label",), file=path
            )
        seen.add(label)


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Document:
    """``under`` overridden by ``over``: tables field by field, stages by label, new stages at the end."""
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
    """A copy without ``vars`` in which every ``${NAME}`` is the variable's value (typed if it is the whole string).

    :class:`UsageError` for an undefined variable, and for an unused one: it would change nothing.
    """
    variables = Variables(table(raw, "vars"))
    result: Document = {
        name: variables.filled(value, (name,)) for name, value in raw.items() if name != "vars"
    }
    unused = [name for name in variables.values if name not in variables.used]
    if unused:
        raise UsageError(
            f'variable {unused[0]!r} is not used (write "${{{unused[0]}}}" to use it)',
            field=("vars", unused[0]),
        )
    check_size(result, "the recipe with its variables")
    return result


class Variables:
    """The variables of a recipe, and which of them were used."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.used: set[str] = set()
        for name, value in values.items():
            if "${" in str(value):
                raise UsageError(
                    f"variable {name!r} contains another variable: write its value", field=("vars", name)
                )

    def filled(self, value: Any, place: Place = ()) -> Any:
        """A copy of the value at a place of the recipe, with every variable replaced."""
        if isinstance(value, dict):
            return {name: self.filled(item, (*place, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item, (*place, position)) for position, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        alone = _VARIABLE.fullmatch(value)
        with about(*place):
            return self._value(alone[1]) if alone else self._text(value)

    def _text(self, text: str) -> str:
        names = _VARIABLE.findall(text)
        if len(names) != text.count("${"):
            raise UsageError(f"a variable is not closed in {text[:80]!r}: write ${{NAME}}")
        length = len(text) + sum(len(str(self._value(name))) for name in names)
        if length > MOST_TEXT:
            raise UsageError(
                f"a string with its variables is longer than {MOST_TEXT:,} characters: {text[:80]!r}"
            )
        return _VARIABLE.sub(lambda found: str(self._value(found[1])), text)

    def _value(self, name: str) -> Any:
        if name not in self.values:
            raise unknown("variable", name, self.values)
        self.used.add(name)
        return self.values[name]


DEEPEST = 3  # STAGE.sweep.FIELD


def assign(raw: Mapping[str, Any], assignment: str) -> Document:
    """A copy of a parsed recipe with one ``STAGE.FIELD=VALUE`` (or ``vars.NAME``, ``report.FIELD``) overridden."""
    path, equals, text = assignment.partition("=")
    head, *rest = path.strip().split(".")
    if not equals or not 0 < len(rest) < DEEPEST:
        raise UsageError(f"--set {assignment[:200]!r}: write STAGE.FIELD=VALUE, such as parents.epochs=3")
    value = _literal(text.strip(), assignment)
    stages = raw.get("stage")
    blocks = [dict(block) for block in stages if isinstance(block, dict)] if isinstance(stages, list) else []
    labels = [label_of(block, position) for position, block in enumerate(blocks, start=1)]
    if head in ("report", "vars"):
        return _of_table(raw, head, rest, value, labels)
    if head not in labels:
        raise unknown("stage in --set", head, [*labels, "report", "vars"])
    blocks[labels.index(head)] = _placed(blocks[labels.index(head)], rest, value)
    return dict(raw) | {"stage": blocks}


def _of_table(
    raw: Mapping[str, Any], head: str, rest: Sequence[str], value: Any, labels: Sequence[str]
) -> Document:
    known = table(raw, head)
    if head in labels:
        raise UsageError(f"--set {head}.{rest[0]}: a stage has the label {head!r} too; give it another label")
    if head == "vars" and rest[0] not in known:
        raise unknown("variable in --set", rest[0], known)
    return dict(raw) | {head: _placed(known, rest, value)}


def _placed(table: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    head, *rest = path
    inner = table.get(head, {})
    return dict(table) | {
        head: _placed(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    }


def _literal(text: str, assignment: str) -> Any:
    """A value parsed as TOML; text that is not TOML is a string, such as the name of a method."""
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except (ValueError, RecursionError):
        raise UsageError(f"--set {assignment[:200]!r}: its value is too long or nested too deeply") from None
    if set(found) != {"value"}:
        raise UsageError(f"--set {assignment[:200]!r}: set one value at a time")
    check_size(found, f"--set {assignment[:200]!r}")
    return found["value"]
