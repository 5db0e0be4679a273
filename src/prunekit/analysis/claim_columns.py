"""The columns of what a study says of the paper's claims: one row per contrast, one per claim."""

from __future__ import annotations

from typing import Literal

from prunekit.analysis.columns import COLUMNS, Columns, Number, Strings
from prunekit.analysis.joint import Ruling

CONTRAST: Columns = {
    "finding": COLUMNS["finding"],
    "claim": (int, "Number of the claim."),
    "group": (str, "Which part of the evidence it is."),
    "what": (str, "What is compared."),
    "unit": COLUMNS["unit"],
    "value": (Number, "The number."),
    "low": COLUMNS["low"],
    "high": COLUMNS["high"],
    "p_value": (
        Number,
        "One-sided, that it is not below zero; of what the draws may stand for, the upper end (99 %).",
    ),
    "adjusted": (
        Number,
        "The same for all contrasts of the claim together (max-T; potentials: Holm).",
    ),
    "draws": (
        int,
        "Joint draws behind it: more than were asked for where a verdict hinges on how many there are.",
    ),
}

CLAIM: Columns = {
    "finding": COLUMNS["finding"],
    "claim": (int, "Its number, as `prunekit report --claims` prints it."),
    "text": (str, "What it says."),
    "verdict": (Literal[tuple(map(str, Ruling))], "holds, does not hold, or cannot tell."),
    "evidence": (str, "What decides, in words."),
    "lacks": (Strings, "Groups of evidence that are missing; with any the study cannot tell."),
    "contrasts": (int, "How many contrasts there are."),
    "above": (int, "How many are above zero by their own intervals."),
    "unit": (str | None, "Unit of the numbers."),
    "value": (Number, "What the claim wants above zero; none if nothing was measured."),
    "low": COLUMNS["low"],
    "high": COLUMNS["high"],
    "average": (Number, "Mean of all contrasts."),
    "average_low": (Number, "Lower end of its 95 % interval."),
    "average_high": (Number, "Upper end of its 95 % interval."),
}
