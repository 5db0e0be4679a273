"""Stored measurements as the analysis takes them: curves, pairs, comparisons. Reads arrays; computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple

from prunekit.analysis.curves import Curve, Point
from prunekit.analysis.features import Transfer
from prunekit.analysis.longer import LONGER
from prunekit.analysis.outcome import Outcome, outcome_of
from prunekit.analysis.paired import Paired
from prunekit.analysis.robust import ROBUST
from prunekit.analysis.similarity import SEPARATE, Compared
from prunekit.params import ErrorParams, FeaturesParams, NoiseParams, TransferParams
from prunekit.store.records import ModelRecord
from prunekit.store.store import Arrays, Store


class Measured(NamedTuple):
    """One network and what it is compared with, its unpruned parent as a rule, both measured on one distribution.

    ``seed`` is the parent's: a control that is compared with it stands beside the networks pruned from it.
    """

    method: str
    seed: int
    record: ModelRecord
    own: ErrorParams
    parent: ErrorParams


def variant(record: ModelRecord, archs: int = 1) -> str:
    """What a curve is called: the method, and whatever else sets its lineage apart from the other curves.

    ``archs`` is the number of architectures that the study compares: with several, each is named.
    """
    modes = [str(step.params.get("mode", "")) for step in record.lineage if step.kind == "retrain"]
    mode = "not retrained" if record.kind == "prune" else modes[-1] if modes else ""
    return _in_words([str(record.method), f"({mode})" if mode else ""], record, archs)


def _in_words(first: Sequence[str], record: ModelRecord, archs: int) -> str:
    """The ``first`` words of a curve's name, and those that tell how its networks were made."""
    robust = ROBUST if record.param("train_distribution") else ""
    arch = f"on {record.param('arch')}" if archs > 1 else ""
    return " ".join(word for word in (*first, robust, arch) if word)


def archs_of(records: Iterable[ModelRecord]) -> int:
    """How many architectures there are among the records."""
    return len({record.param("arch") for record in records})


def asked_ratio(record: ModelRecord) -> float | None:
    """The prune ratio that the latest prune step was asked for; None for an unpruned network."""
    asked = [step.params["prune_ratio"] for step in record.lineage if step.kind == "prune"]
    return float(str(asked[-1])) if asked else None


def unpruned_parent(record: ModelRecord) -> str | None:
    """What a pruned network is compared with; None for an unpruned one."""
    return record.root.key if record.method is not None else None


def measured(
    store: Store,
    errors: Iterable[ErrorParams],
    to: Callable[[ModelRecord], str | None] = unpruned_parent,
) -> list[Measured]:
    """Every network whose own outcomes and those of what ``to`` compares it with are stored, by distribution."""
    held = {(params.model, params.distribution): params for params in errors if store.has(params.key)}
    records = {key: store.record(key) for key in dict.fromkeys(key for key, _ in held)}
    archs = archs_of(records.values())
    return [
        Measured(_method(record, archs), int(records[parent].param("seed")), record, own, other)
        for (key, distribution), own in held.items()
        if (parent := to(record := records[key])) and (other := held.get((parent, distribution)))
    ]


def is_longer(record: ModelRecord) -> bool:
    """Whether this is an unpruned network that was trained again: neither pruned, nor a separate network."""
    return record.method is None and record.kind == "retrain"


def _method(record: ModelRecord, archs: int) -> str:
    """What a network's rows are called; an unpruned one is a control."""
    if record.method:
        return variant(record, archs)
    if is_longer(record):
        return _in_words([LONGER], record, archs)
    return SEPARATE


def curves(store: Store, found: Sequence[Measured], *, top_k: int = 1) -> list[Curve]:
    """One curve per method, unpruned parent and distribution."""

    @cache
    def outcome(key: str) -> Outcome:
        return outcome_of(store.outcomes(key), top_k=top_k)

    groups: dict[tuple[str, str], list[Measured]] = {}
    for each in found:
        groups.setdefault((each.method, each.parent.key), []).append(each)
    return [
        Curve(
            method=method,
            seed=members[0].seed,
            distribution=members[0].own.distribution,
            parent=members[0].parent.model,
            parent_outcome=outcome(parent),
            points=tuple(
                Point(
                    each.record.prune_ratio, each.record.key, outcome(each.own.key), asked_ratio(each.record)
                )
                for each in members
            ),
        )
        for (method, parent), members in groups.items()
    ]


def pairs(store: Store, found: Sequence[Measured]) -> list[Paired]:
    """Every network beside what it is compared with, example by example."""

    @cache
    def arrays(key: str) -> Arrays:
        return store.outcomes(key)

    return [
        Paired(
            method=each.method,
            seed=each.seed,
            prune_ratio=each.record.prune_ratio,
            key=each.record.key,
            parent=each.parent.model,
            distribution=each.own.distribution,
            own=arrays(each.own.key),
            reference=arrays(each.parent.key),
            asked=asked_ratio(each.record),
        )
        for each in found
    ]


def compared(store: Store, noises: Iterable[NoiseParams]) -> list[Compared]:
    """The stored noise comparisons; an unpruned network that is not the parent, nor comes from it, is the control."""
    held = [params for params in noises if store.has(params.key)]
    records = {
        key: store.record(key) for key in dict.fromkeys(key for params in held for key in params.inputs)
    }
    archs = archs_of(records.values())
    return [
        Compared(
            method=_method(record := records[params.model], archs),
            seed=int((parent := records[params.to]).param("seed")),
            prune_ratio=record.prune_ratio,
            key=params.model,
            parent=params.to,
            distribution=params.distribution or str(parent.param("dataset")),
            levels=params.levels,
            metrics=store.outcomes(params.key),
            noise=params.noise,
            asked=asked_ratio(record) or 0.0,
        )
        for params in held
        if not is_longer(records[params.model])
    ]


def transfers(store: Store, steps: Iterable[TransferParams]) -> list[Transfer]:
    """The stored feature transfers, per method of the pruned networks that they are about."""
    held = [step for step in steps if store.has(step.key) and store.has(step.features)]
    sources = {step.features: store.measurement(step.features).step.read() for step in held}
    keys = {step.model for step in held} | {str(getattr(source, "model", "")) for source in sources.values()}
    found = []
    for (method, root), roles in roles_of(store, keys).items():
        for step in held:
            source = sources[step.features]
            assert isinstance(source, FeaturesParams)  # noqa: S101 - the key's kind says so
            row, column = roles.get(source.model), roles.get(step.model)
            if row is not None and column is not None:
                found.append(_transfer(store, step, source, method, row, column, store.record(root)))
    return found


def roles_of(store: Store, keys: Iterable[str]) -> dict[tuple[str, str], dict[str, float | str]]:
    """By method and unpruned parent, the part of each network in a heat map: its ratio, 0 or "separate"."""
    records = {key: store.record(key) for key in sorted(set(keys))}
    archs = archs_of(records.values())
    pruned = {(variant(record, archs), record.root.key) for record in records.values() if record.method}
    return {
        (method, root): {
            key: role
            for key, record in records.items()
            if (role := _role(record, variant(record, archs) == method, root)) is not None
        }
        for method, root in sorted(pruned)
    }


def _role(record: ModelRecord, is_method: bool, root: str) -> float | str | None:
    """A network's place in the heat map of one method; None where it has none."""
    if record.key == root:
        return 0.0
    if record.method is None:
        return None if is_longer(record) else SEPARATE
    return asked_ratio(record) if is_method and record.root.key == root else None


def _transfer(
    store: Store,
    step: TransferParams,
    source: FeaturesParams,
    method: str,
    row: float | str,
    column: float | str,
    root: ModelRecord,
) -> Transfer:
    return Transfer(
        method=method,
        seed=int(root.param("seed")),
        row=row,
        column=column,
        row_key=source.model,
        column_key=step.model,
        distribution=source.distribution or str(root.param("dataset")),
        kept=step.kept,
        confidence=store.outcomes(step.key)["confidence"],
    )
