"""Which results a stage starts from: those of the stages that it names, filtered by its ``where``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from prunekit import distribution as grammar
from prunekit.errors import UsageError, unknown

MOST_NAMED = 10


class Made(NamedTuple):
    """A result that a stage will make: its key, and what is known of its lineage before it runs.

    ``kind`` is that of its last step; ``chosen`` are the fields of the steps of its lineage, where later steps
    override earlier ones.
    """

    kind: str
    key: str
    root: str
    dataset: str
    prune_ratio: float
    chosen: Mapping[str, Any]


Where = Mapping[str, tuple[Any, ...]]


def selected(pools: Sequence[Sequence[Made]], where: Where) -> list[list[Made]]:
    """The results of each pool that match ``where``; a field that a result lacks (a parent's method) excludes nothing.

    :class:`UsageError` for a condition on a field, or on a value, that none of them has.
    """
    everyone = [result for pool in pools for result in pool]
    canonical = {name: tuple(_canonical(name, value) for value in values) for name, values in where.items()}
    for name, values in canonical.items():
        _check(name, values, everyone)
    return [[result for result in pool if _wanted(result, canonical)] for pool in pools]


def _canonical(name: str, value: Any) -> Any:
    return str(grammar.parse(value)) if name == "distribution" and isinstance(value, str) else value


def _check(name: str, values: Sequence[Any], everyone: Sequence[Made]) -> None:
    having = dict.fromkeys(result.chosen[name] for result in everyone if name in result.chosen)
    if not having:
        raise unknown(
            "field in where",
            name,
            dict.fromkeys(field for each in everyone for field in each.chosen),
            field=("where", name),
        )
    for place, value in enumerate(values):
        if value not in having:
            raise UsageError(
                f"where.{name}: no result that it starts from has {value!r} (available: {_some(having)})",
                field=("where", name, place),
            )


def _some(values: Iterable[Any]) -> str:
    named = ["unset" if value is None else repr(value) for value in values]
    return ", ".join(named[:MOST_NAMED]) + (" ..." if len(named) > MOST_NAMED else "")


def _wanted(result: Made, where: Where) -> bool:
    return all(result.chosen[name] in values for name, values in where.items() if name in result.chosen)
