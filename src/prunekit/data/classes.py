"""Names of the classes of the published data sets, in the order of their labels."""

from __future__ import annotations

from importlib.resources import files


def names(of: str) -> tuple[str, ...]:
    """The class names in ``names/<of>.txt``; ``imagenet`` has WordNet ids, sorted as torchvision's outputs are."""
    text = files("prunekit.data").joinpath("names", f"{of}.txt").read_text(encoding="ascii")
    return tuple(text.split())
