"""The columns of findings: their types and what they mean, those that all rows have first."""

from __future__ import annotations

from typing import Any, Literal

from prunekit.analysis.estimate import Covers
from prunekit.analysis.flags import Flag
from prunekit.analysis.variant import Role
from prunekit.analysis.verdict import Verdict

Columns = dict[str, tuple[Any, str]]

Strings = list[str]
Number = float | None
# Closed lists of codes, so that the schema lists them.
ROLE: Any = Literal[tuple(map(str, Role))]
FLAG: Any = Literal[tuple(map(str, Flag))]

COLUMNS: Columns = {
    "finding": (str, "Which finding this is a row of."),
    "variant": (
        str,
        "Short name of what the networks are, seeds and prune ratio aside; equal in all rows of them.",
    ),
    "role": (ROLE, "Part that the networks play; at ratio 0 of a curve, parent."),
    "method": (str | None, "Pruning method of the networks or of their curve; none for other unpruned ones."),
    "structure": (str | None, "What the method removes: weight or filter."),
    "retraining": (str | None, "Mode of the latest retraining; none without one."),
    "retrain_epochs": (int | None, "Epochs of that retraining."),
    "cascade": (
        bool | None,
        "Pruned step by step (true) or at once (false); none for what was not pruned here.",
    ),
    "train_distribution": (
        str | None,
        "What the parent was trained on in place of its data set (robust training).",
    ),
    "arch": (str | None, "Architecture."),
    "dataset": (str | None, "Data set that the networks were made for."),
    "settings": (dict[str, Any], "By step, every other parameter that differs from its default."),
    "prune_ratio": (
        Number,
        "Achieved prune ratio, mean over seeds; none where the finding is of a whole curve.",
    ),
    "distribution": (str | None, "Distribution, or the name of a set of them."),
    "nominal": (
        bool | None,
        "Whether it is the test split of the networks' own data set; none for a set that holds both kinds.",
    ),
    "models": (Strings, "Keys of the models."),
    "value": (Number, "The number itself, mean over seeds; none where it is not defined."),
    "low": (Number, "Lower end of the 95 % interval."),
    "high": (Number, "Upper end of the 95 % interval."),
    "covers": (
        Literal[tuple(map(str, Covers))],
        "What low and high are about: these networks (other images), or new networks (also other seeds).",
    ),
    "these_low": (Number, "Lower end of the 95 % interval of these networks, over other images."),
    "these_high": (Number, "Upper end of that interval; equal to high where there is one seed."),
    "n": (int, "Images (of the smallest distribution, for a set)."),
    "seeds": (int, "How many unpruned parents of different seeds; of separate networks, how many networks."),
    "repetitions": (
        int,
        "Networks under one parent that differ in seeds of pruning or retraining alone, averaged under it.",
    ),
    "interval": (str, "How the interval was made."),
    "flags": (
        list[FLAG],
        "Codes of what a reader must know before using the number.",
    ),
    "seed_set": (list[int], "Seeds of the unpruned parents."),
    "unit": (str, "Unit of value, low and high."),
}

MARGIN = (float, "Rise in error still allowed; where relative, as a share of the parent's error.")
ALLOWED: Columns = {
    "margin": MARGIN,
    "relative": (bool, "Whether the margin is a share of the parent's error."),
}
VERDICTS_COLUMNS: Any = Literal[tuple(map(str, Verdict))]
VERDICT = (
    VERDICTS_COLUMNS | None,
    "Whether the rise is within the margin, beyond it, or undecided; none for the parent.",
)
# Of a rise that is judged.
JUDGED: Columns = {
    **ALLOWED,
    "limit": (Number, "Rise that the margin allows, mean over seeds."),
    "verdict": VERDICT,
    "p_verdict": (Number, "One-sided p value of the verdict, the smaller of both sides."),
    "verdict_holm": (VERDICT[0], "The same as one of all distributions of this ratio (Holm)."),
}
Q_VALUE = (
    Number,
    "Share of false ones among all rows of the table that are as significant (Benjamini-Hochberg).",
)
ASKED = (float, "Ratio of the grid; 0 for an unpruned network.")
MEMBERS = (Strings, "Distributions of the set.")
PER_SEED = (list[Number], "The value of each seed.")
SPREAD = (Number, "Standard deviation over seeds; none for one seed.")
LEVEL = (float, "Noise size ε.")
CLASS = (str, "Class, by its name.")
GROUP: Columns = {
    "grouping": (str, "What the images are grouped by: a column of the file of groups."),
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
    "block": (int, "Pixels removed at a time when the informative ones were sought."),
    "candidates": (int | None, "Pixels tried at a time; none: all of them (exact)."),
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
    "parents": (Strings, "What the models were compared with."),
}
POTENTIAL_COLUMNS: Columns = {**ALLOWED, "per_seed": PER_SEED, "sd": SPREAD}
RISE_COLUMNS: Columns = {
    "rise": (Number, "Error less the unpruned parent's."),
    "rise_low": (Number, "Lower end of its 95 % interval, images paired."),
    "rise_high": (Number, "Upper end of its 95 % interval, images paired."),
    "rise_these_low": (Number, "Lower end of the interval of these networks."),
    "rise_these_high": (Number, "Upper end of that interval."),
}
EXCESS_COLUMNS: Columns = {"distributions": MEMBERS, "nominal_set": (Strings, "Nominal distributions.")}
