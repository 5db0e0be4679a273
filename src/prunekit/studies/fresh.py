"""The inputs of a report as one digest: results, settings and code, without computing any number. No torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prunekit.base.own_code import digest_of_code
from prunekit.params import ErrorParams, Params
from prunekit.store.store import Store
from prunekit.studies.groups import file_beside

# Libraries on which numbers and drawings depend.
LIBRARIES = ("numpy", "scipy", "matplotlib", "jinja2", "torch")


def made_of(store: Store, steps: Sequence[Params], parts: Any, *, groups: Path | None = None) -> str:
    """A digest of what a report is made from; empty if there are files of groups, which may change at any time.

    ``parts`` is the rest of the report's content as JSON values. Equal digests mean equal reports, apart from the
    images in it, which are read from the measured data set.
    """
    if groups is not None or any(_has_groups(step) for step in steps):
        return ""
    results = {step.key: store.fingerprint(step.key) for step in steps}
    known = [results, store.labels(), parts, digest_of_code("prunekit", *LIBRARIES)]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _has_groups(step: Params) -> bool:
    return isinstance(step, ErrorParams) and file_beside(step.distribution) is not None
