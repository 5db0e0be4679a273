"""Options of a method: a typed table per row, and the values given for it. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from prunekit.errors import UsageError, unknown

Value = bool | int | float | str


class Option(NamedTuple):
    """One option of a method: its default (which also sets its type), its meaning, and its least value."""

    default: Value
    meaning: str
    least: float | None = None


Options = Mapping[str, Option]
NONE: Options = MappingProxyType({})


def filled(method: str, options: Options, given: Mapping[str, Value]) -> dict[str, Value]:
    """Every option's value, given or default; a :class:`UsageError` names a wrong one and what it may be."""
    for name, value in given.items():
        if not options:
            raise UsageError(f"method {method} has no options (given: {name})")
        if name not in options:
            raise unknown(f"option of method {method}", name, options)
        _check(method, name, options[name], value)
    return {name: given.get(name, option.default) for name, option in options.items()}


def _check(method: str, name: str, option: Option, value: Value) -> None:
    wanted = type(option.default)
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    if not fits or (option.least is not None and isinstance(value, int | float) and value < option.least):
        least = "" if option.least is None else f" of at least {option.least:g}"
        raise UsageError(
            f"option {name} of method {method} must be a value of type {wanted.__name__}{least}, such "
            f"as {option.default!r} (given: {value!r})"
        )
