"""From the name of a distribution to its images."""

from __future__ import annotations

from pathlib import Path

from prunekit.data.datasets import SHIFTED, Dataset, check_split, open_dataset
from prunekit.data.examples import Examples
from prunekit.data.made import corrupted, mixed, through
from prunekit.data.preprocessing import CLASSIFICATION, Preprocessing, View
from prunekit.data.splits import hold_out
from prunekit.distribution import Distribution

VALID_FRACTION = 0.1


def load_distribution(
    distribution: Distribution,
    root: Path,
    *,
    seed: int = 0,
    split_seed: int | None = None,
    valid_fraction: float = VALID_FRACTION,
    dataset: Dataset | None = None,
    view: View | None = None,
    few: bool = False,
) -> Examples:
    """The examples of ``distribution`` without its noise, which is added to normalised inputs when measuring.

    ``seed`` draws the made corruptions; ``split_seed`` (unset: ``seed``) and ``valid_fraction`` hold out the
    validation images, so pass a model's own to see what it did not train on. ``dataset`` is the distribution's own
    if it is already open, ``view`` the network's (unset: the data set's own). If all images have one size, corruptions
    are made at that size, before the view; if they have several, after it. ``few``: images are corrupted when they are
    read, not all at once. :class:`UsageError` if the data are missing, damaged or of another kind.
    """
    if distribution.published:
        return _published(distribution, root, view)
    dataset = dataset or open_dataset(distribution.dataset, root)
    view = view or Preprocessing.of(dataset).view
    first, then = (view, None) if dataset.at else (None, view)
    held_out_by = seed if split_seed is None else split_seed
    examples = load_split(
        dataset, distribution.split, seed=held_out_by, valid_fraction=valid_fraction, view=first
    )
    if distribution.corruption:
        examples = corrupted(examples, distribution, root, seed=seed, few=few)
    if distribution.mixture:
        examples = mixed(examples, mixture=distribution.mixture, seed=seed)
    return through(examples, then) if then and dataset.task == CLASSIFICATION else examples


def _published(distribution: Distribution, root: Path, view: View | None) -> Examples:
    row = SHIFTED[distribution.dataset]
    examples = row.load(root, str(distribution.corruption), distribution.severity)
    if view is None:
        return examples
    return through(examples, view._replace(resize=None) if row.cropped else view)


def load_split(
    dataset: Dataset,
    split: str,
    *,
    seed: int,
    valid_fraction: float = VALID_FRACTION,
    view: View | None = None,
) -> Examples:
    """One split of ``dataset``: ``train`` without, and ``valid`` with, the images held out by ``seed``.

    ``view`` None: images as they are stored, which must have one size, or the data set's own view.
    """
    check_split(dataset.name, dataset.splits, split)
    if split not in {"train", "valid"}:
        return _read(dataset, split, view)
    train, valid = training_split(dataset, seed=seed, valid_fraction=valid_fraction, view=view)
    return train if split == "train" else valid


def _read(dataset: Dataset, split: str, view: View | None) -> Examples:
    if view is None:
        return dataset.load(split)
    return dataset.at(view)(split) if dataset.at else through(dataset.load(split), view)


def training_split(
    dataset: Dataset, *, seed: int, valid_fraction: float = VALID_FRACTION, view: View | None = None
) -> tuple[Examples, Examples]:
    """The training and the held-out images: the published validation set, or else a stratified share of train."""
    examples = _read(dataset, "train", view)
    if "valid" in dataset.splits:
        return examples, _read(dataset, "valid", view)
    train, valid = hold_out(examples.strata, valid_fraction, seed)
    return examples.subset(train), examples.subset(valid)
