"""All findings in one table: what each value is, the source of its definition, and its columns.

One declaration gives the JSON schema, the checks and the docs (``schema.py``).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from prunekit.analysis.claim_columns import CLAIM, CONTRAST
from prunekit.analysis.columns import (
    ASKED,
    AT_COLUMNS,
    CLASS,
    CONTROL,
    DRAWN_COLUMNS,
    EXCESS_COLUMNS,
    FEATURES_COLUMNS,
    GROUP,
    JUDGED,
    LEVEL,
    MEMBERS,
    NOISE_COLUMNS,
    PER_SEED,
    POTENTIAL_COLUMNS,
    Q_VALUE,
    RISE_COLUMNS,
    Columns,
    Number,
    Strings,
    tested,
)
from prunekit.analysis.comparison_columns import COMPARISON, COMPARISON_SLICE
from prunekit.analysis.longer_columns import LONGER_ERROR, LONGER_POTENTIAL, LONGER_RISE
from prunekit.registry import Registry


class Finding(NamedTuple):
    """One kind of row: what its value is, the source of its definition, and its own columns.

    ``complete`` says that these are all its columns: it lacks the common ones. ``title`` is its name for readers where
    its own says too little.
    """

    meaning: str
    source: str
    columns: Columns
    complete: bool = False
    title: str = ""


FINDINGS: Registry[Finding] = Registry(
    "finding",
    {
        "prune-curve": Finding(
            "Error of the pruned network; ratio 0 is the unpruned parent.",
            "Liebenwein et al. 2021, prune curves",
            {
                "asked": ASKED,
                **RISE_COLUMNS,
                "commensurate": (bool, "Whether the rise is at most the margin."),
                **JUDGED,
            },
        ),
        "potential": Finding(
            "Prune potential: the largest tested ratio with error at most the parent's plus the margin, else 0.",
            "Liebenwein et al. 2021, prune potential",
            POTENTIAL_COLUMNS
            | {
                "interpolated": (
                    bool,
                    "Whether it was interpolated between tested ratios (not the paper's definition).",
                )
            },
        ),
        "potential-mean": Finding(
            "Mean potential over a set of distributions.",
            "Liebenwein et al. 2021, excess error",
            POTENTIAL_COLUMNS | {"distributions": MEMBERS},
        ),
        "potential-minimum": Finding(
            "Smallest potential over a set of distributions.",
            "Liebenwein et al. 2021, excess error",
            POTENTIAL_COLUMNS | {"distributions": MEMBERS},
        ),
        "robust-gain": Finding(
            "Potential of robustly trained networks minus that of ordinarily trained ones; for a "
            "set, its mean.",
            "Liebenwein et al. 2021, robust training",
            POTENTIAL_COLUMNS
            | {
                "control": (str | None, "The variant of the ordinarily trained networks."),
                "distributions": MEMBERS,
                "robust": (Number, "Potential with robust training, mean over the seeds."),
                "other": (Number, "Potential with ordinary training, mean over the same seeds."),
            },
        ),
        "noise-potential": Finding(
            "Prune potential on inputs with noise of one size.",
            "Liebenwein et al. 2021, potential under noise",
            POTENTIAL_COLUMNS
            | {
                "interpolated": (bool, "Always false."),
                "level": LEVEL,
                "by_draw": (
                    bool,
                    "Whether each draw of the noise is judged separately and the results are averaged (as in "
                    "the paper).",
                ),
                **DRAWN_COLUMNS,
            },
        ),
        "longer-error": Finding(
            "Error of the longer trained control: the unpruned parent, trained again as pruned networks are retrained.",
            "Jin et al. 2022, arXiv 2210.13738",
            LONGER_ERROR,
        ),
        "longer-rise": Finding(
            "Rise in error of a pruned network over the longer trained control, with its verdict.",
            "Jin et al. 2022, arXiv 2210.13738",
            LONGER_RISE,
        ),
        "longer-potential": Finding(
            "Prune potential relative to the longer trained control instead of the unpruned parent.",
            "Liebenwein et al. 2021, prune potential, with another parent",
            LONGER_POTENTIAL,
        ),
        "potential-step": Finding(
            "Smallest margin at which the potential reaches a ratio: a step of the potential as a "
            "function of the margin.",
            "Liebenwein et al. 2021, prune potential, at every margin",
            {"asked": ASKED, "until": (Number, "Margin of the next step; none for the last.")},
        ),
        "method-difference": Finding(
            "A number of one variant minus that of another, paired: potential, or error at one ratio.",
            "paired differences on joint draws",
            {
                "of": (
                    Literal["potential", "error"],
                    "What is compared; a higher potential or a lower error is better.",
                ),
                "asked": (Number, "Ratio of the grid; none for the potential."),
                "other": (str, "The variant that is subtracted."),
                "better": (Number, "Share of draws in which the first is better; ties count half."),
                "p_value": (Number, "Two-sided p-value for no difference."),
                "q_value": Q_VALUE,
            },
        ),
        "chance-of-best": Finding(
            "Probability that a variant is the best of all on a distribution; the value is the probability.",
            "joint draws",
            {
                "of": (
                    Literal["potential", "error"],
                    "What is compared; a higher potential or a lower error is better.",
                ),
                "asked": (Number, "Ratio of the grid; none for the potential."),
                "among": (Strings, "The variants compared."),
            },
        ),
        "excess-error": Finding(
            "Difference in excess error: (shifted - nominal) of the pruned network minus that of its parent.",
            "Liebenwein et al. 2021, excess error",
            EXCESS_COLUMNS | {"asked": ASKED, "p_value": (Number, "Two-sided p-value for no difference.")},
        ),
        "excess-slope": Finding(
            "Least squares slope through the origin of the difference in excess error on the prune ratio.",
            "Liebenwein et al. 2021, excess error",
            EXCESS_COLUMNS
            | {
                "per_seed": PER_SEED,
                "p_value": (Number, "Two-sided p-value for a slope of 0."),
                "q_value": Q_VALUE,
                "fit": (Number, "R² of the line through the origin; none if nothing differs."),
                "without_last": (Number, "The slope without the largest ratio; none if there is one ratio."),
            },
        ),
        "similarity": Finding(
            "One comparison with the unpruned parent under noise.",
            "Liebenwein et al. 2021, noise similarity",
            NOISE_COLUMNS,
        ),
        "similarity-gain": Finding(
            "How much closer a network is to its parent than separate networks are: positive is closer.",
            "Liebenwein et al. 2021, noise similarity",
            NOISE_COLUMNS | {"control": CONTROL},
        ),
        "features-transfer": Finding(
            "Mean confidence in the true class of one network that sees only another's informative pixels.",
            "Liebenwein et al. 2021, informative features",
            FEATURES_COLUMNS,
        ),
        "features-curve": Finding(
            "The same at every kept share of pixels.",
            "Liebenwein et al. 2021, informative features",
            FEATURES_COLUMNS,
        ),
        "churn": Finding(
            "Share of predictions that differ from the unpruned parent's.",
            "Milani Fard et al. 2016, churn",
            AT_COLUMNS
            | {
                "broken": (Number, "Share of images right before, wrong after."),
                "fixed": (Number, "Share of images wrong before, right after."),
                "net": (Number, "Fixed minus broken: the rise in accuracy."),
                "net_low": (Number, "Lower end of its 95 % interval."),
                "net_high": (Number, "Upper end of its 95 % interval."),
                "mcnemar": (list[Number], "McNemar's exact p-value of each network."),
                "mcnemar_q": (list[Number], "The same as a false discovery rate over the whole table."),
            },
        ),
        "recall-shift": Finding(
            "Recall of one class minus the unpruned parent's.",
            "Hooker et al. 2019, arXiv 1911.05248",
            AT_COLUMNS
            | {
                "class": CLASS,
                **tested("classes", "recall having moved as accuracy did"),
            },
        ),
        "excessive-loss": Finding(
            "Mean loss on one class minus the unpruned parent's.",
            "Tran et al., NeurIPS 2022",
            AT_COLUMNS | {"class": CLASS},
        ),
        "excessive-loss-gap": Finding(
            "Largest difference in excessive loss between two classes.",
            "Tran et al., NeurIPS 2022",
            AT_COLUMNS,
        ),
        "class-potential": Finding(
            "Prune potential on the images of one class.",
            "Liebenwein et al. 2021, prune potential, by class",
            POTENTIAL_COLUMNS | {"class": CLASS},
        ),
        "class-potential-minimum": Finding(
            "Smallest class potential; the class is the one with the smallest mean over seeds.",
            "Liebenwein et al. 2021, prune potential, by class",
            POTENTIAL_COLUMNS | {"class": CLASS},
        ),
        "group-shift": Finding(
            "Accuracy on one group of images minus the unpruned parent's.",
            "Sagawa et al. 2020, arXiv 1911.08731, accuracy of groups",
            AT_COLUMNS
            | GROUP
            | tested("groups of the grouping", "the group having moved as all images did")
            | {
                "error": (Number, "Error on its images, mean over seeds."),
                "parent_error": (Number, "The same of the unpruned parents."),
                "churn": (Number, "Share of its predictions that differ from the unpruned parent's."),
                "recall": (Number, "Recall of each class that has images in it, averaged over the classes."),
                "parent_recall": (Number, "The same of the unpruned parents."),
                "worst": (bool, "Whether this group loses most in its grouping."),
            },
        ),
        "group-potential": Finding(
            "Prune potential on the images of one group.",
            "Liebenwein et al. 2021, prune potential, by group",
            POTENTIAL_COLUMNS | GROUP,
        ),
        "group-potential-minimum": Finding(
            "Smallest potential of the groups of one grouping; the group is the one with the "
            "smallest mean over seeds.",
            "Liebenwein et al. 2021, prune potential, by group",
            POTENTIAL_COLUMNS | GROUP,
        ),
        "exemplars": Finding(
            "Share of images whose most frequent predicted label differs between pruned and unpruned "
            "networks.",
            "Hooker et al. 2019, arXiv 1911.05248",
            AT_COLUMNS
            | {
                "parent_accuracy": (Number, "Accuracy of the unpruned networks on all images."),
                "parent_accuracy_on_exemplars": (
                    Number,
                    "The same on the exemplars; none if there are no exemplars.",
                ),
                "taxicab": (Number, "Mean l1 distance of the label distributions, in [0, 2]."),
            },
        ),
        "calibration": Finding(
            "A calibration score: ece (15 bins), nll or brier.",
            "Guo et al. 2017, arXiv 1706.04599",
            AT_COLUMNS | {"metric": (str, "Which score.")},
        ),
        "mce": Finding(
            "Mean corruption error: the error under each corruption by a reference network's, averaged.",
            "Hendrycks & Dietterich 2019, arXiv 1903.12261",
            AT_COLUMNS | {"relative_to": (str, "The reference network."), "distributions": MEMBERS},
        ),
        "contrast": Finding(
            "A difference that a claim requires to be above zero, on joint draws.",
            "docs/paper.md",
            CONTRAST,
            complete=True,
            title="Comparisons behind the claims",
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
            "The study's verdict on one of the paper's claims; value, low and high are those of the "
            "deciding comparison.",
            "docs/paper.md",
            CLAIM,
            complete=True,
        ),
    },
)
