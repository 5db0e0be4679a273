"""The state of steps in a store: which are valid, which are stale, which must be recomputed. No torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from prunekit.cli.output import say
from prunekit.data.versions import source_of, too_large
from prunekit.params import MODEL_STEPS, Params
from prunekit.steps.versions import settle, standing
from prunekit.store.removal import dropped
from prunekit.store.store import Store


def settled(steps: Sequence[Params], store: Store, data: Path, forced: Collection[str]) -> frozenset[str]:
    """Existing keys to make again; reports which of the kept ones were made by other code."""
    found = settle(steps, store, data, forced)
    for note in found.notes:
        say(note)
    return found.again


def states(store: Store, steps: Sequence[Params], data: Path) -> Callable[[str], str]:
    """The state of a step by its key.

    dropped (finished, its weights removed from the store), stale (made from data, or from a version of an input, that
    differs from the present one), have, running (a process works on it now), failed (at the last attempt, see its
    log) or missing.
    """
    found = standing([params.key for params in steps], store, data)
    stale = {**found.data, **found.inputs}
    known: tuple[tuple[str, Collection[str]], ...] = (
        ("stale", stale),
        ("dropped", dropped(store, (step.key for step in steps if step.kind in MODEL_STEPS))),
        ("have", store.present()),
        ("running", store.running()),
        ("failed", store.failed()),
    )
    return lambda key: next((word for word, keys in known if key in keys), "missing")


def uncompared(store: Store, data: Path) -> list[str]:
    """Data sets of the store's results that have too many files here to be compared."""
    models = (store.record(key).root_params.dataset for key in store.keys("models"))
    measured = (store.measurement(key).step.params.get("distribution") for key in store.keys("measurements"))
    names = {str(name) for name in (*models, *measured) if name is not None}
    return [name for name in sorted({source_of(name) for name in names}) if too_large(name, data)]


def other_versions(store: Store, data: Path) -> list[dict[str, str]]:
    """A row per stored result whose data, input or code differ from those present here."""
    found = standing(sorted(store.present()), store, data)
    reasons = {
        "made from data that differ from those here": found.data,
        "made by code that differs from that here": found.code,
        "made from a version of its input that differs from the one here": found.inputs,
    }
    return [
        {"key": key, "path": str(store.path(key)), "problem": f"{reason}: {name}"}
        for reason, table in reasons.items()
        for key, name in table.items()
    ]
