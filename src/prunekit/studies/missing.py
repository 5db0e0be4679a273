"""Planned results that a store lacks, and the findings that are affected. Pure; no torch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from prunekit.analysis.flags import Flag
from prunekit.analysis.rows import Row
from prunekit.analysis.shifts import Set, is_nominal, is_shifted
from prunekit.params import (
    MEASUREMENT_STEPS,
    MODEL_STEPS,
    ImportParams,
    Params,
    PruneParams,
    Root,
    TransferParams,
    distribution_of,
)

CLAIM = "claim"
NOTE = "some planned measurements for this number are missing"


class Missing(NamedTuple):
    """How many steps a study planned, and those that are missing."""

    planned: int
    steps: tuple[Params, ...]

    @property
    def sentence(self) -> str:
        """A sentence for the user; empty if nothing is missing."""
        if not self.steps:
            return ""
        count = len(self.steps)
        verb = "step is" if count == 1 else "steps are"
        return f"{count} of {self.planned} planned {verb} missing: every affected number is flagged"


def missing_of(steps: Sequence[Params], present: Collection[str]) -> Missing:
    """The planned ``steps`` whose keys are not ``present``."""
    return Missing(len(steps), tuple(step for step in steps if step.key not in present))


class Lost(NamedTuple):
    """A missing measurement: its kind, network (data set, method, requested prune ratio) and distribution."""

    kind: str
    dataset: str
    method: str | None
    asked: float
    distribution: str

    @property
    def sets(self) -> tuple[str, ...]:
        """The named sets of distributions that it belongs to."""
        named = {
            str(Set.NOMINAL): is_nominal(self.distribution, self.dataset),
            str(Set.SHIFTED): is_shifted(self.distribution, self.dataset),
        }
        return (str(Set.ALL), *(name for name, belongs in named.items() if belongs))

    def concerns(self, row: Mapping[str, Any]) -> bool:
        """Whether a finding would also rest on this measurement; if a row does not say, it would."""
        return (
            self.kind == _kind_of(row)
            and row.get("dataset") in (None, self.dataset)
            and (self.method is None or row.get("method") in (None, self.method))
            and self._at(row)
            and self._on(row)
        )

    def _at(self, row: Mapping[str, Any]) -> bool:
        """Whether the ratios match: a row at one prune ratio rests on networks of that ratio and their parent."""
        asked = row.get("asked")
        return asked is None or self.method is None or abs(asked - self.asked) < 1e-9

    def _on(self, row: Mapping[str, Any]) -> bool:
        name = row.get("distribution")
        members = [*(row.get("distributions") or ()), *(row.get("nominal_set") or ())]
        return name is None or self.distribution in (name, *members) or name in self.sets


def _kind_of(row: Mapping[str, Any]) -> str:
    """The kind of measurement that a finding is made from."""
    if "row_model" in row:
        return "transfer"
    return "noise" if "level" in row or "draws" in row else "error"


def lost_of(missing: Iterable[Params], planned: Iterable[Params]) -> list[Lost]:
    """The facts of each missing measurement, from the plan: its network may never have been made."""
    by_key = {step.key: step for step in planned}
    return [_lost(step, by_key) for step in missing if step.kind in MEASUREMENT_STEPS]


def _lost(step: Params, planned: Mapping[str, Params]) -> Lost:
    lineage: list[Params] = []
    key = step.model if isinstance(step, TransferParams) else step.inputs[0]
    while key in planned and planned[key].kind in MODEL_STEPS:
        lineage.append(planned[key])
        key = next(iter(planned[key].inputs), "")
    methods = [each for each in lineage if isinstance(each, PruneParams | ImportParams) and each.method]
    datasets = [each.dataset for each in reversed(lineage) if isinstance(each, Root) and each.dataset]
    dataset = datasets[0] if datasets else ""
    asked = (methods[0].prune_ratio or 0.0) if methods else 0.0
    return Lost(
        step.kind, dataset, methods[0].method if methods else None, asked, distribution_of(step) or dataset
    )


def marked(rows: Sequence[Row], lost: Sequence[Lost]) -> list[Row]:
    """The rows, with a flag on each that rests on a missing measurement, and a note on claims."""
    return [_marked(row) if _concerned(row, lost) else row for row in rows]


def _concerned(row: Row, lost: Sequence[Lost]) -> bool:
    if row.get("finding") == CLAIM:
        return bool(lost)
    return any(each.concerns(row) for each in lost)


def _marked(row: Row) -> Row:
    if "flags" in row:
        return Row({**row, "flags": sorted({*row["flags"], str(Flag.LOST)})})
    return Row({**row, "evidence": f"{row['evidence']}; {NOTE}"}) if "evidence" in row else row
