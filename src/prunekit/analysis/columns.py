"""The columns of findings, with types and meanings; those that all rows have come first."""

from __future__ import annotations

from typing import Any, Literal

from prunekit.analysis.estimate import Covers
from prunekit.analysis.flags import Flag
from prunekit.analysis.variant import Role
from prunekit.analysis.verdict import Verdict

Columns = dict[str, tuple[Any, str]]

Strings = list[str]
Number = float | None
# Closed sets of codes, so that the schema lists them.
ROLE: Any = Literal[tuple(map(str, Role))]
FLAG: Any = Literal[tuple(map(str, Flag))]

COLUMNS: Columns = {
    "finding": (str, "The finding to which this row belongs."),
    "variant": (
        str,
        "Short name of the networks' variant (everything except seeds and prune ratio); equal in "
        "all of its rows.",
    ),
    "role": (ROLE, "Role of the networks; parent at ratio 0 of a curve."),
    "method": (str | None, "Pruning method of the networks or of their curve; none for other unpruned ones."),
    "structure": (str | None, "What the method removes: weight or filter."),
    "retraining": (str | None, "Mode of the latest retraining; none without retraining."),
    "retrain_epochs": (int | None, "Epochs of that retraining."),
    "cascade": (
        bool | None,
        "Pruned step by step (true) or at once (false); none if not pruned by prunekit.",
    ),
    "train_distribution": (
        str | None,
        "The distribution that replaced the data set in the parent's training (robust training).",
    ),
    "arch": (str | None, "Architecture."),
    "dataset": (str | None, "Data set of the networks."),
    "settings": (dict[str, Any], "All other parameters that differ from their defaults, by step."),
    "prune_ratio": (
        Number,
        "Achieved prune ratio, mean over seeds; none for findings about a whole curve.",
    ),
    "distribution": (str | None, "Distribution, or the name of a set of them."),
    "nominal": (
        bool | None,
        "Whether it is the test split of the networks' own data set; none for a set that "
        "contains both kinds.",
    ),
    "models": (Strings, "Keys of the models."),
    "value": (Number, "The number itself, mean over seeds; none if it is not defined."),
    "low": (Number, "Lower end of the 95 % interval."),
    "high": (Number, "Upper end of the 95 % interval."),
    "covers": (
        Literal[tuple(map(str, Covers))],
        "What the interval covers: these networks (other images), or new networks (also other seeds).",
    ),
    "these_low": (Number, "Lower end of the 95 % interval of these networks, over other images."),
    "these_high": (Number, "Upper end of that interval; equal to high if there is one seed."),
    "n": (int, "Number of images (of the smallest distribution, for a set)."),
    "seeds": (
        int,
        "Number of unpruned parents with different seeds; for separate networks, the number of networks.",
    ),
    "repetitions": (
        int,
        "Networks under one parent that differ only in seeds of pruning or retraining, averaged under it.",
    ),
    "interval": (str, "How the interval was computed."),
    "flags": (
        list[FLAG],
        "Codes of cautions that a reader must know before using the number.",
    ),
    "seed_set": (list[int], "Seeds of the unpruned parents."),
    "unit": (str, "Unit of value, low and high."),
}

MARGIN = (float, "Allowed rise in error; if relative, as a share of the parent's error.")
ALLOWED: Columns = {
    "margin": MARGIN,
    "relative": (bool, "Whether the margin is a share of the parent's error."),
}
VERDICTS_COLUMNS: Any = Literal[tuple(map(str, Verdict))]
VERDICT = (
    VERDICTS_COLUMNS | None,
    "Whether the rise is within the margin, beyond it, or undecided; none for the parent.",
)
# The columns of a rise with a verdict.
JUDGED: Columns = {
    **ALLOWED,
    "limit": (Number, "Rise that the margin allows, mean over seeds."),
    "verdict": VERDICT,
    "p_verdict": (Number, "One-sided p-value of the verdict, the smaller of both sides."),
    "verdict_holm": (VERDICT[0], "The same, corrected for all distributions of this ratio (Holm)."),
}
Q_VALUE = (
    Number,
    "False discovery rate among all rows of the table that are at least as significant (Benjamini-Hochberg).",
)


def tested(parts: str, null: str) -> Columns:
    """The columns of a change on one part of the images, judged and tested together with the other ``parts``."""
    return {
        **ALLOWED,
        "verdict": VERDICT,
        "verdict_holm": (VERDICT[0], f"The same, corrected for all {parts} (Holm)."),
        "p_value": (Number, f"One seed: McNemar's test; several: a paired t test over seeds for {null}."),
        "p_holm": (Number, f"The same, corrected for all {parts} together (Holm)."),
        "q_value": Q_VALUE,
    }


ASKED = (float, "Ratio of the grid; 0 for an unpruned network.")
MEMBERS = (Strings, "Distributions of the set.")
PER_SEED = (list[Number], "The value of each seed.")
SPREAD = (Number, "Standard deviation over seeds; none for one seed.")
LEVEL = (float, "Noise size ε.")
CLASS = (str, "Class, by its name.")
GROUP: Columns = {
    "grouping": (str, "Criterion by which the images are grouped: a column of the groups file."),
    "group": (str, "Group, by its name."),
}
PLACE = (float, "Prune ratio of the grid of that network; 0 for unpruned ones.")
CONTROL = (str | None, "The variant of the control.")
AT_COLUMNS: Columns = {"asked": ASKED}
FEATURES_COLUMNS: Columns = {
    "row_role": (str, "Role of the network whose pixels are kept: parent, pruned, compressed or separate."),
    "row_model": PLACE,
    "column_role": (str, "Role of the network that predicts."),
    "column_model": PLACE,
    "kept": (float, "Share of pixels kept."),
    "control": (str | None, "The variant of the separate network among the two; none without one."),
    "block": (int, "Pixels removed at a time in the search for the informative ones."),
    "candidates": (int | None, "Pixels tried per step; none: all of them (exact)."),
}
DRAWN_COLUMNS: Columns = {
    "noise": (str, "Kind of noise."),
    "space": (str, "Where noise was added: normalised inputs, or pixels."),
    "clip": (bool, "Whether noisy inputs were clipped to the range of real pixels."),
    "draws": (int, "Noise draws per image and level."),
}
NOISE_COLUMNS: Columns = {
    "asked": ASKED,
    "metric": (str, "Which comparison."),
    "level": LEVEL,
    **DRAWN_COLUMNS,
    "parents": (Strings, "The network with which the models were compared."),
}
POTENTIAL_COLUMNS: Columns = {**ALLOWED, "per_seed": PER_SEED, "sd": SPREAD}
RISE_COLUMNS: Columns = {
    "rise": (Number, "Error minus the unpruned parent's."),
    "rise_low": (Number, "Lower end of its 95 % interval, images paired."),
    "rise_high": (Number, "Upper end of its 95 % interval, images paired."),
    "rise_these_low": (Number, "Lower end of the interval of these networks."),
    "rise_these_high": (Number, "Upper end of that interval."),
}
EXCESS_COLUMNS: Columns = {"distributions": MEMBERS, "nominal_set": (Strings, "Nominal distributions.")}
