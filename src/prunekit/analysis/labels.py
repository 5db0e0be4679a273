"""The labels of networks in tables, figures and sentences: made here from their columns, and parsed nowhere.

A label says only what distinguishes the networks of one table: just the method if only methods differ.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prunekit.analysis.variant import BEFORE, UNPRUNED, Role

Row = Mapping[str, Any]

LABEL = "label"
WORDS = {
    Role.PARENT: "parent",
    Role.LONGER: "longer",
    Role.SEPARATE: "separate",
    Role.COMPRESSED: "compressed",
}


def _cascade(value: Any) -> str:
    return "" if value is None else "cascade" if value else "one-shot"


# How each column reads, in the order of a label's parts.
PARTS: dict[str, Callable[[Any], str]] = {
    "retraining": lambda value: "not retrained" if value is None else str(value),
    "retrain_epochs": lambda value: "" if value is None else f"{value} epochs",
    "cascade": _cascade,
    "train_distribution": lambda value: f"trained on {value}" if value else "",
    "arch": lambda value: str(value or ""),
    "dataset": lambda value: str(value or ""),
}
LONGEST_VALUE = 15

Identity = tuple[str, ...]
_as_text = json.JSONEncoder(sort_keys=True).encode


def labelled(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows, with a column ``label`` if they are of networks; equal networks have equal labels."""
    known: dict[Identity, Identity] = {}
    placed = [(_identity_among(known, row) if _is_named(row) else None, row) for row in rows]
    named = {identity: _told(row) for identity, row in placed if identity}
    labels = _distinct({identity: _label(row, list(named.values())) for identity, row in named.items()})
    return [{**row, LABEL: labels[identity]} if identity else dict(row) for identity, row in placed]


def _told(row: Row) -> Row:
    """The row as its label shows it: for a longer trained parent, the epochs of all rounds instead of the last."""
    rounds = row.get("rounds")
    if not rounds:
        return row
    settings = {name: value for name, value in (row.get("settings") or {}).items() if name != BEFORE}
    return {**row, "retrain_epochs": " + ".join(map(str, rounds)), "settings": settings}


def _is_named(row: Row) -> bool:
    return bool(row.get("method") or row.get("role"))


def _identity_among(known: dict[Identity, Identity], row: Row) -> Identity:
    """The identity of a row; rows with equal columns and an equal variant have equal settings, read only once."""
    if row.get("variant") is None or row.get("rounds"):
        return _identity(_told(row))
    columns = tuple(map(str, map(row.get, ("role", "variant", "method", *PARTS))))
    if columns not in known:
        known[columns] = _identity(row)
    return known[columns]


def _identity(row: Row) -> Identity:
    """Equal for rows of one network; a curve's row at ratio 0 counts with its curve."""
    columns = (row.get(name) for name in ("variant", "method", *PARTS))
    return (_family(row), *map(str, columns), _as_text(row.get("settings")))


def _family(row: Row) -> str:
    """The kind of network within which labels must differ: each kind of unpruned network, or all pruned ones."""
    role = str(row.get("role"))
    return role if role in UNPRUNED and not row.get("method") else str(Role.PRUNED)


def _label(row: Row, rows: Sequence[Row]) -> str:
    family = _family(row)
    kin = [other for other in rows if _family(other) == family]
    parts = [
        words(row.get(name))
        for name, words in PARTS.items()
        if len({str(each.get(name)) for each in kin}) > 1
    ]
    alike = [_settings(each) for each in kin if _base(each) == _base(row)]
    own = _settings(row)
    said = [_words(name, own[name]) for name in own if any(each.get(name) != own[name] for each in alike)]
    return ", ".join(filter(None, (_base(row), *parts, *said)))


def _base(row: Row) -> str:
    """The first word of a label: the method, or the role of a network without one."""
    method, role = row.get("method"), row.get("role")
    return str(method) if method else WORDS.get(Role(str(role)), str(role))


def _settings(row: Row) -> dict[tuple[str, str], Any]:
    """The settings by step and field; a value that is not a table of fields is a field itself."""
    found: dict[tuple[str, str], Any] = {}
    for step, fields in (row.get("settings") or {}).items():
        found |= (
            {(step, field): value for field, value in fields.items()}
            if isinstance(fields, dict)
            else {("", step): fields}
        )
    return found


def _words(name: tuple[str, str], value: Any) -> str:
    step, field = name
    return " ".join(filter(None, (step, field.replace("_", " "), _shown(value))))


def _shown(value: Any) -> str:
    """Steps, and rounds of steps, by their kinds; anything else by its first characters."""
    if isinstance(value, dict) and "kind" in value:
        return str(value["kind"])
    if isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        between = " / " if isinstance(value[0], list) else " + "
        return between.join(dict.fromkeys(map(_shown, value)))
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text[:LONGEST_VALUE]


def _distinct(labels: Mapping[Identity, str]) -> dict[Identity, str]:
    """The labels, numbered where two networks would share one."""
    seen = Counter(labels.values())
    used: Counter[str] = Counter()
    found = {}
    for identity, label in sorted(labels.items()):
        used[label] += 1
        found[identity] = label if seen[label] == 1 else f"{label} ({used[label]})"
    return found
