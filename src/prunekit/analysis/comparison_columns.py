"""The columns of a comparison's rows, for the table of findings."""

from __future__ import annotations

from typing import Any, Literal

from prunekit.analysis.verdict import Verdict

Columns = dict[str, tuple[Any, str]]
Number = float | None
Count = int | None
VERDICT: Any = Literal[tuple(map(str, Verdict))]

_JUDGED: Columns = {
    "network": (str, "Name of the network: its label in the store, else its key."),
    "parent": (str, "Key of the network that it is compared with."),
    "error": (Number, "Error of the network."),
    "parent_error": (Number, "Error of its parent on the same images."),
    "margin": (float, "Allowed rise in error."),
    "relative": (bool, "Whether the margin is a share of the parent's error."),
    "limit": (Number, "The allowed rise, as an error."),
    "among": (
        list[str] | None,
        "The classes of the images, among which the networks choose; none: all classes.",
    ),
    "verdict": (VERDICT, "within: the upper limit is at most the margin; beyond: the lower one is above it."),
}
_WORST: Columns = {
    f"worst_{kind}{end}": (
        Number if end not in ("", "_verdict") else str | None,
        f"{text} {kind} whose error rises most.",
    )
    for kind in ("class", "group")
    for end, text in {
        "": "The",
        "_rise": "The rise of the",
        "_low": "Lower limit of the rise of the",
        "_high": "Upper limit of the rise of the",
        "_verdict": "The verdict on the",
    }.items()
}
COMPARISON: Columns = {
    **_JUDGED,
    "agreement": (Number, "Share of images for which both predict the same class."),
    "agreement_low": (Number, "Lower end of its 95 % interval."),
    "agreement_high": (Number, "Upper end of its 95 % interval."),
    "broken": (Count, "Images that only the parent classifies correctly."),
    "fixed": (Count, "Images that only the network classifies correctly."),
    "mcnemar": (Number, "McNemar's exact p-value for breaking and fixing being equally likely."),
    "kl": (
        Number,
        "Mean KL divergence of the network's outputs from its parent's, in nats; none if no "
        "outputs are stored.",
    ),
    "ece": (Number, "Expected calibration error of the network."),
    "parent_ece": (Number, "The same of its parent."),
    "nll": (Number, "Mean negative log-likelihood of the network."),
    "parent_nll": (Number, "The same of its parent."),
    **_WORST,
    "worst_grouping": (str | None, "The grouping that the group belongs to; none without groups."),
}
COMPARISON_SLICE: Columns = {
    **_JUDGED,
    "slice": (Literal["class", "group"], "Kind of the slice: class or group."),
    "grouping": (str, "The grouping of a group; empty for a class."),
    "member": (str, "The class or group."),
    "agreement": (Number, "Share of its images for which both predict the same class."),
    "broken": (int, "Its images that only the parent classifies correctly."),
    "fixed": (int, "Its images that only the network classifies correctly."),
    "recall": (Number, "Recall of each class that has images in it, averaged over the classes."),
    "parent_recall": (Number, "The same of the parent."),
}
