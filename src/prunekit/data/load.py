"""From the name of a distribution to its images."""

from __future__ import annotations

from pathlib import Path

from prunekit.data.datasets import SHIFTED, Dataset, check_split, open_dataset
from prunekit.data.examples import Examples
from prunekit.data.made import corrupted, mixed
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
) -> Examples:
    """The examples of ``distribution``, all but its noise, which is added to normalised inputs when measuring.

    ``seed`` draws the made corruptions; ``split_seed`` (unset: ``seed``) and ``valid_fraction`` hold out the
    validation images, so pass a model's own to see what it did not train on. ``dataset`` is the distribution's own
    where it is open already. :class:`UsageError` if the data are missing, damaged or of another kind.
    """
    if distribution.published:
        published = SHIFTED[distribution.dataset]
        return published.load(root, str(distribution.corruption), distribution.severity)
    dataset = dataset or open_dataset(distribution.dataset, root)
    held_out_by = seed if split_seed is None else split_seed
    examples = load_split(dataset, distribution.split, seed=held_out_by, valid_fraction=valid_fraction)
    if distribution.corruption:
        return corrupted(examples, distribution, root, seed=seed)
    if distribution.mixture:
        return mixed(examples, mixture=distribution.mixture, seed=seed)
    return examples


def load_split(
    dataset: Dataset, split: str, *, seed: int, valid_fraction: float = VALID_FRACTION
) -> Examples:
    """One split of ``dataset``: ``train`` without, and ``valid`` with, the images held out by ``seed``."""
    check_split(dataset.name, dataset.splits, split)
    if split not in {"train", "valid"}:
        return dataset.load(split)
    train, valid = training_split(dataset, seed=seed, valid_fraction=valid_fraction)
    return train if split == "train" else valid


def training_split(
    dataset: Dataset, *, seed: int, valid_fraction: float = VALID_FRACTION
) -> tuple[Examples, Examples]:
    """What is trained on, and what is held out: the published validation set, or else a stratified share of train."""
    examples = dataset.load("train")
    if "valid" in dataset.splits:
        return examples, dataset.load("valid")
    train, valid = hold_out(examples.strata, valid_fraction, seed)
    return examples.subset(train), examples.subset(valid)
