"""A store at a URL (``s3://``, ``gs://``, ``file://`` ...): steps fetch what they need and push what they make.

The store on this machine is the working copy. A result counts as done once it is at the URL. Every fetched byte is
checked before use. There are no locks at the URL: two runs may do the same step, and then push equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from prunekit.base import files
from prunekit.errors import PrunekitError, StoreError, UsageError
from prunekit.store import archive
from prunekit.store.names import SUFFIX, is_key
from prunekit.store.store import Store

FOLDERS = ("models", "measurements")


class Remote:
    """The results at one URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._files, self._root = _opened(url)

    def present(self) -> frozenset[str]:
        """The keys of all results there."""
        with self._errors():
            self._files.invalidate_cache()
            paths = [path for folder in FOLDERS for path in self._listed(folder)]
        names = (path.rpartition("/")[2] for path in paths)
        keys = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
        return frozenset(key for key in keys if is_key(key))

    def _listed(self, folder: str) -> list[str]:
        try:
            found: list[str] = self._files.ls(f"{self._root}/{folder}", detail=False)
        except FileNotFoundError:
            return []
        return found

    def fetch(self, store: Store, keys: Iterable[str]) -> None:
        """Copy those of these results that the store lacks into it, checking every byte; skips results not there."""
        for key in keys:
            if not store.has(key):
                with self._errors():
                    data = self._read(self._path(store, key))
                if data is not None:
                    archive.write_bytes(store.path(key), data)
                    _check(store, key, self.url)

    def _read(self, path: str) -> bytes | None:
        try:
            data: bytes = self._files.cat_file(path)
        except FileNotFoundError:
            return None
        return data

    def push(self, store: Store, keys: Iterable[str]) -> None:
        """Copy these results there; each appears whole or not at all."""
        for key in keys:
            data = files.read(store.path(key))
            with self._errors():
                path = self._path(store, key)
                self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
                with self._files.transaction, self._files.open(path, "wb") as file:
                    file.write(data)

    def _path(self, store: Store, key: str) -> str:
        return f"{self._root}/{store.path(key).relative_to(store.root).as_posix()}"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn any transfer error into one line; each kind of remote store raises different errors."""
        try:
            yield
        except PrunekitError:
            raise
        except Exception as error:
            raise PrunekitError(f"the store {self.url}: {type(error).__name__}: {error}") from error


def _check(store: Store, key: str, url: str) -> None:
    try:
        store.verify(key)
    except StoreError as error:
        store.remove(key)
        raise StoreError(f"the copy of {key} at {url} cannot be used: {error}") from None


def _opened(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError("a store at a URL needs fsspec: pip install 'prunekit[ray]'") from None
    try:
        files, root = url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise UsageError(f"--remote {url}: {error}") from None
    return files, str(root).rstrip("/")
