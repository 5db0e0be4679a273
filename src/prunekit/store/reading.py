"""A read-only store for one study: reads every header once, and arrays too while they fit in memory."""

from __future__ import annotations

from pathlib import Path

from prunekit.store import archive
from prunekit.store.records import MeasurementRecord, ModelRecord
from prunekit.store.store import Arrays, Record, Store

MOST_BYTES = 2**28


def reading(store: Store) -> Reading:
    """The same store, for many reads within one command."""
    return store if isinstance(store, Reading) else Reading(store.root)


class Reading(Store):
    """A store as first read, result by result: a result that is made again meanwhile is not seen."""

    def __init__(self, root: Path, *, most_bytes: int = MOST_BYTES) -> None:
        super().__init__(root)
        self._headers: dict[str, archive.Header] = {}
        self._records: dict[str, ModelRecord | MeasurementRecord] = {}
        self._arrays: dict[str, Arrays] = {}
        self._left = most_bytes

    def outcomes(self, key: str) -> Arrays:
        """The per-example arrays of a measurement, cached while there is room; callers must not change them."""
        if key in self._arrays:
            return self._arrays[key]
        arrays = super().outcomes(key)
        size = sum(array.nbytes for array in arrays.values())
        if size <= self._left:
            self._left -= size
            self._arrays[key] = arrays
        return arrays

    def _header(self, key: str) -> archive.Header:
        if key not in self._headers:
            self._headers[key] = super()._header(key)
        return self._headers[key]

    def _validated(self, key: str, cls: type[Record]) -> Record:
        found = self._records.get(key)
        if not isinstance(found, cls):
            found = super()._validated(key, cls)
            self._records[key] = found
        return found
