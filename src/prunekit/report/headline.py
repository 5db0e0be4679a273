"""The finding of a report in one sentence, and the control that is fair for it, both from the page's verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from prunekit.analysis.verdict import Verdict, overall
from prunekit.report import control
from prunekit.report.first_page import Judged, by_network, judged, largest_within, ratios_of, rise_of, signed
from prunekit.report.study import Study
from prunekit.report.words import count, listed, name_of, percent


class Best(NamedTuple):
    """The headline's network, its largest ratio within the margin on the test set (None if none is), its rows there."""

    label: str
    ratio: float | None
    at: Sequence[Judged] = ()


def headline_of(study: Study) -> str:
    """The finding in one sentence, from the verdicts of the page."""
    found = judged(study)
    if not found:
        return ""
    if not any(each.ratio for each in found):
        return _compared(found)
    best = _best(found)
    if best.ratio is None:
        return (
            "No tested ratio is certain to be within the margin on the test set: these images are "
            "too few to decide, or the error already rises at the smallest ratio."
        )
    worst = max(best.at, key=lambda each: each.rise)
    kept = next((each for each in best.at if each.nominal), best.at[0])
    lead = f"Pruned by {percent(best.ratio)}, {name_of(best.label)} keeps its test error ({signed(kept.rise)} points)"
    if overall([each.verdict for each in best.at]) is Verdict.WITHIN:
        everywhere = f" and stays within the margin on all {count(len(best.at), 'distribution')}"
        return f"{lead}{'' if len(best.at) == 1 else everywhere}."
    if worst.verdict is Verdict.BEYOND:
        return f"{lead} but loses {signed(worst.rise).lstrip('+')} points under {worst.distribution}."
    return f"{lead}; whether it does under {worst.distribution} ({rise_of(worst)}) is undecided."


def control_of(study: Study) -> str:
    """Which control with extra training is fair for the headline's network, and its result; empty for a comparison."""
    found = [each for each in judged(study) if each.ratio]
    best = _best(found) if found else None
    return control.of_network(study, best.label, best.ratio) if best else ""


def _best(found: Sequence[Judged]) -> Best:
    label, members = max(
        by_network(found).items(),
        key=lambda item: largest_within([each for each in item[1] if each.nominal]) or 0.0,
    )
    ratio = largest_within([each for each in members if each.nominal] or members)
    return Best(label, ratio, ratios_of(members)[ratio] if ratio is not None else ())


def _compared(found: Sequence[Judged]) -> str:
    by_verdict: dict[Verdict, list[str]] = {}
    for label, members in by_network(found).items():
        by_verdict.setdefault(overall([each.verdict for each in members]), []).append(label)
    words = {
        Verdict.WITHIN: "within the margin everywhere",
        Verdict.BEYOND: "beyond the margin somewhere",
        Verdict.UNDECIDED: "undecided",
    }
    return "; ".join(f"{listed(names)}: {words[verdict]}" for verdict, names in by_verdict.items()) + "."
