"""The table of pruning methods. A method is a row of pure functions; a plugin adds rows (``prunekit.methods``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from prunekit.registry import Lazy, Registry


class Method(NamedTuple):
    """How to rank and how much each layer keeps.

    ``sensitivity(subject) -> {layer name: Tensor}``: per weight for ``structure`` weight; per filter, or per input
    channel where ``ranks`` says so, for structure filter. ``allocate``: for weights, scores -> comparable scores
    (:func:`across_layers`, :func:`within_layers`); for filters, (choice, level) -> count per layer, growing with level.
    ``scope``: whether layers compete (global) or each is ranked alone (layer). ``sampled``: kept by a seeded draw with
    probability in proportion to the sensitivity, instead of the largest first.
    """

    structure: Literal["weight", "filter"]
    scope: Literal["global", "layer"]
    data_informed: bool
    sensitivity: Callable[..., Any]
    allocate: Callable[..., Any]
    source: str
    ranks: Literal["outputs", "inputs"] = "outputs"
    sampled: bool = False
    needs_labels: bool = False


_ACROSS = Lazy("prunekit.pruning.allocation:across_layers")
_UNIFORM = Lazy("prunekit.pruning.allocation:uniform_share")
_BOUND = Lazy("prunekit.pruning.allocation:error_bound")
_MAGNITUDE = Lazy("prunekit.pruning.sensitivity:magnitude")
_SIPP = Lazy("prunekit.pruning.informed:sipp")
_PFP = Lazy("prunekit.pruning.informed:pfp")

METHODS: Registry[Method] = Registry(
    "method",
    {
        "wt": Method("weight", "global", False, _MAGNITUDE, _ACROSS, "Han et al. 2015, arXiv:1506.02626"),
        "sipp": Method("weight", "global", True, _SIPP, _ACROSS, "Baykal et al. 2019, arXiv:1910.05422"),
        "ft": Method(
            "filter",
            "layer",
            False,
            Lazy("prunekit.pruning.sensitivity:filter_l1"),
            _UNIFORM,
            "Li et al. 2017, arXiv:1608.08710",
        ),
        "pfp": Method(
            "filter", "layer", True, _PFP, _BOUND, "Liebenwein et al. 2020, arXiv:1911.07412", ranks="inputs"
        ),
    },
    entry_point_group="prunekit.methods",
)
