"""The controls with extra training in words: which networks each is fair for, and its result for the headline's.

A control is fair for a network that was retrained for the same number of epochs in total. A network may be compared
with several controls of different settings: the fair one is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prunekit.analysis.labels import LABEL
from prunekit.report.select import by_label, nominal_rows
from prunekit.report.study import Row, Study, measured, sort_by, split
from prunekit.report.words import count, listed, percent

AGAINST = "against"  # the column that says what a rise is relative to
TRAINED = "trained"  # the column that says how much longer a control was trained


def potentials(study: Study, finding: str = "longer-potential") -> list[Row]:
    """The potentials relative to controls, one per network and distribution: the control fair for most ratios."""
    return _first(
        study.of(finding), lambda row: -len(row.get("fair_at") or []), LABEL, "distribution", "finding"
    )


def rises(study: Study, finding: str = "longer-rise") -> list[Row]:
    """The rises over controls, one per network, ratio and distribution, with a column that describes the control."""
    found = _first(study.of(finding), lambda row: not row.get("fair"), LABEL, "distribution", "asked")
    return [{**row, AGAINST: _against(row)} for row in found]


class Epochs(int):
    """How many more epochs a control was trained: sorted as a number, printed in words."""

    def __str__(self) -> str:
        return f"{count(int(self), 'epoch')} more"


def errors(study: Study, finding: str = "longer-error") -> list[Row]:
    """The controls' errors, with a column of their extra epochs, or of their labels if several had equally many."""
    rows = measured(study.of(finding))
    of_label = {row[LABEL]: sum(row.get("rounds") or [0]) for row in rows}
    alone = len(set(of_label.values())) == len(of_label)
    return [{**row, TRAINED: Epochs(of_label[row[LABEL]]) if alone else row[LABEL]} for row in rows]


def _first(rows: Sequence[Row], rank: Any, *fields: str) -> list[Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in sorted(measured(rows), key=lambda row: (rank(row), str(row.get("control")))):
        found.setdefault(tuple(row.get(field) for field in fields), row)
    return sort_by(found.values(), *fields)


def _against(row: Row) -> str:
    own, control = row.get("retrained"), row.get("control_retrained")
    if own is None or control is None:
        return "relative to a control whose extra training is not known"
    had = "the same as this network" if row.get("fair") else f"whereas this network had {own}"
    return f"relative to a control with {count(control, 'epoch')} more, {had}"


def caption(study: Study) -> str:
    """What the figure shows, and which networks its controls are fair for."""
    asked = by_label(study.of("longer-rise"))
    said = [f"{_fair(label, rows)}" for label, rows in asked.items()]
    return (
        "Prune potential relative to another unpruned network: the parent with extra training and without pruning. "
        "A control is fair for a network that was retrained for the same number of epochs in total. "
        f"{' '.join(dict.fromkeys(_together(said, list(asked))))}"
    )


def _fair(label: str, rows: Sequence[Row]) -> str:
    ratios = split(rows, "asked")
    fair = [ratio for ratio, each in ratios.items() if any(row.get("fair") for row in each)]
    if len(fair) == len(ratios):
        return "every tested ratio has such a control"
    if not fair:
        return "no tested ratio has such a control, so longer training may explain an advantage"
    return (
        f"only {listed([percent(ratio) for ratio in fair])} {'has' if len(fair) == 1 else 'have'} such a control; "
        "at other ratios, longer training may explain an advantage"
    )


def _together(said: Sequence[str], labels: Sequence[Any]) -> list[str]:
    """The statements on several networks, each made once for all the networks that it is true of."""
    groups = {
        text: [str(label) for label, each in zip(labels, said, strict=True) if each == text] for text in said
    }
    if len(groups) == 1:
        return [f"{text[:1].upper()}{text[1:]}." for text in groups]
    return [f"Of {listed(names)} {text}." for text, names in groups.items()]


def of_network(study: Study, label: str, ratio: float | None) -> str:
    """Which control is fair for the network of this label and ratio, and its result; for all ratios if it is None."""
    rows = [row for row in rises(study) if row.get("nominal") and row[LABEL] == label]
    if ratio is None:
        return _of_all(rows)
    at = next((row for row in rows if row.get("asked") == ratio), None)
    if at is None:
        return _without(study, label)
    epochs = at.get("retrained")
    more = "" if epochs is None else f", retrained for {count(int(epochs), 'epoch')} in total"
    if at.get("fair"):
        return (
            "Compared with its fair control, the unpruned parent with the same extra training "
            f"({count(int(epochs or 0), 'epoch')}), the test error of {label} at {percent(ratio)} rises by "
            f"{_rise(at)}: {_verdict(at)}."
        )
    control = at.get("control_retrained")
    had = "" if control is None else f" (the available one had {control})"
    return (
        f"No control is fair for this network{more}: no unpruned parent had the same extra training{had}. Longer "
        "training may explain part of its accuracy."
    )


def _of_all(rows: Sequence[Row]) -> str:
    fair = [percent(row["asked"]) for row in rows if row.get("fair")]
    if not rows:
        return ""
    if not fair:
        return "No control had as much extra training as any of the networks."
    return (
        f"The control with extra training is fair for {listed(fair)}: it had as much extra training as the network "
        "there."
    )


def _rise(row: Row) -> str:
    value, low, high = (f"{100 * row[name]:+.1f}".replace("-", "−") for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}] points"


def _verdict(row: Row) -> str:
    words = {"within": "within the margin", "beyond": "beyond the margin"}
    return words.get(str(row.get("verdict")), "whether that is within the margin is undecided")


def _without(study: Study, label: str) -> str:
    """The statement if no parent was trained longer; empty for networks that were not retrained here."""
    curve = nominal_rows(study, "prune-curve", label=label)
    if not any(row.get("retraining") and row.get("retrain_epochs") for row in curve):
        return ""
    return (
        "No control: no unpruned parent had as much extra training as this network, so longer training may explain "
        "part of its accuracy."
    )
