"""Models and measurements by key, in plain files; every write is atomic. No torch."""

from prunekit.store.store import Store

__all__ = ["Store"]
