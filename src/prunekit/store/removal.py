"""Remove results from a store: whole networks with everything made from them, or only weights; and disk usage.

Removes only files that prunekit wrote, recognised by their content (``files``); results in progress stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prunekit.base import files
from prunekit.errors import UsageError
from prunekit.store import archive, upkeep
from prunekit.store.records import DROPPED, PREDICTIONS, ModelRecord

if TYPE_CHECKING:
    from prunekit.store.store import Store


class Removal(NamedTuple):
    """What to remove: keys of networks and measurements, labels, and weights files that nothing else needs."""

    models: tuple[str, ...]
    measurements: tuple[str, ...]
    labels: tuple[str, ...]
    imports: tuple[Path, ...]


def removal(store: Store, keys: Collection[str], *, descendants: bool = False) -> Removal:
    """Everything that goes with the removed networks: measurements of and against them, labels, deposited files.

    :class:`UsageError`: others were made from them and ``descendants`` is not set, or a process works on one now.
    """
    records = [store.record(key) for key in store.keys("models")]
    gone = dict.fromkeys(keys)
    later = [record.key for record in records if any(step.key in gone for step in record.lineage)]
    made_from = [key for key in later if key not in gone]
    if made_from and not descendants:
        raise UsageError(
            f"{len(made_from)} networks were made from these ({made_from[0]}{' ...' if made_from[1:] else ''}): "
            "--descendants removes them too"
        )
    gone |= dict.fromkeys(made_from)
    measured = tuple(_measurements(store, gone))
    busy = store.running() & {*gone, *measured}
    if busy:
        raise UsageError(f"another process is working on {min(busy)}: wait for it, or stop it first")
    labels = tuple(name for name, key in store.labels().items() if key in gone)
    return Removal(tuple(gone), measured, labels, tuple(_imports(store, records, gone)))


def _measurements(store: Store, gone: Collection[str]) -> Iterator[str]:
    """Measurements that depend on what is removed, and those that depend on these."""
    steps = {key: store.measurement(key).step.read() for key in store.keys("measurements")}
    lost = set(gone)
    while more := {
        key for key, step in steps.items() if key not in lost and not lost.isdisjoint(step.inputs)
    }:
        lost |= more
    return (key for key in steps if key in lost)


def _imports(store: Store, records: Iterable[ModelRecord], gone: Collection[str]) -> Iterator[Path]:
    """Deposited weights files that only the removed networks came from."""
    of: dict[bool, set[str]] = {True: set(), False: set()}
    for record in records:
        of[record.key in gone] |= {
            str(step.params.get("weights", "")).partition(":")[2]
            for step in record.lineage
            if step.kind == "import"
        }
    folder = store.root / "imports"
    for name in files.listed(folder, within=store.root):
        if name.partition(".")[0] in of[True] - of[False]:
            yield folder / name


def remove(store: Store, found: Removal) -> int:
    """Remove it, dependents first, so that an interruption leaves nothing without its parent; returns the count."""
    upkeep.check_is_store(store)
    for name in found.labels:
        files.remove(store.root / "labels" / name, within=store.root)
    order = sorted(found.models, key=lambda key: -len(store.record(key).lineage))
    before = store.present()
    for key in (*reversed(found.measurements), *order):
        store.remove(key)
        files.remove(store.log(key), within=store.root, ours=upkeep.is_log)
    for path in found.imports:
        files.remove(path, within=store.root, ours=lambda file, name=path.stem: files.sha256(file) == name)  # type: ignore[misc]
    return len(before - store.present())


def droppable(store: Store, keep: Collection[str]) -> list[str]:
    """Networks whose weights may be removed: all but those to keep, those without weights, and those in progress."""
    keys = [key for key in store.keys("models") if key not in keep]
    without, busy = dropped(store, keys), store.running()
    return [key for key in keys if key not in without | busy and store.record(key).form != PREDICTIONS]


def dropped(store: Store, keys: Iterable[str]) -> frozenset[str]:
    """Which of these networks have no weights any more, from a quick look at each."""
    mark = f'\\"{DROPPED}\\":'.encode()
    return frozenset(key for key in keys if mark in _provenance(store.path(key)))


def _provenance(path: Path) -> bytes:
    try:
        return archive.provenance_text(str(path))
    except OSError:
        return b""


def drop_weights(store: Store, keys: Iterable[str]) -> None:
    """Remove the weights and masks of networks; records and outcomes stay, and the weights' digest is noted."""
    upkeep.check_is_store(store)
    for key in keys:
        record = store.record(key)
        noted = {**record.provenance, DROPPED: store.digest(key)}
        store.save_model(record.model_copy(update={"provenance": noted}), {}, {})


def disk_use(store: Store) -> list[dict[str, Any]]:
    """Files and bytes by network and by kind of content; content that belongs to no network comes last."""
    labels = {key: name for name, key in store.labels().items()}
    found: dict[tuple[str, str], list[int]] = {}
    for key in store.keys("models"):
        found.setdefault((key, "weights"), []).append(_size(store.path(key)))
    for key in store.keys("measurements"):
        step = store.measurement(key).step
        model = str(step.params.get("model", ""))
        found.setdefault((model, step.kind), []).append(_size(store.path(key)))
    for folder in ("imports", "checkpoints", "logs", "costs"):
        sizes = [
            _size(store.root / folder / name) for name in files.listed(store.root / folder, within=store.root)
        ]
        if sizes:
            found["", folder] = sizes
    order = {
        key: place
        for place, key in enumerate(by_lineage({each: store.record(each) for each in store.keys("models")}))
    }
    ranked = sorted(found.items(), key=lambda each: (order.get(each[0][0], len(order)), each[0][1]))
    return [
        {
            "model": model or None,
            "label": labels.get(model),
            "kind": kind,
            "files": len(sizes),
            "bytes": sum(sizes),
        }
        for (model, kind), sizes in ranked
    ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def by_lineage(records: Mapping[str, ModelRecord]) -> list[str]:
    """The keys, each after the network that it was made from."""
    children: dict[str | None, list[str]] = {}
    for key, record in sorted(records.items()):
        parent = record.parent if record.parent in records else None
        children.setdefault(parent, []).append(key)
    found: list[str] = []
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        key = waiting.pop()
        found.append(key)
        waiting += reversed(children.get(key, []))
    return found
