"""The figures of a report as one table: what each needs, its panels, and the caption that says what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from prunekit.report import control, part_panels, select
from prunekit.report import curve_panels as curves
from prunekit.report import function_panels as functions
from prunekit.report import margin_panels as margins
from prunekit.report import method_panels as methods
from prunekit.report import picture_panels as pictures
from prunekit.report import potential_panels as potentials
from prunekit.report.canvas import Panel
from prunekit.report.study import Study, distinct
from prunekit.report.words import basis, count, in_images, listed, name_of, percent, points


class Figure(NamedTuple):
    """Panels drawn side by side under one caption.

    ``needs`` is the finding it shows; without rows of that kind, or without panels, the figure is left out. ``why``
    says why there are no panels. ``measures``: it shows numbers, whose n and intervals the caption then states.
    """

    title: str
    needs: str
    panels: Callable[[Study], list[Panel]]
    caption: Callable[[Study], str]
    why: Callable[[Study], str] = lambda study: ""
    measures: bool = True


def caption_of(figure: Figure, study: Study) -> str:
    """What is drawn, then n, seeds and how the intervals were made."""
    rows = study.of(figure.needs)
    between = "Interpolated between tested ratios." if any(row.get("interpolated") for row in rows) else ""
    rests_on = basis(rows) if figure.measures else ""
    said = " ".join(filter(None, (figure.caption(study), between, rests_on)))
    return said.replace(" %", "\u00a0%")


def _summary(study: Study) -> str:
    chosen = select.shift_set(study, "potential-mean")
    held = next(
        (row.get("distributions") or [] for row in study.of("potential-mean", distribution=chosen)), []
    )
    over = (
        f"over the set “{name_of(chosen)}” ({count(len(held), 'distribution')})"
        if held
        else "not in the findings"
    )
    return (
        "Prune potential: the largest tested prune ratio whose error is at most the unpruned parent's plus δ = "
        f"{points(study.margin)}. Nominal: on the test set of the training distribution, with its 95 % interval. "
        f"Mean and minimum: {over}; their intervals are in the table."
    )


def _accuracy(study: Study) -> str:
    more = len(select.curve_distributions(study, most=None)) - len(select.curve_distributions(study))
    rest = f" {count(more, 'more distribution')} in tables/prune-curve.csv." if more else ""
    return (
        "Accuracy against the parameters kept, on a log axis, with 95 % bands. A ring marks the "
        "commensurate point: the largest prune ratio whose error is at most δ = "
        f"{points(study.margin)} above the unpruned parent's (the dashed line). The nominal "
        f"distribution comes first, then those with the largest change.{rest}"
    )


def _potential(study: Study) -> str:
    return (
        f"Prune potential on each distribution (δ = {points(study.margin)}) with its 95 % interval: the nominal "
        "distribution on top, the others ordered by their mean over methods."
    )


def _margins(study: Study) -> str:
    more = len(distinct(study.of("potential-step"), "distribution")) - margins.MOST_PANELS
    rest = f" {count(more, 'more distribution')} in tables/potential-step.csv." if more > 0 else ""
    return (
        "The prune potential at every margin δ: each mark is the smallest margin that allows one more ratio. The "
        f"dashed line is the margin of this report, {points(study.margin)}. A mark left of zero is a ratio at which "
        f"error falls. The table has the interval of each mark.{rest}"
    )


def _excess(study: Study) -> str:
    chosen = name_of(select.shift_set(study, "excess-error"))
    return (
        f"Difference in excess error: how much more error pruning adds on shifted data (the set “{chosen}”) than on "
        "nominal data. Bars are 95 % intervals; the line is the least-squares fit through the origin, its band the "
        "95 % interval of the slope. Above zero, nominal test error understates the damage."
    )


def _similarity(study: Study) -> str:
    control = "The dashed line is the control: a separately trained, unpruned network."
    missing = "No separate network was measured, so there is no control."
    return (
        "Functional similarity to the unpruned parent on inputs with noise of size ε, by prune ratio: matching "
        "predictions (higher is closer) and ℓ2 distance of softmax outputs (lower is closer), with 95 % bands. "
        f"{control if select.has_control(study) else missing}"
    )


def _noise(study: Study) -> str:
    said = f"Prune potential on inputs with noise of size ε (δ = {points(study.margin)}), with its 95 % band."
    return f"{said} {in_images(study.of('noise-potential'), study.margin)}".strip()


def _recall(study: Study) -> str:
    chosen = ", ".join(
        f"{method} at {percent(select.asked_near(study, ratio))}"
        for method, ratio in select.deployed(study).items()
    )
    at = f" ({chosen})" if chosen else ""
    return (
        "Recall of each class minus the unpruned parent's, at the prune ratio that test error "
        f"allows{at}; largest losses on top."
    )


def _class_potential(study: Study) -> str:
    return f"Prune potential on the images of each class (δ = {points(study.margin)}), the lowest on top."


def _transfer(study: Study) -> str:
    shares = [percent(share) for share in distinct(study.of("features-transfer"), "kept")]
    return (
        f"The row's model chose the {listed(shares)} of pixels that it relies on most, and the column's model "
        "predicts from only these pixels; cells give its mean confidence in the true class."
    )


def _kept_pixels(study: Study) -> str:
    shares = [percent(share) for share in distinct(study.kept.rows, "share")]
    ways = {(picture["block"], picture["candidates"]) for picture in study.kept.rows}
    fast = [_way(block, candidates) for block, candidates in sorted(ways, key=str) if block > 1 or candidates]
    caution = f" A fast order ({listed(fast)}) found these pixels; the exact order finds others."
    return (
        f"The first test images, whole and then with only the {listed(shares)} of pixels that each network relies "
        f"on most; discarded pixels are grey.{caution if fast else ''}"
    )


def _way(block: int, candidates: int | None) -> str:
    return f"blocks of {block}" + (f" of {candidates} candidates" if candidates else "")


def _corruption_error(study: Study) -> str:
    names = [str(name) for name in distinct(study.of("mce"), "relative_to")]
    return (
        f"Error under each corruption, over its severities, as a share of that of {' or '.join(names)} (mCE): the "
        "mean over corruptions. At 100 % a network errs as much as that reference does, on average."
    )


BROKEN = "Images that only the parent gets right"


def _why_not_broken(study: Study) -> str:
    return study.broken.why or "no image is broken where error rises, or no images were available"


def _said(text: str) -> Callable[[Study], str]:
    return lambda study: text


def _broken(study: Study) -> str:
    at = " at the prune ratio that test error allows" if study.of("prune-curve") else ""
    less = len(distinct(study.of("prune-curve") + study.of("comparison"), "distribution")) - select.MOST_HARMS
    rest = f" {count(less, 'distribution')} with a smaller rise or none: not shown." if less > 0 else ""
    return (
        f"Images that the parent classifies correctly and the smaller network{at} does not. The distributions are "
        "those where error rises most, each with its most harmed network, the largest rise first. Under each image "
        "is the parent's prediction and, after the arrow, the network's; the parent's is the true class unless "
        "another class is named. The images are shown as the networks saw them, and are spread evenly over all "
        f"broken images.{rest}"
    )


FIGURES: dict[str, Figure] = {
    "comparison": Figure(
        "Rise in error by distribution",
        "comparison",
        part_panels.rises,
        _said("Error of each network minus its parent's on the same images, with its 95 % interval."),
    ),
    "comparison-slice": Figure(
        "Rise in error by class and group",
        "comparison-slice",
        part_panels.parts,
        _said(
            "The same on the images of one class or group, on the nominal distribution (if there are many classes, "
            "the 30 whose error rises most)."
        ),
    ),
    "comparison-broken": Figure(
        BROKEN, "comparison", pictures.broken, _broken, _why_not_broken, measures=False
    ),
    "potential-summary": Figure("Prune potential at a glance", "potential", potentials.summary, _summary),
    "prune-accuracy": Figure("Accuracy against parameters kept", "prune-curve", curves.accuracy, _accuracy),
    "potential": Figure(
        "Prune potential by distribution", "potential", potentials.by_distribution, _potential
    ),
    "potential-margin": Figure(
        "Prune potential against the margin", "potential-step", margins.against_margin, _margins
    ),
    "method-difference": Figure(
        "Method against method",
        "method-difference",
        methods.against_each_other,
        _said(
            "Prune potential of the row's method minus that of the column's, in points, on the same images and "
            "parents. A cell is coloured if its 95 % interval excludes zero: blue if the row's method is better, "
            "orange if it is worse. Pale differences are undecided. The panels show the nominal distribution and "
            "the one on which methods differ most; the others are in tables/method-difference.csv."
        ),
    ),
    "longer-potential": Figure(
        "Compared with a parent given extra training",
        "longer-potential",
        partial(potentials.by_distribution, finding="longer-potential", choose=control.potentials),
        control.caption,
    ),
    "robust-gain": Figure(
        "Robust and ordinary training",
        "robust-gain",
        potentials.side_by_side,
        _said(
            "Prune potential on each distribution for networks trained on corrupted images (robust) and for "
            "networks that were not, with 95 % intervals; the table has the paired difference over the seeds that "
            "both have. The lineage says which corruptions were used in training: the potential on those says "
            "nothing about new ones."
        ),
    ),
    "severity": Figure(
        "Prune potential by severity",
        "potential",
        potentials.by_severity,
        _said(
            "Prune potential against severity, for each corruption that was measured at several severities, with "
            "95 % bands."
        ),
    ),
    "excess-error": Figure("Excess error", "excess-error", curves.excess, _excess),
    "similarity": Figure("Similarity to the parent", "similarity", functions.similarity, _similarity),
    "similarity-gain": Figure(
        "Closer than a separate network?",
        "similarity-gain",
        functions.gain,
        _said(
            "How many more predictions match the unpruned parent's than a separately trained network's do, on the "
            "same noisy inputs, with 95 % bands. Above zero, the pruned network is closer to its parent than an "
            "independently trained one is."
        ),
    ),
    "noise-potential": Figure(
        "Prune potential under noise", "noise-potential", potentials.under_noise, _noise
    ),
    "features-transfer": Figure("Informative features", "features-transfer", functions.transfer, _transfer),
    "features-pictures": Figure(
        "Kept pixels of a few images",
        "features-transfer",
        pictures.kept,
        _kept_pixels,
        lambda study: study.kept.why,
        measures=False,
    ),
    "features-curve": Figure(
        "Pixels kept",
        "features-curve",
        functions.kept_pixels,
        _said(
            "Mean confidence in the true class on the unpruned parent's most informative pixels, by share of "
            "pixels kept: a line per network that predicts from them, with 95 % bands."
        ),
    ),
    "churn": Figure(
        "Changed predictions",
        "churn",
        curves.churn,
        _said(
            "Share of nominal test images whose prediction differs from the unpruned parent's, with its 95 % band."
        ),
    ),
    "recall-shift": Figure("Recall by class", "recall-shift", potentials.recall, _recall),
    "broken-images": Figure(BROKEN, "prune-curve", pictures.broken, _broken, _why_not_broken, measures=False),
    "class-potential": Figure(
        "Prune potential by class", "class-potential", potentials.by_class, _class_potential
    ),
    "group-shift": Figure(
        "Accuracy by group",
        "group-shift",
        part_panels.group_accuracy,
        _said(
            "Accuracy on the nominal test images of one group minus the unpruned parent's, at the deployed ratio, "
            "with its 95 % interval."
        ),
    ),
    "group-potential": Figure(
        "Prune potential by group",
        "group-potential",
        part_panels.by_group,
        _said("Prune potential on the nominal test images of each group, with its 95 % interval."),
    ),
    "excessive-loss-gap": Figure(
        "Excessive loss",
        "excessive-loss-gap",
        curves.loss_gap,
        _said(
            "Largest difference between two classes in how much their mean loss rose over the unpruned parent's, "
            "on nominal test images, with its 95 % band."
        ),
    ),
    "exemplars": Figure(
        "Identified exemplars",
        "exemplars",
        curves.exemplars,
        _said(
            "Share of test images whose most frequent predicted label over seeds differs between pruned and "
            "unpruned networks."
        ),
    ),
    "calibration": Figure(
        "Calibration",
        "calibration",
        curves.calibration,
        _said("Expected calibration error on nominal test images: the gap between confidence and accuracy."),
    ),
    "mce": Figure(
        "Mean corruption error",
        "mce",
        curves.mce,
        _corruption_error,
    ),
}

# The figures that a decision needs; all others are in the appendix.
BODY = (
    *("comparison", "comparison-slice", "comparison-broken"),
    *("prune-accuracy", "potential", "potential-margin", "longer-potential", "robust-gain", "similarity"),
    *("method-difference", "churn", "class-potential", "broken-images", "features-pictures"),
)
