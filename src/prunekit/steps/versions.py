"""The data and code that results were made from, and whether stored results still match them. No torch.

A key identifies the parameters of a result, not its images: ``folder:photos`` may contain others by now. So every
record notes digests of the data, of the user's own code and of the results that it was made from; they are compared
whenever a stored result is used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from prunekit.base.code import PREFIX, is_code
from prunekit.base.source import digest_of
from prunekit.data.datasets import DATASETS
from prunekit.data.versions import earlier_version_of, source_of, version_of
from prunekit.errors import PrunekitError, StoreError, UsageError
from prunekit.models.archs import ARCHS
from prunekit.params import MODEL_STEPS, NoiseParams, Params, Root, TransferParams, distribution_of
from prunekit.pruning.methods import METHODS
from prunekit.store.records import ModelRecord, Sources, Step
from prunekit.store.removal import dropped
from prunekit.store.store import Store

PUT_BACK = "restore the images, put the new ones in a separate folder, or recompute the results with --force"


# What a result is made from, as its record notes it.


def model_sources(lineage: Sequence[Step], store: Store, data: Path) -> Sources:
    """What a model is made from: its lineage's data set and code, and the model that its last step starts from."""
    parents = [step.key for step in lineage[-2:-1]]
    root = lineage[0].read()
    dataset = str(root.dataset) if isinstance(root, Root) else ""
    return Sources(data_of([dataset], data), code_of(lineage), {key: store.digest(key) for key in parents})


def measurement_sources(params: Params, store: Store, data: Path) -> Sources:
    """What a measurement is made from: its models' data and code, its own images, and its inputs."""
    models = [store.record(key) for key in params.inputs if key.partition("-")[0] in MODEL_STEPS]
    names = [*(str(record.param("dataset")) for record in models), source_of(_distribution(params, store))]
    lineage = [step for record in models for step in record.lineage]
    return Sources(data_of(names, data), code_of(lineage), {key: store.digest(key) for key in params.inputs})


def _distribution(params: Params, store: Store) -> str:
    """The distribution whose images a measurement uses."""
    if isinstance(params, TransferParams):
        return _distribution(store.measurement(params.features).step.read(), store)
    model = params.to if isinstance(params, NoiseParams) else params.inputs[0]
    return distribution_of(params) or str(store.record(model).param("dataset"))


def data_of(names: Iterable[str], data: Path) -> dict[str, str]:
    """The digests of data sets by name, for those that have one."""
    found = {name: version_of(name, data) for name in dict.fromkeys(names)}
    return {name: digest for name, digest in found.items() if digest}


def code_of(lineage: Iterable[Step]) -> dict[str, str]:
    """The digests of the user's own code named by the steps of a lineage: builders, and rows of plugins."""
    targets = {target for step in lineage for target in _targets(step.params)}
    found = {target: digest_of(target.removeprefix(PREFIX)) for target in sorted(targets)}
    return {target: digest for target, digest in found.items() if digest}


def _targets(params: Mapping[str, Any]) -> Iterator[str]:
    arch = str(params.get("arch", ""))
    method = str(params.get("method", ""))
    yield from (name for name in (arch, method) if is_code(name))
    rows = ((ARCHS, arch), (METHODS, method), (DATASETS, params.get("dataset")))
    yield from (origin for table, name in rows if (origin := table.origin(str(name))))


# The present data and code.


class Here:
    """The data and code on this machine, each checked once; missing ones cannot be compared."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.data = cache(self._version)
        self.code = cache(lambda target: digest_of(target.removeprefix(PREFIX)))

    def _version(self, name: str) -> str:
        try:
            return version_of(name, self._data)
        except PrunekitError:
            return ""

    def other_data(self, found: Sources) -> str | None:
        """The first data set here that differs from the one a result was made from."""
        return next((name for name, then in found.data.items() if self.data(name) not in ("", then)), None)

    def other_code(self, found: Sources) -> str | None:
        """The first builder or plugin here that differs from the one a result was made by."""
        return next((name for name, then in found.code.items() if self.code(name) not in ("", then)), None)


def check_parent(record: ModelRecord, data: Path) -> None:
    """Refuse to start from a model whose data or code have changed since: results would mix two versions."""
    here, name = Here(data), str(record.param("dataset"))
    changed = here.other_data(record.sources)
    then = record.provenance.get("data")  # the note of version 0.1
    if changed or (isinstance(then, str) and then != earlier_version_of(name, data)):
        raise UsageError(f"{changed or name} has changed since {record.key} was made from it ({PUT_BACK})")
    code = here.other_code(record.sources)
    if code:
        raise UsageError(
            f"{code} is not the code that made {record.key} (restore it, or recompute with --force)"
        )


# What a command does with the results that it finds.


class Standing(NamedTuple):
    """The state of the finished results of some steps: by key, what has changed."""

    data: dict[str, str]
    code: dict[str, str]
    inputs: dict[str, str]


def standing(keys: Iterable[str], store: Store, data: Path) -> Standing:
    """Compare finished results' notes with what is here; a result of version 0.1, which notes nothing, stays valid."""
    here, found = Here(data), Standing({}, {}, {})
    digest = cache(lambda key: _digest(store, key))
    for key, sources in store.noted(keys):  # missing or damaged results are reported when they are read
        for table, other in ((found.data, here.other_data(sources)), (found.code, here.other_code(sources))):
            if other is not None:
                table[key] = other
        inputs = sources.inputs.items()
        changed = next((name for name, then in inputs if digest(name) not in ("", then)), None)
        found.inputs.update({} if changed is None else {key: changed})
    return found


def _digest(store: Store, key: str) -> str:
    try:
        return store.digest(key)
    except StoreError:
        return ""


class Settled(NamedTuple):
    """Existing keys to make again, and what the user should know about those that are kept."""

    again: frozenset[str]
    notes: tuple[str, ...]


def settle(steps: Sequence[Params], store: Store, data: Path, forced: Collection[str]) -> Settled:
    """What a command does with finished results, parents before children.

    Made again: results that are ``forced`` or were made from another version of an input, and all that come from
    them. Refused (:class:`UsageError`): using a result of data other than those here, or starting from one of other
    code.
    """
    by_key = {params.key: params for params in steps}
    found = standing(by_key, store, data)
    again = set(forced)
    for key, params in by_key.items():
        if key in found.inputs or not again.isdisjoint(params.inputs):
            again.add(key)
    _refuse_other_data([key for key in found.data if key not in again], found.data)
    kept = {key: name for key, name in found.code.items() if key not in again}
    _refuse_other_code(steps, kept, lambda key: key in again or not store.has(key))
    return Settled(
        frozenset(again | _without_weights(steps, store, again)),
        tuple(_note(name, keys) for name, keys in _by_name(kept).items()),
    )


def _without_weights(steps: Sequence[Params], store: Store, again: Collection[str]) -> set[str]:
    """Networks with dropped weights that a step to be made needs: they are made again too."""
    present = store.present()
    makes = {params.key for params in steps}
    found: set[str] = set()
    for params in reversed(steps):  # children before parents
        if params.key in again or params.key in found or params.key not in present:
            found |= dropped(store, (key for key in params.inputs if key in makes and key in present))
    return found - set(again)


def _by_name(found: Mapping[str, str]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for key, name in found.items():
        names.setdefault(name, []).append(key)
    return names


def _refuse_other_data(keys: Sequence[str], found: Mapping[str, str]) -> None:
    if keys:
        name = found[keys[0]]
        raise UsageError(
            f"{name} has changed since {_few(keys)} in this store {_was(keys)} made from it ({PUT_BACK})"
        )


def _refuse_other_code(
    steps: Sequence[Params], kept: Mapping[str, str], wanted: Callable[[str], bool]
) -> None:
    for params in steps:
        parent = next((key for key in params.inputs if key in kept), None)
        if parent is not None and wanted(params.key):
            raise UsageError(
                f"{kept[parent]} is not the code that made {parent}, from which {params.key} would start "
                f"(restore it, or recompute {parent} with --force)"
            )


def _note(name: str, keys: Sequence[str]) -> str:
    return f"{_few(keys)} {_was(keys)} made by a different version of {name} (--force recomputes results)"


def _few(keys: Sequence[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{keys[0]} and {len(keys) - 1} more results"


def _was(keys: Sequence[str]) -> str:
    return "was" if len(keys) == 1 else "were"
