"""What a network is: a frozen identity compared field by field, and the seeds that it leaves out."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

ID_DIGITS = 8
BEFORE = "before"  # the setting that says what was done before the first pruning, or the latest retraining


class Role(StrEnum):
    """The part that a network plays in a comparison."""

    PARENT = "parent"
    PRUNED = "pruned"
    COMPRESSED = "compressed"
    LONGER = "longer"
    SEPARATE = "separate"


UNPRUNED = (Role.PARENT, Role.LONGER, Role.SEPARATE)


class Seeds(NamedTuple):
    """The seeds of a lineage: the root's, then those of its prune and its retrain steps, in order."""

    root: int
    prune: tuple[int, ...] = ()
    retrain: tuple[int, ...] = ()


class Variant(NamedTuple):
    """Everything that makes a network what it is, except its seeds and its prune ratio.

    ``structure`` is weight or filter; ``retraining`` the mode of the latest retraining, None without one;
    ``retrain_epochs`` its length; ``cascade`` is None where nothing was pruned here. ``settings`` holds every other
    parameter of the lineage that differs from its default, as sorted (name, JSON text): a parameter added by a later
    version distinguishes variants without a change here.
    """

    role: Role = Role.PRUNED
    method: str | None = None
    structure: str | None = None
    retraining: str | None = None
    retrain_epochs: int | None = None
    cascade: bool | None = None
    train_distribution: str | None = None
    arch: str | None = None
    dataset: str | None = None
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """A short name of the network's identity, independent of its role in a comparison and of installed plugins."""
        return _id_of(self)

    def columns(self) -> dict[str, Any]:
        """The columns of a row, as JSON values."""
        return dict(_columns_of(self))

    def columns_without_id(self) -> dict[str, Any]:
        """The identity as JSON values."""
        settings = {name: json.loads(text) for name, text in self.settings}
        return {**self._asdict(), "role": str(self.role), "settings": settings}


@lru_cache(maxsize=1024)
def _id_of(variant: Variant) -> str:
    role = Role.PARENT if variant.role == Role.SEPARATE else variant.role
    fields = variant.columns_without_id() | {"role": str(role), "structure": None}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]


@lru_cache(maxsize=1024)
def _columns_of(variant: Variant) -> dict[str, Any]:
    """The columns of a variant, computed once because thousands of rows share them."""
    return {"variant": variant.id, **variant.columns_without_id()}


def settings_of(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Named JSON values in the canonical form of :attr:`Variant.settings`; 1.0 equals 1."""
    return tuple((name, json.dumps(_plain(value), sort_keys=True)) for name, value in sorted(values.items()))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
