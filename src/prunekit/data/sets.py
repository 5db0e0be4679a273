"""Named sets of distributions, so that one line of a recipe can say "all of the paper's". No torch."""

from __future__ import annotations

from collections.abc import Callable

from prunekit.data.datasets import SHIFTED
from prunekit.distribution import CORRUPTIONS, MIX1, MIX2, SEVERITIES, meant
from prunekit.errors import unknown

# The severity of the paper's main experiments.
SEVERITY = 3
# Newly gathered test images of a data set: a shift without a corruption.
NEW_TESTS = {"cifar10": ("cifar10.1",), "imagenet": ("objectnet",)}


def expand(text: str, dataset: str) -> list[str]:
    """The distributions that ``text`` names for ``dataset``: a set such as ``@corruptions``, or ``text`` itself.

    Published corruptions if the data set has them (``cifar10-c/fog@3``), otherwise made ones (``digits+fog@3``).
    :class:`UsageError` for a set that is not in ``SETS``.
    """
    if not text.startswith("@"):
        return [text]
    if text not in SETS:
        raise unknown("set of distributions", text, SETS, nearest=meant(text.removeprefix("@"), dataset))
    return SETS[text](dataset)


def _corrupted(
    dataset: str, corruptions: tuple[str, ...], severities: tuple[int, ...] = (SEVERITY,)
) -> list[str]:
    published = next((f"{name}/" for name, row in SHIFTED.items() if row.of == dataset), None)
    start = published or f"{dataset}+"
    return [f"{start}{corruption}@{severity}" for corruption in corruptions for severity in severities]


def _new_tests(dataset: str) -> list[str]:
    return list(NEW_TESTS.get(dataset, ()))


SETS: dict[str, Callable[[str], list[str]]] = {
    "@corruptions": lambda dataset: _corrupted(dataset, CORRUPTIONS),
    "@all-severities": lambda dataset: _corrupted(dataset, CORRUPTIONS, SEVERITIES),
    "@paper-nominal": lambda dataset: _new_tests(dataset) + _corrupted(dataset, CORRUPTIONS),
    "@paper-mix1-train": lambda dataset: [dataset, *_corrupted(dataset, MIX1)],
    "@paper-mix1-test": lambda dataset: _new_tests(dataset) + _corrupted(dataset, MIX2),
}
