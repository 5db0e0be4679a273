"""Prune neural networks, then measure what test accuracy hides.

The Python interface, each loaded at first use. Pruning: :func:`build`, :func:`prune`, :func:`shrink`, :func:`explain`,
:func:`sensitivities`, :func:`corrupt`. Stored networks: :func:`compare`, :func:`potential`, :func:`add`, :func:`load`,
``Store``. Networks in memory: :func:`compare`, :func:`evaluate`. Arrays: :func:`churn`, :func:`outcomes`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from prunekit.errors import deprecated
from prunekit.registry import Lazy

if TYPE_CHECKING:
    from prunekit.api import add, churn, compare, evaluate, load, outcomes, potential
    from prunekit.data.corruptions.apply import corrupt
    from prunekit.models.archs import build
    from prunekit.pruning.api import prune, sensitivities
    from prunekit.pruning.explain import explain
    from prunekit.pruning.masks import apply_
    from prunekit.pruning.shrink import shrink
    from prunekit.store.store import Store

__version__ = "0.2.0"
__all__ = [
    "Store",
    "add",
    "apply_",
    "build",
    "churn",
    "compare",
    "corrupt",
    "evaluate",
    "explain",
    "load",
    "outcomes",
    "potential",
    "prune",
    "sensitivities",
    "shrink",
]

_PUBLIC = {
    "build": Lazy("prunekit.models.archs:build"),
    "prune": Lazy("prunekit.pruning.api:prune"),
    "sensitivities": Lazy("prunekit.pruning.api:sensitivities"),
    "apply_": Lazy("prunekit.pruning.masks:apply_"),
    "explain": Lazy("prunekit.pruning.explain:explain"),
    "shrink": Lazy("prunekit.pruning.shrink:shrink"),
    "corrupt": Lazy("prunekit.data.corruptions.apply:corrupt"),
    "compare": Lazy("prunekit.api:compare"),
    "churn": Lazy("prunekit.api:churn"),
    "outcomes": Lazy("prunekit.api:outcomes"),
    "evaluate": Lazy("prunekit.api:evaluate"),
    "potential": Lazy("prunekit.api:potential"),
    "add": Lazy("prunekit.api:add"),
    "load": Lazy("prunekit.api:load"),
    "Store": Lazy("prunekit.store.store:Store"),
}
# Modules of 0.1 that have moved, and where they are now: read under the old name until 0.4.
_MOVED = {name: f"prunekit.store.{name}" for name in ("archive", "locks", "records", "remote")}


def __getattr__(name: str) -> Any:
    """Import a public function at first use: ``import prunekit`` loads no torch."""
    if name in _MOVED:
        deprecated(f"prunekit.{name}", _MOVED[name], removed_in="0.4")
        return import_module(_MOVED[name])
    if name not in _PUBLIC:
        raise AttributeError(f"module 'prunekit' has no attribute {name!r}")
    return _PUBLIC[name].load()


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
