"""Prune neural networks, then measure what test accuracy hides.

The Python interface, each loaded at first use: :func:`build`, :func:`prune`, :func:`shrink`, :func:`sensitivities`,
:func:`corrupt`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunekit.registry import Lazy

if TYPE_CHECKING:
    from prunekit.data.corruptions.apply import corrupt
    from prunekit.models.archs import build
    from prunekit.pruning.api import prune, sensitivities
    from prunekit.pruning.explain import explain
    from prunekit.pruning.shrink import shrink

__version__ = "0.1.0"
__all__ = ["build", "corrupt", "explain", "prune", "sensitivities", "shrink"]

_PUBLIC = {
    "build": Lazy("prunekit.models.archs:build"),
    "prune": Lazy("prunekit.pruning.api:prune"),
    "sensitivities": Lazy("prunekit.pruning.api:sensitivities"),
    "explain": Lazy("prunekit.pruning.explain:explain"),
    "shrink": Lazy("prunekit.pruning.shrink:shrink"),
    "corrupt": Lazy("prunekit.data.corruptions.apply:corrupt"),
}


def __getattr__(name: str) -> Any:
    """Import a public function when it is first asked for: ``import prunekit`` loads no torch."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'prunekit' has no attribute {name!r}")
    return _PUBLIC[name].load()


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
