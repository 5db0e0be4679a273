"""Check that findings pair only results of one version of the data, code and inputs. No torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import NamedTuple

from prunekit.errors import PrunekitWarning, StoreError, UsageError
from prunekit.params import MEASUREMENT_STEPS, ErrorParams, Params
from prunekit.store.records import Sources
from prunekit.store.store import Store

REMEDY = "recompute one of them with --force, or report on them separately"
OF_EARLIER = (
    "some of these results were made by prunekit 0.1, which did not record the version of "
    "the data: prunekit cannot check that they belong together"
)


class Noted(NamedTuple):
    """A result's note of what it was made from."""

    key: str
    sources: Sources


def check_versions(store: Store, steps: Iterable[Params]) -> None:
    """Refuse measurements that do not match (:class:`UsageError`), by the notes in their records.

    No two results may use different versions of one data set or of the user's own code, and none may be made from a
    version of an input other than the stored one. Results of 0.1 note nothing, for which one warning is given.
    """
    held = [step for step in steps if store.has(step.key)]
    keys = dict.fromkeys([*(step.key for step in held), *(key for step in held for key in step.inputs)])
    noted = [Noted(key, store.sources(key)) for key in keys if store.has(key)]
    _check_one_version(noted)
    _check_errors(store, held)
    digests: dict[str, str] = {}
    for each in noted:
        for name, then in each.sources.inputs.items():
            if name not in digests:
                digests[name] = _digest(store, name)
            if digests[name] not in ("", then):
                raise UsageError(
                    f"{each.key} was made from another version of {name} than the one in the store: run its "
                    "recipe again"
                )
    if not all(any(each.sources) for each in noted if each.key.partition("-")[0] in MEASUREMENT_STEPS):
        warnings.warn(OF_EARLIER, PrunekitWarning, stacklevel=1)


def _check_one_version(noted: Iterable[Noted]) -> None:
    first: dict[str, tuple[str, str]] = {}
    for each in noted:
        for name, digest in (*each.sources.data.items(), *each.sources.code.items()):
            then, key = first.setdefault(name, (digest, each.key))
            if digest != then:
                raise UsageError(
                    f"two versions of {name} are mixed: {key} and {each.key} were made from different ones "
                    f"({REMEDY})"
                )


def _check_errors(store: Store, held: Iterable[Params]) -> None:
    """Check that a model's record and its measurement agree on the error on its own test set."""
    for step in held:
        if isinstance(step, ErrorParams) and store.has(step.model):
            record, found = store.record(step.model), store.measurement(step.key).summary.get("error")
            nominal = step == ErrorParams(model=step.model, distribution=str(record.param("dataset")))
            noted = any(store.sources(step.key))
            if nominal and noted and isinstance(found, float) and record.error not in (None, found):
                raise StoreError(
                    f"the record of {step.model} says that its error is {record.error:g}, but its outcomes "
                    f"{step.key} give {found:g}: one of them has been changed (run its recipe again with "
                    "--force)"
                )


def _digest(store: Store, key: str) -> str:
    try:
        return store.digest(key)
    except StoreError:
        return ""
