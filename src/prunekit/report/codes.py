"""The text for every code that rows carry (flags, roles, methods): codes are for programs, texts for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prunekit.analysis.flags import Flag
from prunekit.analysis.shifts import parts_of
from prunekit.analysis.variant import Role
from prunekit.pruning.methods import METHODS

FLAGS: dict[Flag, str] = {
    Flag.FEW_IMAGES: "fewer than 100 images: the interval is wide and its shape is an assumption",
    Flag.ONE_SEED: "1 seed: the interval covers images only",
    Flag.OUTLYING: "seeds differ far more here than elsewhere in the study: the interval uses only these "
    "seeds",
    Flag.CHANCE: "the parent is no better than guessing here, so its descendants have nothing to lose",
    Flag.CHANCE_LEFT_OUT: "distributions on which the parent is no better than guessing are left out",
    Flag.SEVERITIES_GROUPED: "the severities of one corruption together have the weight of one distribution",
    Flag.NOT_FINITE: "images whose loss is not a finite number are left out",
    Flag.MEAN_RISE: "computed from the mean rise over seeds, not from the mean potential",
    Flag.EXPECTED: "several seeds: the interval is for the potential to expect from new networks",
    Flag.ONE_PARENT: "repetitions under 1 parent: the interval covers images only",
    Flag.ONE_PAIR: "one pair of networks: the interval covers images only",
    Flag.UNDEFINED: "undefined: nothing to average over",
    Flag.OUTSIDE: "the value lies outside its interval: resampling is biased here",
    Flag.AT_LARGEST: "at the largest ratio tested: the potential may be higher",
    Flag.NONE_COMMENSURATE: "every tested ratio exceeds the margin",
    Flag.NOT_MONOTONE: "a smaller ratio exceeds the margin although this one does not",
    Flag.FEW_SEEDS: "few seeds on a grid of ratios: the interval may cover less than 95 %",
    Flag.SOME_SEEDS: "some seeds or repetitions lack a ratio",
    Flag.NO_CONTROL: "no separate network: the control is left out",
    Flag.NO_TEST: "1 seed: no Welch test",
    Flag.LARGEST: "the largest gap of many classes is biased upwards",
    Flag.SMALLEST: "the smallest of many classes is biased downwards",
    Flag.FEW_NETWORKS: "fewer than 30 networks: the most frequent label of few networks is uncertain",
    Flag.IMAGES_ONLY: "the interval covers images only",
    Flag.BIASED: "ECE of a finite sample is biased upwards, most at small n",
    Flag.NOT_STORED: "not stored with these outcomes",
    Flag.NOT_ALL_CORRUPTIONS: "not all 15 corruptions of ImageNet-C",
    Flag.NOT_ALL_SEVERITIES: "not all five severities of every corruption",
    Flag.LOST: "some planned measurements for this number are missing",
}

ROLES: dict[Role, str] = {
    Role.PARENT: "the unpruned parent",
    Role.PRUNED: "a pruned network",
    Role.COMPRESSED: "a network made smaller elsewhere",
    Role.LONGER: "the unpruned parent with extra training",
    Role.SEPARATE: "an unpruned network of another seed",
}


_BY_CODE: Mapping[str, str] = {str(code): text for code, text in FLAGS.items()}


def sentence_of(flag: str) -> str:
    """What a flag means; a code unknown to this version is shown unchanged."""
    return _BY_CODE.get(flag, flag)


def sentences_of(flags: Iterable[str]) -> list[str]:
    """What each flag means."""
    return [sentence_of(str(flag)) for flag in flags]


METHOD_NAMES: dict[str, str] = {
    "wt": "weight magnitude",
    "sipp": "SiPP: weights by sensitivity on data",
    "ft": "filters by their ℓ1 norm",
    "pfp": "PFP: filters by sensitivity on data",
    "random": "random weights",
    "uniform-wt": "weight magnitude, the same share of each layer",
    "lamp": "LAMP: magnitude scaled by layer",
    "snip": "SNIP: connection sensitivity",
    "taylor": "first-order Taylor expansion, weights",
    "l2": "filters by their ℓ2 norm",
    "fpgm": "filters near the geometric median",
    "slim": "network slimming: batch-norm scales",
    "taylor-filter": "first-order Taylor expansion, filters",
    "thinet": "ThiNet: channels by reconstruction",
    "sipp-rand": "SiPP, weights sampled by sensitivity",
    "random-filter": "random filters",
    "uniform-filter": "random filters, the same share of each layer",
    "pfp-rand": "PFP, filters sampled by sensitivity",
    "lamp-filter": "LAMP: norms of whole filters, scaled by layer",
    "group-taylor": "first-order Taylor expansion, filters, without cancelling",
    "hessian": "optimal brain damage, filters",
    "synflow": "SynFlow: signal flow through each weight",
    "wanda": "Wanda: magnitude times the norm of the input",
    "obc": "optimal brain compression, weights refitted",
    "nm": "n of every m consecutive weights",
}


MADE_ELSEWHERE = "method of a network made elsewhere, as stated at import"


def method_names(rows: Iterable[Mapping[str, object]]) -> list[tuple[str, str, str]]:
    """The methods of the rows, once each: code, name and source."""
    rows = [row for row in rows if row.get("method")]
    ours = {str(row["method"]) for row in rows if row.get("role") != Role.COMPRESSED}
    return [
        (code, METHOD_NAMES.get(code, ""), METHODS[code].source if code in METHODS else "")
        if code in ours
        else (code, MADE_ELSEWHERE, "")
        for code in sorted({str(row["method"]) for row in rows}, key=_in_order)
    ]


def _in_order(code: str) -> tuple[int, str]:
    """Sort key: the methods in the order of the table, the paper's first; then others by name."""
    order = list(METHOD_NAMES)
    return (order.index(code) if code in order else len(order), code)


def shift_names(distributions: Iterable[object]) -> list[tuple[str, str, str]]:
    """What the names of shifted distributions mean: for each kind an example, its meaning, and an empty source."""
    found: dict[str, str] = {}
    for name in map(str, distributions):
        parts = parts_of(name)
        if parts and parts.severity:
            found.setdefault("the test images under this corruption, at this severity of 1 to 5", name)
        elif parts and parts.noise and parts.noise[1]:
            found.setdefault("the test images with noise of this size, in units of normalised inputs", name)
    return [(name, said, "") for said, name in found.items()]
