"""The 19 corruptions of CIFAR-10-C and ImageNet-C, made on the fly in batches (loads no torch until called)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunekit.data.corruptions.table import CORRUPTION_ROWS, GENERATOR_VERSION, Corruption, table_for

if TYPE_CHECKING:
    from prunekit.data.corruptions.apply import corrupt, corrupt_mixed
else:
    from prunekit.registry import Lazy

    corrupt = Lazy("prunekit.data.corruptions.apply:corrupt")
    corrupt_mixed = Lazy("prunekit.data.corruptions.apply:corrupt_mixed")

__all__ = ["CORRUPTION_ROWS", "GENERATOR_VERSION", "Corruption", "corrupt", "corrupt_mixed", "table_for"]
