"""Stored measurements in the form of the analysis: curves, pairs, comparisons. Reads arrays; computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

from prunekit.analysis.chance import guessing
from prunekit.analysis.curves import Curve, Point, grouped
from prunekit.analysis.features import Member, Transfer
from prunekit.analysis.outcome import Outcome, outcome_of
from prunekit.analysis.paired import Paired
from prunekit.analysis.similarity import Compared, Protocol
from prunekit.analysis.variant import Role, Variant
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, FeaturesParams, NoiseParams, TransferParams
from prunekit.store.records import ModelRecord
from prunekit.store.store import Arrays, Store
from prunekit.studies.variants import Standing, asked_ratio, standings
from prunekit.tasks import DEFAULT

# The key of the network that a network is compared with, from its record.
To = Callable[[ModelRecord], str | None]


class Measured(NamedTuple):
    """One network and its reference (usually its unpruned parent), both measured on one distribution."""

    standing: Standing
    record: ModelRecord
    own: ErrorParams
    parent: ErrorParams


class Networks(NamedTuple):
    """The networks of a study by key: their records and their places in the study."""

    records: Mapping[str, ModelRecord]
    standings: Mapping[str, tuple[Standing, ...]]

    @classmethod
    def of(cls, store: Store, keys: Iterable[str]) -> Networks:
        """The networks of these keys."""
        records = {key: store.record(key) for key in dict.fromkeys(keys)}
        return cls(records, standings(records.values()))

    def compared(self, key: str) -> tuple[Standing, ...]:
        """The places of a network that is compared with another; an unpruned one is then a separate network."""
        return tuple(
            each._replace(variant=each.variant._replace(role=Role.SEPARATE))
            if each.variant.role == Role.PARENT
            else each
            for each in self.standings[key]
        )

    def parent(self, key: str) -> Standing:
        """The place of a network that others are compared with."""
        return self.standings[key][0]


def unpruned_parent(record: ModelRecord) -> str | None:
    """The reference of a network that came from another; None for an unpruned one."""
    return record.root.key if is_descendant(record) else None


def is_descendant(record: ModelRecord) -> bool:
    """Whether a network was pruned, or made smaller elsewhere."""
    return any(step.kind != "retrain" for step in record.lineage[1:])


def is_longer(record: ModelRecord) -> bool:
    """Whether this is an unpruned network with extra training, neither pruned nor a separate network."""
    return len(record.lineage) > 1 and not is_descendant(record)


def measured(store: Store, errors: Iterable[ErrorParams], to: To = unpruned_parent) -> list[Measured]:
    """Every network whose outcomes and those of its reference (from ``to``) are stored, by distribution.

    Both are on the same draw of the distribution; of several, the draw with the smallest seed.
    """
    stored = (params for params in errors if store.has(params.key))
    held = {(params.model, params.distribution, params.seed): params for params in stored}
    networks = Networks.of(store, (key for key, _, _ in held))
    found: dict[tuple[str, str], tuple[ErrorParams, ErrorParams]] = {}
    for (key, distribution, seed), own in sorted(held.items(), key=lambda each: each[0][2]):
        parent = to(networks.records[key])
        other = held.get((parent, distribution, seed)) if parent else None
        if other:
            found.setdefault((key, distribution), (own, other))
    return [
        Measured(standing, networks.records[key], *found[key, distribution])
        for key, distribution in dict.fromkeys((key, distribution) for key, distribution, _ in held)
        if (key, distribution) in found
        for standing in networks.compared(key)
    ]


def task_of(store: Store, key: str) -> str:
    """The task of a stored error measurement."""
    return str(store.measurement(key).summary.get("task", DEFAULT))


def curves(store: Store, found: Sequence[Measured], *, top_k: int = 1, by_rung: bool = False) -> list[Curve]:
    """One curve per variant, seed, repetition and distribution.

    With ``by_rung``, networks of one curve may have different references: each is judged by its own, and the first
    network's reference replaces the parent.
    """

    @cache
    def outcome(key: str) -> Outcome:
        return outcome_of(store.outcomes(key), task=task_of(store, key), top_k=top_k)

    return [
        Curve(
            variant=standing.variant,
            seed=standing.seed,
            repetition=standing.repetition,
            distribution=members[0].own.distribution,
            parent=members[0].parent.model,
            parent_outcome=outcome(parent),
            chance=_chance(members[0].record, outcome(parent), top_k),
            points=tuple(
                Point(
                    each.record.prune_ratio,
                    each.record.key,
                    outcome(each.own.key),
                    asked_ratio(each.record),
                    (each.parent.model, outcome(each.parent.key)) if by_rung else None,
                )
                for each in members
            ),
        )
        for (standing, _), members in grouped(found, partial(_curve_of, by_rung)).items()
        for parent in [members[0].parent.key]
    ]


def _curve_of(by_rung: bool, each: Measured) -> tuple[Standing, str]:
    return each.standing, f"{each.own.distribution} {each.record.root.key}" if by_rung else each.parent.key


def _chance(record: ModelRecord, outcome: Outcome, top_k: int) -> float | None:
    """The error of guessing, for a classifier of at least two classes."""
    return guessing(len(record.classes), top_k) if outcome.total is None else None


def pairs(store: Store, found: Sequence[Measured]) -> list[Paired]:
    """Every network paired with its reference, example by example."""

    @cache
    def arrays(key: str) -> Arrays:
        return store.outcomes(key)

    return [
        Paired(
            variant=each.standing.variant,
            seed=each.standing.seed,
            repetition=each.standing.repetition,
            prune_ratio=each.record.prune_ratio,
            key=each.record.key,
            parent=each.parent.model,
            distribution=each.own.distribution,
            own=arrays(each.own.key),
            reference=arrays(each.parent.key),
            asked=asked_ratio(each.record),
            task=task_of(store, each.own.key),
        )
        for each in found
    ]


def compared(store: Store, noises: Iterable[NoiseParams]) -> list[Compared]:
    """The stored noise comparisons; an unpruned network other than the parent and its descendants is the control."""
    held = [params for params in noises if store.has(params.key)]
    networks = Networks.of(store, (key for params in held for key in params.inputs))
    return [
        _compared(store, params, networks, standing)
        for params in held
        for standing in networks.compared(params.model)
    ]


def _compared(store: Store, params: NoiseParams, networks: Networks, standing: Standing) -> Compared:
    record, parent = networks.records[params.model], networks.records[params.to]
    return Compared(
        variant=standing.variant,
        seed=standing.seed,
        repetition=standing.repetition,
        prune_ratio=record.prune_ratio,
        key=params.model,
        parent=params.to,
        parent_variant=networks.parent(params.to).variant,
        own=record.root.key == params.to,
        protocol=protocol_of(params, parent),
        metrics=store.outcomes(params.key),
        asked=asked_ratio(record) if is_descendant(record) else 0.0,
    )


def protocol_of(params: NoiseParams, parent: ModelRecord) -> Protocol:
    """How networks were compared."""
    return Protocol(
        distribution=params.distribution or str(parent.param("dataset")),
        levels=params.levels,
        noise=params.noise,
        space=params.space,
        clip=params.clip,
        images=params.images,
        draws=params.draws,
        seed=params.seed,
    )


class Cast(NamedTuple):
    """The networks of one heat map by key: a variant's networks, their unpruned parent, and separate networks.

    ``separate`` holds the variants of the separate networks.
    """

    variant: Variant
    root: ModelRecord
    seed: int
    parts: dict[str, Member]
    separate: dict[str, Variant]


def casts(store: Store, keys: Iterable[str]) -> list[Cast]:
    """The heat maps of these networks: one per variant of the pruned ones and unpruned parent."""
    networks = Networks.of(store, sorted(set(keys)))
    placed = [
        (standing.variant, record.root.key, standing.seed)
        for key, record in networks.records.items()
        if is_descendant(record)
        for standing in networks.standings[key]
    ]
    return [
        _cast(networks, variant, store.record(root), seed)
        for variant, root, seed in sorted(
            set(placed), key=lambda each: (str(each[0].method), *map(str, each))
        )
    ]


def _cast(networks: Networks, variant: Variant, root: ModelRecord, seed: int) -> Cast:
    parts: dict[str, Member] = {}
    separate: dict[str, Variant] = {}
    for key, record in networks.records.items():
        own = [each.variant for each in networks.standings[key]]
        if key == root.key:
            parts[key] = 0.0
        elif own[0].role == Role.PARENT:
            parts[key] = Role.SEPARATE
            separate[key] = own[0]._replace(role=Role.SEPARATE)
        elif variant in own and record.root.key == root.key:
            parts[key] = float(asked_ratio(record) or round(record.prune_ratio, 2))
    return Cast(variant, root, seed, parts, separate)


def transfers(store: Store, steps: Iterable[TransferParams]) -> list[Transfer]:
    """The stored feature transfers, per variant of their pruned networks."""
    held = [step for step in steps if store.has(step.key) and store.has(step.features)]
    sources = {step.features: features_of(store, step.features) for step in held}
    keys = {step.model for step in held} | {source.model for source in sources.values()}
    return [
        _transfer(store, step, sources[step.features], cast)
        for cast in casts(store, keys)
        for step in held
        if step.model in cast.parts and sources[step.features].model in cast.parts
    ]


def features_of(store: Store, key: str) -> FeaturesParams:
    """The step that found informative features."""
    step = store.measurement(key).step.read()
    if not isinstance(step, FeaturesParams):
        raise UsageError(f"{key} is no features measurement (see `prunekit ls measurements`)")
    return step


def _transfer(store: Store, step: TransferParams, source: FeaturesParams, cast: Cast) -> Transfer:
    return Transfer(
        variant=cast.variant,
        seed=cast.seed,
        row=cast.parts[source.model],
        column=cast.parts[step.model],
        row_key=source.model,
        column_key=step.model,
        separate=cast.separate.get(source.model) or cast.separate.get(step.model),
        distribution=source.distribution or str(cast.root.param("dataset")),
        kept=step.kept,
        confidence=store.outcomes(step.key)["confidence"],
        block=source.block,
        candidates=source.candidates,
    )
