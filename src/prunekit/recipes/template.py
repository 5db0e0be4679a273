"""A commented recipe to start from."""

from __future__ import annotations

import json
from collections.abc import Sequence

from prunekit.errors import UsageError
from prunekit.params import Params

_TEMPLATE = """\
# The whole study of one network: train, prune, retrain, measure, report.
#   prunekit run {{this file}} --dry-run     shows what will be made
#   prunekit run {{this file}} --out report  makes it, and goes on where it stopped
title = {title}

[report]
margin = 0.005                # rise in error still called commensurate

{parents}
[[stage]]                     # another control: the parents trained as long again, unpruned. It is fair to networks
                              # that were retrained once, the first ratio of a cascade; the third was, 3 times.
                              # The next ratio's is one more such stage with parent = "longer", listed under errors
label   = "longer"
run     = ["retrain"]
parent  = "parents"

[[stage]]                     # prune, retrain the whole schedule, prune further
label   = "pruned"
run     = ["prune", "retrain"]
parent  = "parents"
cascade = true                # false: every ratio from the unpruned parent
sweep   = {{ method = {methods}, prune_ratio = [0.15, 0.46, 0.69, 0.80, 0.95] }}

[[stage]]                     # per-example outcomes: the nominal test set, and all corruptions at severity 3
label   = "errors"
run     = ["error"]
model   = ["parents", "longer", "pruned"]
sweep   = {{ distribution = [{dataset}, "@corruptions"] }}

[[stage]]                     # functional similarity to the unpruned parent, under noise
label   = "similarity"
run     = ["noise"]
model   = "pruned"
{control}"""

_TRAINED = """\
[[stage]]                     # the networks to prune, one per seed
label   = "parents"
run     = ["train"]
arch    = {arch}
dataset = {dataset}
epochs  = {epochs}
sweep   = {{ seed = {seeds} }}

[[stage]]                     # a separately trained network: the control for similarity
label   = "separate"
run     = ["train"]
arch    = {arch}
dataset = {dataset}
epochs  = {epochs}
seed    = {separate}
"""
_CONTROL = """
[[stage]]
label   = "control"
run     = ["noise"]
model   = "separate"
to      = "parents"
"""
_STORED = """\
[[stage]]                     # a network that is in the store: nothing is made
label   = "parents"
run     = [{kind}]
{fields}
"""


def _quoted(name: str) -> str:
    """A name as TOML writes it, quotes and control characters escaped."""
    if "${" in name:
        raise UsageError(
            f"{name!r} cannot be written in a recipe, where ${{NAME}} is a variable: rename the folder"
        )
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        raise UsageError(f"{name!r} cannot be written in a recipe, which is UTF-8: rename the folder")
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")


def template(*, arch: str, dataset: str, methods: Sequence[str], seeds: int, epochs: int) -> str:
    """A commented recipe for the whole study of one network; the caller checks the names.

    :class:`UsageError` for a name that a recipe cannot contain: one that is not UTF-8 or reads as a variable.
    """
    trained = _TRAINED.format(
        arch=_quoted(arch),
        dataset=_quoted(dataset),
        epochs=epochs,
        seeds=list(range(seeds)),
        separate=seeds,
    )
    return _filled(f"{arch} on {dataset}", dataset, methods, trained, _CONTROL)


def template_from(root: Params, *, name: str, methods: Sequence[str]) -> str:
    """A commented recipe for the whole study of a network in the store; ``root`` is the step that made it.

    It has no separately trained network: the user adds a stage for such a control.
    """
    fields = (f"{field} = {_value(value)}" for field, value in root.hashed().items())
    stored = _STORED.format(kind=_quoted(root.kind), fields="\n".join(fields))
    dataset = str(getattr(root, "dataset", ""))
    return _filled(f"{name} on {dataset}", dataset, methods, stored, "")


def _value(value: object) -> str:
    """A field's value as TOML writes it."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _filled(title: str, dataset: str, methods: Sequence[str], parents: str, control: str) -> str:
    return _TEMPLATE.format(
        title=_quoted(title),
        dataset=_quoted(dataset),
        methods="[" + ", ".join(map(_quoted, methods)) + "]",
        parents=parents,
        control=control,
    )
