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
MOST_NAMED = 3
# Report settings that choose among stored noise comparisons; a command that makes comparisons has its own flags.
NOISE_CHOICE = ("noise_images", "noise_draws")


def errors_of(
    store: Store, keys: Sequence[str], names: Sequence[str], seed: int | None = None
) -> list[ErrorParams]:
    """The measurements that these models and their unpruned parents need on this draw of these distributions."""
    wanted: dict[str, ErrorParams] = {}
    for key in keys:
        record = store.record(key)
        dataset = str(record.param("dataset"))
        for name in names or [dataset]:
            for each in expand(name, dataset):
                for model in (record.root.key, key):
                    params = measurement(model, each, seed)
                    wanted[params.key] = params
    return list(wanted.values())


def measurement(model: str, distribution: str, seed: int | None) -> ErrorParams:
    """The outcomes of a network on one draw of a distribution; a distribution without draws has one."""
    wanted = parse(distribution)
    drawn = not wanted.nominal and not wanted.published and wanted.mixture is None
    return ErrorParams(model=model, distribution=str(wanted), seed=seed or 0 if drawn else 0)


def comparisons(
    store: Store, keys: Sequence[str], to: str | None, fields: Mapping[str, Any]
) -> list[NoiseParams]:
    """One comparison per model; a :class:`UsageError` if a named model would be in none."""
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
            f"nothing to compare {lonely[0]} with except itself: name networks made from it, or --to"
        )
    return steps


def outcomes_for_churn(
    store: Store, steps: Sequence[NoiseParams], seed: int | None = None
) -> list[ErrorParams]:
    """The outcomes that both networks of every comparison need, on the nominal test set and the named distributions."""
    wanted: dict[str, ErrorParams] = {}
    for step in steps:
        names = [str(store.record(step.to).param("dataset")), step.distribution]
        for name in filter(None, names):
            for model in (step.to, step.model):
                params = measurement(model, name, seed)
                wanted[params.key] = params
    return list(wanted.values())


def check_pruned(store: Store, keys: Sequence[str]) -> None:
    """Raise a :class:`UsageError` for a named network that has no potential: it is not pruned."""
    records = {key: store.record(key) for key in keys}
    roots = {record.root.key for record in records.values() if is_descendant(record)}
    if not roots:
        raise UsageError(
            "a prune potential needs pruned networks, but these are all unpruned (see `prunekit ls`)"
        )
    for key, record in records.items():
        if record.root.key not in roots:
            raise UsageError(
                f"{key} is unpruned, and you named no network pruned from it: omit it, or name one"
            )


def check_heat_map(store: Store, keys: Sequence[str]) -> None:
    """Check that a heat map of features has a pruned network and no parent with extra training."""
    records = [store.record(key) for key in keys]
    for record in filter(is_longer, records):
        raise UsageError(
            f"{record.key} is an unpruned network with extra training, which a heat map of features "
            "does not show: omit it"
        )
    if not any(map(is_descendant, records)):
        raise UsageError("a heat map of features needs a pruned network, but these are all unpruned")


def heat_map_share(steps: Sequence[TransferParams], asked: float | None) -> float:
    """The heat map's share of pixels, one of those that the steps measure; the error for another lists them."""
    shares = steps[0].kept
    if asked is None:
        default = ReportParams().kept
        return default if default in shares else shares[0]
    if asked not in shares:
        listed = ", ".join(f"{share:g}" for share in shares)
        raise UsageError(f"--at {asked:g} is not a measured share (measured: {listed}; see --kept)")
    return asked


def taken(steps: Iterable[Params], settings: ReportParams, say: Say) -> list[Params]:
    """The steps, with one of several measurements that differ only in settings; reports which are left out.

    Noise comparisons of the same two networks: the one with the settings' ``noise_images`` and ``noise_draws``, else
    the largest. Errors on several draws of one distribution: those of ``error_seed``, else of the smallest seed.
    :class:`UsageError` if no measurement has a requested setting.
    """
    steps = list(steps)
    noises = [step for step in steps if isinstance(step, NoiseParams)]
    errors = [step for step in steps if isinstance(step, ErrorParams)]
    kept = {step.key for step in (*_noises(noises, settings, say), *_errors(errors, settings, say))}
    return [step for step in steps if not isinstance(step, NoiseParams | ErrorParams) or step.key in kept]


def _noises(noises: Sequence[NoiseParams], settings: ReportParams, say: Say) -> list[NoiseParams]:
    def pair(step: NoiseParams) -> tuple[object, ...]:
        return step.model, step.to, step.distribution, step.noise, step.space, step.clip

    def size(step: NoiseParams) -> tuple[int, ...]:
        """The size to sort by; one without noise, from ``compare --kl``, counts only if there is no other."""
        return any(step.levels), step.images, step.draws, len(step.levels), -step.seed

    wanted = {"images": settings.noise_images, "draws": settings.noise_draws}
    fit = {
        step.key
        for step in noises
        if all(getattr(step, name) == value for name, value in wanted.items() if value)
    }
    if noises and not fit:
        sizes = sorted({(step.images, step.draws) for step in noises})
        there = "; ".join(f"{images} images, {draws} draws" for images, draws in sizes)
        raise UsageError(
            f"no noise comparison has the requested noise_images or noise_draws (available: {there})"
        )
    groups = list(grouped(noises, pair).values())
    kept = [max([step for step in each if step.key in fit] or each, key=size) for each in groups]
    if len(kept) < len(noises):
        how = "asked for" if any(wanted.values()) else "with the most images, draws and levels"
        say(
            f"{len(noises) - len(kept)} noise comparisons are left out: for each pair of networks, "
            f"the one {how} is used (--noise-images and --noise-draws choose another)"
        )
    if other := [step for step in kept if step.key not in fit]:
        say(
            f"{len(other)} networks have no such noise comparison ({other[0].model} ...): their "
            "largest one is used"
        )
    return kept


def _errors(errors: Sequence[ErrorParams], settings: ReportParams, say: Say) -> list[ErrorParams]:
    """For every distribution, the requested seed if all networks on it have it, else all of its draws.

    With all draws, a network and its parent are compared on the smallest seed that both have.
    """
    wanted, seeds = settings.error_seed, sorted({step.seed for step in errors})
    if errors and wanted is not None and wanted not in seeds:
        raise UsageError(
            f"no error is measured with error_seed {wanted} (available: {', '.join(map(str, seeds))})"
        )
    kept, several = [], []
    for name, members in grouped(errors, lambda step: step.distribution).items():
        chosen = [step for step in members if step.seed == wanted]
        whole = {step.model for step in chosen} == {step.model for step in members}
        kept += chosen if whole else members
        if not whole and len({step.seed for step in members}) > 1:
            several.append(name)
    if several:
        more = " ..." if len(several) > MOST_NAMED else ""
        say(
            f"{', '.join(several[:MOST_NAMED])}{more}: errors of several draws are stored; for each "
            "network, those of the smallest seed are used (--error-seed chooses another)"
        )
    return kept
