"""Parts of the images that get findings of their own: classes, and groups that the user names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.outcome import Array
from prunekit.analysis.paired import Paired

# By distribution and grouping, each image's group ``[n]``; "" where it has none.
Groups = Mapping[str, Mapping[str, Array]]


class Slices(StrEnum):
    """What a part of the images is."""

    CLASS = "class"
    GROUP = "group"


class Part(NamedTuple):
    """One class, or one group of a ``grouping``: its name, and which images ``[n]`` belong to it.

    ``place`` orders it among its kind and is the same on every distribution.
    """

    kind: Slices
    grouping: str
    member: str
    place: tuple[str, int | str]
    images: Array

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of a finding that identify the part."""
        grouping = {"grouping": self.grouping} if self.kind is Slices.GROUP else {}
        return {**grouping, str(self.kind): self.member}

    @property
    def token(self) -> str:
        """A name for the images of the part among those of its distribution."""
        return f"{self.kind} {' '.join(str(each) for each in self.place if each != '')}"


def classes_in(pair: Paired, names: Sequence[str] = ()) -> dict[int, str]:
    """The classes that have images, by label; those beyond the end of ``names`` are named by their number."""
    labels = [int(label) for label in np.unique(pair.own["label"])]
    return {label: names[label] if label < len(names) else str(label) for label in labels}


def class_parts(pair: Paired, names: Sequence[str] = ()) -> list[Part]:
    """The classes that have images, in order of label."""
    labels = np.asarray(pair.own["label"])
    return [
        Part(Slices.CLASS, "", name, ("", label), labels == label)
        for label, name in classes_in(pair, names).items()
    ]


def group_parts(pair: Paired, groups: Groups) -> list[Part]:
    """The groups of every grouping of the pair's distribution, by name."""
    return [
        Part(Slices.GROUP, grouping, name, (grouping, name), np.asarray(members == name))
        for grouping, members in groups.get(pair.distribution, {}).items()
        for name in sorted(set(members.tolist()) - {""})
    ]


def mean_recall(wrong: Array, labels: Array) -> float:
    """Recall of each class that has images, averaged over the classes."""
    return float(np.mean([1 - wrong[labels == label].mean() for label in np.unique(labels)]))
