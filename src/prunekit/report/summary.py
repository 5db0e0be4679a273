"""The numbers in plain words: the first thing on the page, built only from the findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prunekit.analysis.flags import Flag
from prunekit.analysis.variant import Role
from prunekit.report import control
from prunekit.report.comparison_tables import worst
from prunekit.report.first_page import judged, largest_within, signed
from prunekit.report.headline import headline_of
from prunekit.report.select import asked_near, by_label, deployed, shift_set, summary_row
from prunekit.report.study import SEPARATE, Row, Study, measured, split
from prunekit.report.words import count, listed, name_of, percent, points, trimmed

CLOSER = {"agreement": 1, "softmax_l2": -1}
# For one claim, and for several.
VERDICTS = {
    "holds": ("holds", "hold"),
    "does not hold": ("does not hold", "do not hold"),
    "cannot tell": ("is undecided", "are undecided"),
}


def headline(study: Study) -> str:
    """The finding of the report in one sentence, and a note if planned steps are missing."""
    return " ".join(filter(None, (_finding(study), _incomplete(study))))


def _incomplete(study: Study) -> str:
    missing = dict(study.facts).get("missing")
    return f"This report is incomplete: {missing}." if missing else ""


def _finding(study: Study) -> str:
    """The finding of the verdicts, or a note that nothing was judged."""
    return headline_of(study) or "There are no verdicts: no network was measured together with its parent."


def _nominal(study: Study, finding: str) -> list[Row]:
    return study.of(finding, nominal=True)


def sentences(study: Study) -> list[str]:
    """The statements of the summary: comparisons, potentials, extra training, excess error, similarity, claims."""
    return [statement for part in PARTS for statement in _few(list(part(study)))]


MOST_ALIKE = 6


def _few(statements: list[str]) -> list[str]:
    """The first statements of one kind, and a count of the rest."""
    more = len(statements) - MOST_ALIKE
    said = [f"{count(more, 'more network')} in the tables."] if more > 0 else []
    return [*statements[:MOST_ALIKE], *said]


def _compared(study: Study) -> Iterator[str]:
    """Each network's flips and its worst class and group, on the nominal (or else the first) distribution."""
    for network, rows in by_label(study.of("comparison")).items():
        row = next((each for each in rows if each.get("nominal")), rows[0])
        if row.get("agreement") is None:
            continue
        same, where = percent(row["agreement"], 1), name_of(row["distribution"])
        said = f"{network} agrees with its parent on {same} of the images of {where}; it breaks "
        said += f"{row['broken']:,} and fixes {row['fixed']:,} of {row['n']:,}"
        for kind in ("class", "group"):
            if (row.get(f"worst_{kind}_rise") or 0) > 0:
                said += f"; the {kind} with the largest rise in error is {worst(row, kind)}"
        yield f"{said}."


def _potentials(study: Study) -> Iterator[str]:
    for method, rows in by_label(_nominal(study, "potential")).items():
        value = asked_near(study, rows[0]["value"])
        kept = _kept(method, value, points(study.margin), _surely(study, method, value))
        yield f"{kept}{_shifted(study, method)}."


def _kept(method: str, value: float, rise: str, surely: str) -> str:
    if value == 0:
        return f"{method}: every tested ratio raises the measured error on the test set by more than {rise}"
    highest = f"{percent(value)} is the highest tested ratio whose measured error"
    return f"{method}: {highest} is within {rise} on the test set{surely}"


def _surely(study: Study, method: str, value: float) -> str:
    """Up to which ratio that is certain, if it is not the same: the verdict of the first page on the test set."""
    nominal = [each for each in judged(study) if each.nominal and each.label == method]
    safe = largest_within(nominal)
    if not nominal or safe == value:
        return ""
    return f" ({f'{percent(safe)} is' if safe else 'none is'} with 95 % confidence)"


def _shifted(study: Study, method: str) -> str:
    mean, least = (summary_row(study, method, statistic) for statistic in ("mean", "minimum"))
    if mean is None or least is None:
        return ""
    held = mean.get("distributions") or []
    where = _lowest(study, method, held)
    at = f" ({where})" if where else ""
    over = f"over {count(len(held), 'distribution')} of the set “{name_of(mean.get('distribution'))}”"
    worst = percent(asked_near(study, least["value"]))
    return f"; {over} it is {percent(mean['value'])} on average and {worst} at worst{at}"


def _lowest(study: Study, method: str, held: Sequence[Any]) -> str:
    rows = [row for row in measured(study.of("potential", label=method)) if row.get("distribution") in held]
    least = min((row["value"] for row in rows), default=0.0)
    names = [name_of(row["distribution"]) for row in rows if row["value"] == least]
    return listed(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more"


def _longer(study: Study) -> Iterator[str]:
    """The nominal potentials relative to a parent given extra training."""
    nominal = by_label(row for row in control.potentials(study) if row.get("nominal"))
    found = [f"{percent(asked_near(study, rows[0]['value']))} for {name}" for name, rows in nominal.items()]
    if found:
        fair = all(row.get("fair") for row in control.rises(study))
        parent = "with as much extra training as each network" if fair else "given extra training"
        rest = (
            ""
            if fair
            else " This control is fair for some ratios only: see “Compared with a parent given extra "
            "training”."
        )
        yield f"Compared with the unpruned parent {parent}, the nominal potential is {listed(found)}.{rest}"


def _excess(study: Study) -> Iterator[str]:
    """The measured difference in excess error at each method's largest ratio that test error allows."""
    ratios = deployed(study)
    chosen = shift_set(study, "excess-error")
    for label, rows in by_label(study.of("excess-error", distribution=chosen)).items():
        row = min(rows, key=lambda each: abs(each["prune_ratio"] - ratios.get(label, 1.0)))
        more = f"{trimmed(100 * abs(row['value']), 1)} points {'more' if row['value'] >= 0 else 'less'}"
        ends = f"{signed(row['value'])} [{signed(row['low'])}, {signed(row['high'])}]"
        yield (
            f"{label} pruned by {percent(row['asked'])}: pruning costs {more} "
            f"under shift than on the test set (difference {ends})."
        )


def _similarity(study: Study) -> Iterator[str]:
    control = {metric: _by_level(study.of("similarity", role=SEPARATE, metric=metric)) for metric in CLOSER}
    methods = list(by_label(study.of("similarity", role=Role.PRUNED)))
    if any(control.values()) and methods:
        reaches = [(_reach(study, name, control), name) for name in methods]
        told = [
            f"{reach} for {listed([name for each, name in reaches if each == reach])}"
            for reach in dict.fromkeys(reach for reach, _ in reaches)
        ]
        start = "On average, pruned networks agree with their parent under noise more than a separate network does"
        yield f"{start}: {listed(told)}."


def _reach(study: Study, method: str, control: dict[str, dict[float, float]]) -> str:
    """The prune ratios at which a method's networks are closer to the parent than the control at every level."""
    ratios = split(measured(study.of("similarity", label=method)), "prune_ratio")
    closer = [ratio for ratio, rows in ratios.items() if _is_closer(rows, control)]
    if not closer:
        return "at no tested prune ratio"
    if closer == list(ratios)[: len(closer)]:
        return f"up to {percent(asked_near(study, closer[-1]))}"
    return f"at {listed([percent(asked_near(study, ratio)) for ratio in closer])}"


def _by_level(rows: Sequence[Row]) -> dict[float, float]:
    return {row["level"]: row["value"] for row in measured(rows)}


def _is_closer(rows: Sequence[Row], control: dict[str, dict[float, float]]) -> bool:
    """Whether a network is closer to the parent than the control at every level, by both metrics."""
    signs = [
        CLOSER[row["metric"]] * (row["value"] - control[row["metric"]][row["level"]])
        for row in rows
        if row.get("metric") in CLOSER and row.get("level") in control[row["metric"]]
    ]
    return bool(signs) and min(signs) > 0


def _claims(study: Study) -> Iterator[str]:
    rows = study.of("claim")
    counts = {verdict: sum(row.get("verdict") == verdict for row in rows) for verdict in VERDICTS}
    told = [f"{number} {VERDICTS[verdict][number > 1]}" for verdict, number in counts.items() if number]
    if told:
        yield f"Of {count(len(rows), 'claim')} of the paper, {listed(told)}."


def caution(study: Study) -> Iterator[str]:
    lost = [row for row in measured(study.rows) if Flag.LOST in (row.get("flags") or [])]
    if lost:
        subject = "1 number rests" if len(lost) == 1 else f"{len(lost)} numbers rest"
        yield (
            f"{subject} on fewer measurements than planned, and may be higher or lower than in the "
            "complete study."
        )
    seeds = [row["seeds"] for row in study.rows if isinstance(row.get("seeds"), int)]
    if seeds and max(seeds) == 1:
        yield "One seed: intervals cover the choice of test images, but not retraining with another seed."
    flagged = [row for row in study.of("potential") if Flag.AT_LARGEST in (row.get("flags") or [])]
    if flagged:
        subject = "1 potential sits" if len(flagged) == 1 else f"{len(flagged)} potentials sit"
        yield f"{subject} at the largest prune ratio that was tested: the true value may be higher."


PARTS: tuple[Callable[[Study], Iterator[str]], ...] = (
    _compared,
    _potentials,
    _longer,
    _excess,
    _similarity,
    _claims,
)
