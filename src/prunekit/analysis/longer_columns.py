"""The columns of the findings about parents that were trained longer."""

from __future__ import annotations

from prunekit.analysis.columns import ASKED, JUDGED, POTENTIAL_COLUMNS, RISE_COLUMNS, Columns

LONGER_ERROR: Columns = {
    "rounds": (
        list[int] | None,
        "Epochs of each round of training after the parent's own; none where unknown.",
    ),
    **RISE_COLUMNS,
}
LONGER_RISE: Columns = {
    "asked": ASKED,
    "control": (str | None, "The variant of the control; none if it differs between seeds."),
    "retrained": (int | None, "Epochs of all retrainings of the pruned network; none where unknown."),
    "control_retrained": (
        int | None,
        "Epochs of the control after the parent's own; none where unknown.",
    ),
    "fair": (bool, "Whether both numbers of epochs are equal."),
    **JUDGED,
}
LONGER_POTENTIAL: Columns = {
    **POTENTIAL_COLUMNS,
    "interpolated": (bool, "Always false."),
    "control": (str | None, "The variant of the control; none if each ratio has its own control."),
    "fair_at": (list[float], "Ratios whose networks had as many epochs of retraining as their control."),
}
