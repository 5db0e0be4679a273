"""Which measurements named networks need, and which of several stored ones a study takes. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prunekit.analysis.curves import grouped
from prunekit.data.sets import expand
from prunekit.distribution import parse
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, NoiseParams, Params, ReportParams, TransferParams
from prunekit.steps.check import check_comparable
from prunekit.store.store import Store
from prunekit.studies.outcomes import is_descendant, is_longer

Say = Callable[[str], None]


def errors_of(store: Store, keys: Sequence[str], names: Sequence[str]) -> list[ErrorParams]:
    """The measurements that these models and their unpruned parents need on these distributions."""
    wanted: dict[str, ErrorParams] = {}
    for key in keys:
        record = store.record(key)
        dataset = str(record.param("dataset"))
        for name in names or [dataset]:
            for each in expand(name, dataset):
                for model in (record.root.key, key):
                    params = ErrorParams(model=model, distribution=str(parse(each)))
                    wanted[params.key] = params
    return list(wanted.values())


def comparisons(
    store: Store, keys: Sequence[str], to: str | None, fields: Mapping[str, Any]
) -> list[NoiseParams]:
    """One comparison per model; a :class:`UsageError` where a named model would be in none."""
    steps, alone = [], []
    for key in keys:
        against = to or store.record(key).root.key
        check_comparable(key, against, store)
        if against == key:
            alone.append(key)
        else:
            steps.append(NoiseParams.read({**fields, "model": key, "to": against}))
    lonely = [key for key in alone if all(key != step.to for step in steps)]
    if lonely:
        raise UsageError(
            f"nothing to compare {lonely[0]} with: a network is the same function as itself "
            "(name networks that were made from it, or --to)"
        )
    return steps


def outcomes_for_churn(store: Store, steps: Sequence[NoiseParams]) -> list[ErrorParams]:
    """The outcomes that both networks of every comparison need: on the nominal test set, and on what was named."""
    wanted: dict[str, ErrorParams] = {}
    for step in steps:
        names = [str(store.record(step.to).param("dataset")), step.distribution]
        for name in filter(None, names):
            for model in (step.to, step.model):
                params = ErrorParams(model=model, distribution=str(parse(name)))
                wanted[params.key] = params
    return list(wanted.values())


def check_pruned(store: Store, keys: Sequence[str]) -> None:
    """A potential needs pruned networks: a :class:`UsageError` for a named network that no potential would be of."""
    records = {key: store.record(key) for key in keys}
    roots = {record.root.key for record in records.values() if is_descendant(record)}
    if not roots:
        raise UsageError(
            "a prune potential needs pruned networks; these are all unpruned (see `prunekit ls`)"
        )
    for key, record in records.items():
        if record.root.key not in roots:
            raise UsageError(
                f"{key} is unpruned, and no network that was pruned from it is named: leave it out, or name one"
            )


def check_heat_map(store: Store, keys: Sequence[str]) -> None:
    """A heat map of features needs a pruned network, and has no place for a longer trained parent."""
    records = [store.record(key) for key in keys]
    for record in filter(is_longer, records):
        raise UsageError(
            f"{record.key} is an unpruned network that was trained again: a heat map of features has no place "
            "for it; leave it out"
        )
    if not any(map(is_descendant, records)):
        raise UsageError("a heat map of features needs a pruned network; these are all unpruned")


def heat_map_share(steps: Sequence[TransferParams], asked: float | None) -> float:
    """The share of pixels of the heat map, among those that the steps measure; a wrong one lists the right ones."""
    shares = steps[0].kept
    if asked is None:
        default = ReportParams().kept
        return default if default in shares else shares[0]
    if asked not in shares:
        listed = ", ".join(f"{share:g}" for share in shares)
        raise UsageError(f"--at {asked:g} is not a share that is measured (these are: {listed}; see --kept)")
    return asked


def taken(steps: Iterable[Params], say: Say) -> list[Params]:
    """The steps, of several noise comparisons of the same two networks only the largest; what is left out is said."""
    steps = list(steps)
    largest = {step.key: step for step in _largest([step for step in steps if isinstance(step, NoiseParams)])}
    kept = [step for step in steps if not isinstance(step, NoiseParams) or step.key in largest]
    if len(kept) < len(steps):
        say(
            f"{len(steps) - len(kept)} smaller noise comparisons are left out: of each two networks the one with the "
            "most images, draws and levels counts"
        )
    return kept


def _largest(noises: Sequence[NoiseParams]) -> list[NoiseParams]:
    def pair(step: NoiseParams) -> tuple[object, ...]:
        return step.model, step.to, step.distribution, step.noise, step.space, step.clip

    def size(step: NoiseParams) -> tuple[int, ...]:
        return step.images, step.draws, len(step.levels), -step.seed

    return [max(members, key=size) for members in grouped(noises, pair).values()]
