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
    probability in proportion to the sensitivity, instead of the largest first. ``updates``: the weights that are kept
    are new ones, fitted by least squares (:func:`prunekit.pruning.repair.repair`).
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
    updates: bool = False


def _of(module: str, name: str) -> Lazy:
    return Lazy(f"prunekit.pruning.{module}:{name}")


_ACROSS = _of("allocation", "across_layers")
_WITHIN = _of("allocation", "within_layers")
_UNIFORM = _of("allocation", "uniform_share")
_GLOBAL = _of("allocation", "global_share")
_BOUND = _of("allocation", "error_bound")
_MAGNITUDE = _of("scores.magnitude", "magnitude")
_ALIKE = _of("scores.magnitude", "alike")
_FILTERS_ALIKE = _of("scores.magnitude", "filters_alike")
_SIPP = _of("scores.informed", "sipp")
_PFP = _of("scores.informed", "pfp")
_THINET = _of("scores.thinet", "thinet")
_SNIP = _of("scores.gradients", "snip")
_TAYLOR = _of("scores.gradients", "taylor")
_TAYLOR_FILTER = _of("scores.gradients", "taylor_filter")


def _weights(sensitivity: Lazy, source: str, **more: Any) -> Method:
    return Method("weight", "global", more.pop("data_informed", False), sensitivity, _ACROSS, source, **more)


def _filters(sensitivity: Lazy, source: str, **more: Any) -> Method:
    return Method("filter", "layer", more.pop("data_informed", False), sensitivity, _UNIFORM, source, **more)


_ROWS: dict[str, Method] = {
    "wt": _weights(_MAGNITUDE, "Han et al. 2015, arXiv:1506.02626"),
    "sipp": _weights(_SIPP, "Baykal et al. 2019, arXiv:1910.05422", data_informed=True),
    "ft": _filters(_of("scores.magnitude", "filter_l1"), "Li et al. 2017, arXiv:1608.08710"),
    "pfp": Method(
        "filter", "layer", True, _PFP, _BOUND, "Liebenwein et al. 2020, arXiv:1911.07412", ranks="inputs"
    ),
    "random": _weights(_ALIKE, "control: Gale et al. 2019, arXiv:1902.09574", sampled=True),
    "uniform-wt": Method(
        "weight", "layer", False, _MAGNITUDE, _WITHIN, "Zhu and Gupta 2017, arXiv:1710.01878"
    ),
    "lamp": _weights(_of("scores.magnitude", "lamp"), "Lee et al. 2021, arXiv:2010.07611"),
    "snip": _weights(_SNIP, "Lee et al. 2019, arXiv:1810.02340", data_informed=True, needs_labels=True),
    "taylor": _weights(
        _TAYLOR,
        "Molchanov et al. 2019, arXiv:1906.10771, eq. 8 per weight",
        data_informed=True,
        needs_labels=True,
    ),
    "sipp-rand": _weights(
        _SIPP, "Baykal et al. 2019, arXiv:1910.05422, sampled", data_informed=True, sampled=True
    ),
    "random-filter": Method(
        "filter",
        "global",
        False,
        _FILTERS_ALIKE,
        _GLOBAL,
        "control: Mittal et al. 2018, arXiv:1801.10447",
        sampled=True,
    ),
    "uniform-filter": _filters(
        _FILTERS_ALIKE,
        "control: a uniform draw within every layer, Mittal et al. 2018, arXiv:1801.10447",
        sampled=True,
    ),
    "l2": _filters(
        _of("scores.magnitude", "filter_l2"), "He et al. 2018 (soft filter pruning), arXiv:1808.06866"
    ),
    "fpgm": _filters(_of("scores.magnitude", "geometric_median"), "He et al. 2019, arXiv:1811.00250"),
    "slim": Method(
        "filter",
        "global",
        False,
        _of("scores.magnitude", "norm_scale"),
        _GLOBAL,
        "Liu et al. 2017, arXiv:1708.06519",
    ),
    "taylor-filter": Method(
        "filter",
        "global",
        True,
        _TAYLOR_FILTER,
        _GLOBAL,
        "Molchanov et al. 2019, arXiv:1906.10771",
        needs_labels=True,
    ),
    "thinet": _filters(_THINET, "Luo et al. 2017, arXiv:1707.06342", data_informed=True, ranks="inputs"),
    "pfp-rand": Method(
        "filter",
        "layer",
        True,
        _PFP,
        _BOUND,
        "Liebenwein et al. 2020, arXiv:1911.07412, sampled",
        ranks="inputs",
        sampled=True,
    ),
    "lamp-filter": Method(
        "filter",
        "global",
        False,
        _of("scores.magnitude", "lamp_filter"),
        _GLOBAL,
        "Lee et al. 2021, arXiv:2010.07611, of whole filters",
    ),
    "group-taylor": Method(
        "filter",
        "global",
        True,
        _of("scores.gradients", "group_taylor"),
        _GLOBAL,
        "Molchanov et al. 2019, arXiv:1906.10771, eq. 8 summed without cancelling",
        needs_labels=True,
    ),
    "hessian": Method(
        "filter",
        "global",
        True,
        _of("scores.gradients", "hessian"),
        _GLOBAL,
        "LeCun et al. 1989 (optimal brain damage), with the empirical Fisher diagonal",
        needs_labels=True,
    ),
    "synflow": _weights(
        _of("scores.gradients", "synflow"), "Tanaka et al. 2020, arXiv:2006.05467, one round"
    ),
    "wanda": Method(
        "weight",
        "layer",
        True,
        _of("scores.layerwise", "wanda"),
        _ACROSS,
        "Sun et al. 2023, arXiv:2306.11695",
    ),
    "obc": _weights(
        _of("scores.layerwise", "obc"),
        "Frantar and Alistarh 2022, arXiv:2208.11580, in blocks",
        data_informed=True,
        updates=True,
    ),
}

METHODS: Registry[Method] = Registry("method", _ROWS, entry_point_group="prunekit.methods")
