"""Every finding as one table: what its value is, where the definition is from, and its columns.

One declaration gives the JSON schema, the checks and the docs (``schema.py``).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from prunekit.analysis.comparison_columns import COMPARISON, COMPARISON_SLICE
from prunekit.analysis.flags import Flag
from prunekit.analysis.variant import Role
from prunekit.registry import Registry

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

MARGIN = (float, "Rise in error still allowed.")
ASKED = (float, "Ratio of the grid; 0 for an unpruned network.")
MEMBERS = (Strings, "Distributions of the set.")
PER_SEED = (list[Number], "The value of each seed.")
SPREAD = (Number, "Standard deviation over seeds; none for one seed.")
LEVEL = (float, "Noise size ε.")
CLASS = (str, "Class, by its name.")
PLACE = (float | str, "Prune ratio of the network, or 'separate'; 0 for the unpruned parent.")
CONTROL = (str | None, "The variant of the control.")
_AT: Columns = {"asked": ASKED}
_FEATURES: Columns = {
    "row_model": PLACE,
    "column_model": PLACE,
    "kept": (float, "Share of pixels kept."),
    "control": (str | None, "The variant of the separate network among the two; none without one."),
    "block": (int, "Pixels removed at a time when the informative ones were sought."),
    "candidates": (int | None, "Pixels tried at a time; none: all of them (exact)."),
}
_DRAWN: Columns = {
    "noise": (str, "Kind of noise."),
    "space": (str, "Where noise was added: normalised inputs, or pixels."),
    "clip": (bool, "Whether noisy inputs were clipped to the range of real pixels."),
    "draws": (int, "Noise draws per image and level."),
}
_NOISE: Columns = {
    "asked": ASKED,
    "metric": (str, "Which comparison."),
    "level": LEVEL,
    **_DRAWN,
    "parents": (Strings, "What the models were compared with."),
}
_POTENTIAL: Columns = {"margin": MARGIN, "per_seed": PER_SEED, "sd": SPREAD}
_RISE: Columns = {
    "rise": (Number, "Error less the unpruned parent's."),
    "rise_low": (Number, "Lower end of its 95 % interval, images paired."),
    "rise_high": (Number, "Upper end of its 95 % interval, images paired."),
}
_EXCESS: Columns = {"distributions": MEMBERS, "nominal_set": (Strings, "Nominal distributions.")}


class Finding(NamedTuple):
    """One kind of row: what its value is, where the definition is from, and its own columns.

    ``complete`` says that these are all its columns: it has not the common ones.
    """

    meaning: str
    source: str
    columns: Columns
    complete: bool = False


FINDINGS: Registry[Finding] = Registry(
    "finding",
    {
        "prune-curve": Finding(
            "Error of the pruned network; ratio 0 is the unpruned parent.",
            "Liebenwein et al. 2021, prune curves",
            {
                "asked": ASKED,
                **_RISE,
                "commensurate": (bool, "Whether the rise is at most the margin."),
                "margin": MARGIN,
            },
        ),
        "potential": Finding(
            "Prune potential: the largest tested ratio with error at most the parent's plus the margin, else 0.",
            "Liebenwein et al. 2021, prune potential",
            _POTENTIAL
            | {"interpolated": (bool, "Whether it was read between tested ratios (not the paper's).")},
        ),
        "potential-mean": Finding(
            "Mean potential over a set of distributions.",
            "Liebenwein et al. 2021, excess error",
            _POTENTIAL | {"distributions": MEMBERS},
        ),
        "potential-minimum": Finding(
            "Smallest potential over a set of distributions.",
            "Liebenwein et al. 2021, excess error",
            _POTENTIAL | {"distributions": MEMBERS},
        ),
        "robust-gain": Finding(
            "Potential of robustly trained networks less that of networks trained without; of a set, its mean.",
            "Liebenwein et al. 2021, robust training",
            _POTENTIAL
            | {
                "control": (str | None, "The variant of the networks trained without."),
                "distributions": MEMBERS,
                "robust": (Number, "Potential with robust training, mean over the seeds."),
                "other": (Number, "Potential without, mean over the same seeds."),
            },
        ),
        "noise-potential": Finding(
            "Prune potential on inputs with noise of one size.",
            "Liebenwein et al. 2021, potential under noise",
            _POTENTIAL | {"interpolated": (bool, "Always false."), "level": LEVEL, **_DRAWN},
        ),
        "longer-error": Finding(
            "Error of the longer trained control: the unpruned parent, trained again as pruned networks are retrained.",
            "Jin et al. 2022, arXiv 2210.13738",
            _RISE,
        ),
        "longer-potential": Finding(
            "Prune potential with the longer trained control in the unpruned parent's place.",
            "Liebenwein et al. 2021, prune potential, with another parent",
            _POTENTIAL | {"interpolated": (bool, "Always false."), "control": CONTROL},
        ),
        "excess-error": Finding(
            "Difference in excess error: (shifted - nominal) of the pruned network less that of its parent.",
            "Liebenwein et al. 2021, excess error",
            _EXCESS | {"asked": ASKED},
        ),
        "excess-slope": Finding(
            "Least squares slope through the origin of the difference in excess error on the prune ratio.",
            "Liebenwein et al. 2021, excess error",
            _EXCESS | {"per_seed": PER_SEED, "p_value": (Number, "Two-sided, of a slope of 0.")},
        ),
        "similarity": Finding(
            "One comparison with the unpruned parent under noise.",
            "Liebenwein et al. 2021, noise similarity",
            _NOISE,
        ),
        "similarity-gain": Finding(
            "How much closer to the parent than separate networks: positive is closer.",
            "Liebenwein et al. 2021, noise similarity",
            _NOISE | {"control": CONTROL},
        ),
        "features-transfer": Finding(
            "Mean confidence in the true class of one network that sees only another's informative pixels.",
            "Liebenwein et al. 2021, informative features",
            _FEATURES,
        ),
        "features-curve": Finding(
            "The same at every kept share of pixels.",
            "Liebenwein et al. 2021, informative features",
            _FEATURES,
        ),
        "churn": Finding(
            "Share of predictions that differ from the unpruned parent's.",
            "Milani Fard et al. 2016, churn",
            _AT
            | {
                "broken": (Number, "Share of images right before, wrong after."),
                "fixed": (Number, "Share of images wrong before, right after."),
                "net": (Number, "Fixed less broken: the rise in accuracy."),
                "net_low": (Number, "Lower end of its 95 % interval."),
                "net_high": (Number, "Upper end of its 95 % interval."),
                "mcnemar": (list[Number], "McNemar's exact p value of each network."),
            },
        ),
        "recall-shift": Finding(
            "Recall of one class less the unpruned parent's.",
            "Hooker et al. 2019, arXiv 1911.05248",
            _AT
            | {
                "class": CLASS,
                "p_value": (
                    Number,
                    "Welch's test over seeds that recall moved as accuracy did; none for one seed.",
                ),
                "p_holm": (Number, "The same, corrected for all classes together (Holm)."),
            },
        ),
        "excessive-loss": Finding(
            "Mean loss on one class less the unpruned parent's.",
            "Tran et al., NeurIPS 2022",
            _AT | {"class": CLASS},
        ),
        "excessive-loss-gap": Finding(
            "Largest difference in excessive loss between two classes.", "Tran et al., NeurIPS 2022", _AT
        ),
        "class-potential": Finding(
            "Prune potential on the images of one class.",
            "Liebenwein et al. 2021, prune potential, by class",
            _POTENTIAL | {"class": CLASS},
        ),
        "class-potential-minimum": Finding(
            "Smallest class potential; the class is the one of the smallest mean over seeds.",
            "Liebenwein et al. 2021, prune potential, by class",
            _POTENTIAL | {"class": CLASS},
        ),
        "exemplars": Finding(
            "Share of images whose most frequent label differs between pruned and unpruned networks.",
            "Hooker et al. 2019, arXiv 1911.05248",
            _AT
            | {
                "parent_accuracy": (Number, "Accuracy of the unpruned networks on all images."),
                "parent_accuracy_on_exemplars": (Number, "The same on the exemplars; none without any."),
                "taxicab": (Number, "Mean l1 distance of the label distributions, in [0, 2]."),
            },
        ),
        "calibration": Finding(
            "A calibration score: ece (15 bins), nll or brier.",
            "Guo et al. 2017, arXiv 1706.04599",
            _AT | {"metric": (str, "Which score.")},
        ),
        "mce": Finding(
            "Mean corruption error: the error under each corruption by a reference network's, averaged.",
            "Hendrycks & Dietterich 2019, arXiv 1903.12261",
            _AT | {"relative_to": (str, "The reference network."), "distributions": MEMBERS},
        ),
        "comparison": Finding(
            "Rise in error of one network over another on one distribution, with its verdict.",
            "two one-sided tests: Schuirmann 1987, doi:10.1007/BF01068419",
            COMPARISON,
        ),
        "comparison-slice": Finding(
            "The same on the images of one class or group.",
            "two one-sided tests: Schuirmann 1987, doi:10.1007/BF01068419",
            COMPARISON_SLICE,
        ),
        "claim": Finding(
            "What the study says of one of the paper's claims; value, low and high are of the deciding comparison.",
            "docs/paper.md",
            {
                "finding": COLUMNS["finding"],
                "claim": (int, "Its number, as `prunekit report --claims` prints it."),
                "text": (str, "What it says."),
                "verdict": (str, "holds, does not hold, or cannot tell."),
                "evidence": (str, "How many comparisons there are, and which decides."),
                "value": (Number, "What the claim wants above zero; none if nothing was measured."),
                "low": COLUMNS["low"],
                "high": COLUMNS["high"],
            },
            complete=True,
        ),
    },
)
