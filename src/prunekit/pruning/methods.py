"""The table of pruning methods. A method is a row of pure functions; a plugin adds rows (``prunekit.methods``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from prunekit.base.code import PREFIX, imported, is_code
from prunekit.errors import UsageError
from prunekit.pruning.options import NONE, Option, Options, Value, filled
from prunekit.registry import Lazy, Registry


class Method(NamedTuple):
    """How a method ranks entries, and how much each layer keeps.

    ``sensitivity(subject) -> {layer name: Tensor}``: per weight for ``structure`` weight; for structure filter per
    filter, or per input channel if ``ranks`` is inputs. ``allocate``: for weights, scores -> comparable scores
    (:func:`across_layers`, :func:`within_layers`); for filters, (choice, level) -> count per layer, growing with level.
    ``scope``: whether layers compete (global) or each is ranked separately (layer). ``sampled``: what is kept is a
    seeded draw with probability in proportion to the sensitivity, not the largest. ``updates``: the kept weights get
    new values, fitted by least squares (:func:`prunekit.pruning.repair.repair`). ``options``: what a user may set,
    found by name in ``subject.options``. ``ranked_by``: the option that names the method whose scores this one uses,
    and whose data and label needs it inherits. ``unfit(subject) -> {layer name: reason}``: layers that the method does
    not fit and that must be skipped. ``holds``: infinite scores mark weights that stay; elsewhere they are an error.
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
    options: Options = NONE
    ranked_by: str = ""
    unfit: Callable[..., Any] | None = None
    holds: bool = False


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
    "nm": _weights(
        _of("scores.patterns", "nm"),
        "Mishra et al. 2021, arXiv:2104.08378; Zhou et al. 2021, arXiv:2102.04010",
        options={
            "n": Option(2, "weights kept out of every m", least=1),
            "m": Option(4, "consecutive inputs of a filter that share n", least=2),
            "score": Option("wt", "method whose scores choose: any weight method that does not sample"),
        },
        ranked_by="score",
        unfit=_of("scores.patterns", "unfit"),
        holds=True,
    ),
}

METHODS: Registry[Method] = Registry("method", _ROWS, entry_point_group="prunekit.methods")
Function = Callable[..., Any]


class Chosen(NamedTuple):
    """The requested method: its name, its row, and the value of every option.

    ``row`` is the function itself if the user passed one; a call shows whether it ranks weights or filters.
    """

    name: str
    row: Method | Function
    options: dict[str, Value]

    @property
    def looks_at_data(self) -> bool:
        """Whether it needs a sample; a user's function may use one."""
        return not isinstance(self.row, Method) or self.row.data_informed

    @property
    def updates(self) -> bool:
        """Whether the kept weights get new values."""
        return isinstance(self.row, Method) and self.row.updates


def check_name(name: str) -> None:
    """Look up a method; for the user's own code only the form of its name is checked, as nothing is imported here."""
    if not is_code(name):
        METHODS[name]  # a wrong name raises
    elif not all(name.removeprefix(PREFIX).partition(":")):
        raise UsageError(f"method {name!r} is incomplete: write it like module:scores.py:function")


def check_options(name: str, given: Mapping[str, Value]) -> None:
    """Look up the options of a method; those of the user's own code are checked when it is imported."""
    if not is_code(name):
        chosen(name, given)


def chosen(method: str | Method | Function, given: Mapping[str, Value]) -> Chosen:
    """The method of this name (``module:package.file:function`` for the user's own code), row or function.

    :class:`UsageError`: no such method or option, or a value that an option does not take.
    """
    if isinstance(method, str):
        name, row = (
            method,
            imported(method.removeprefix(PREFIX), "method") if is_code(method) else METHODS[method],
        )
    else:
        name, row = getattr(method, "__name__", "of your own"), method
    if not callable(row) and not isinstance(row, Method):
        raise UsageError(f"method {name} is a {type(row).__name__}, neither a function nor a Method")
    options = filled(name, row.options if isinstance(row, Method) else NONE, given)
    return Chosen(name, _with_needs(name, row, options) if isinstance(row, Method) else row, options)


def _with_needs(name: str, row: Method, options: Mapping[str, Value]) -> Method:
    """The row with the data and label needs of the method whose scores it uses."""
    if not row.ranked_by:
        return row
    base = METHODS[str(options[row.ranked_by])]
    if not _ranks(base, row):
        able = [each for each, other in METHODS.working() if _ranks(other, row)]
        raise UsageError(
            f"method {name} cannot use the scores of {options[row.ranked_by]}: it can use those of "
            f"{', '.join(able)}"
        )
    return row._replace(data_informed=base.data_informed, needs_labels=base.needs_labels)


def _ranks(other: Method, row: Method) -> bool:
    return other.structure == row.structure and not other.sampled and not other.ranked_by
