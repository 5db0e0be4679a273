"""Which networks are seeds of one variant, which are repetitions under one parent, and which are different networks.

Everything is read from lineages: two networks are of one variant only if their lineages differ only in seeds and
ratios. Three things depend on the set of networks, not on one lineage: whether a network with one prune step is the
first rung of a cascade, whether imported weights that differ are seeds of one variant, and which repetition under its
parent a network is.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from prunekit.analysis.curves import grouped, rung_of
from prunekit.analysis.variant import BEFORE, Role, Seeds, Variant, settings_of
from prunekit.params import STEPS, UNTRAINED_MODES
from prunekit.pruning.methods import METHODS
from prunekit.store.records import ModelRecord, Step

# Fields that have their own columns.
_ROOT_COLUMNS = ("arch", "dataset", "train_distribution")
_RATIO, _WEIGHTS, _METHOD = "prune_ratio", "weights", "method"
# Names of settings that belong to no step: earlier rounds, their ratios, and how a network was compressed.
EARLIER, LADDER, COMPRESSED = "earlier rounds", "ladder", "compressed"
CHECKPOINT = "checkpoint"  # weights of an early epoch, kept under their own key

Values = dict[str, Any]


class Standing(NamedTuple):
    """The place of a network in a study: its variant, its root's seed, and its repetition under that root."""

    variant: Variant
    seed: int
    repetition: int = 0


class _Network(NamedTuple):
    """A lineage divided into its root, the steps before the first pruning, and rounds of one pruning each."""

    record: ModelRecord
    root: Step
    before: tuple[Step, ...]
    rounds: tuple[tuple[Step, ...], ...]

    @property
    def path(self) -> tuple[float, ...]:
        """The ratios of all rounds; the last is the network's rung."""
        return (*(_asked(each[0]) or 0.0 for each in self.rounds[:-1]), rung(self.record))

    @property
    def seeds(self) -> Seeds:
        """All seeds of the lineage."""
        steps = self.record.lineage[1:]
        return Seeds(
            _seed(self.root),
            tuple(_seed(step) for step in steps if step.kind != "retrain"),
            tuple(_seed(step) for step in steps if step.kind == "retrain"),
        )

    @property
    def last(self) -> tuple[Step, ...]:
        """The steps of the last round."""
        return self.rounds[-1] if self.rounds else ()


def asked_ratio(record: ModelRecord) -> float | None:
    """The requested prune ratio of the latest prune step; None if nothing was pruned here."""
    steps = [step for step in record.lineage if step.kind != "retrain"]
    return _asked(steps[-1])


def _asked(step: Step) -> float | None:
    """The requested ratio of a step; None if it has none."""
    return float(str(step.params[_RATIO])) if _RATIO in step.params else None


def rung(record: ModelRecord) -> float:
    """The grid ratio at which a network is compared with others."""
    return rung_of(record.prune_ratio, asked_ratio(record))


def seeds_of(record: ModelRecord) -> Seeds:
    """The seeds of a network's lineage."""
    return _cut(record).seeds


def standings(records: Iterable[ModelRecord]) -> dict[str, tuple[Standing, ...]]:
    """By key, every place of a network in this set: more than one if it belongs to several curves."""
    networks = [_cut(record) for record in {record.key: record for record in records}.values()]
    placed = _placed(networks, _identities(networks))
    found: dict[str, tuple[Standing, ...]] = {network.record.key: () for network in networks}
    for (variant, _), members in grouped(placed, lambda each: (each[0], each[1].root.key)).items():
        for key, repetitions in _repetitions([network for _, network in members]).items():
            seed = members[0][1].seeds.root
            found[key] += tuple(Standing(variant, seed, each) for each in repetitions)
    return found


def variant_of(record: ModelRecord) -> Variant:
    """The identity of one network by itself, outside any study."""
    return standings([record])[record.key][0].variant


def _cut(record: ModelRecord) -> _Network:
    before: list[Step] = []
    rounds: list[list[Step]] = []
    for step in record.lineage[1:]:
        if step.kind != "retrain":
            rounds.append([step])
        else:
            (rounds[-1] if rounds else before).append(step)
    return _Network(record, record.root, tuple(before), tuple(map(tuple, rounds)))


def _seed(step: Step) -> int:
    return int(str(step.params.get("seed", 0)))


def _identity(network: _Network, *, weights: bool, own_weights: bool) -> Variant:
    """The variant without ``cascade`` and ladder; with ``weights``, the digest of the root's weights counts.

    ``own_weights`` does the same for the weights of a compressed network.
    """
    root, last, retrains = _settings(network.root), network.last, [*network.before, *network.last[1:]]
    latest = retrains[-1] if retrains and (len(last) > 1 or not last) else None
    hidden = _ROOT_COLUMNS if weights else (*_ROOT_COLUMNS, _WEIGHTS)
    settings: Values = {network.root.kind: _but(root, *hidden)}
    settings |= {BEFORE: [_described(step) for step in retrains if step is not latest]}
    settings |= {"retrain": _but(_settings(latest), "mode", "epochs") if latest else {}}
    if last:
        step = "prune" if last[0].kind == "prune" else COMPRESSED
        settings[step] = _but(_settings(last[0]), _METHOD, "" if own_weights else _WEIGHTS)
    settings = {name: value for name, value in settings.items() if value or name == "import"}
    if network.record.key != network.record.lineage[-1].key:
        settings[CHECKPOINT] = network.record.key
    method = last[0].params.get(_METHOD) if last else None
    return Variant(
        role=_role(network),
        method=None if method is None else str(method),
        structure=METHODS[str(method)].structure if method in METHODS else None,
        retraining=None if latest is None else str(_value(latest, "mode")),
        retrain_epochs=None if latest is None else _epochs(latest, network.root),
        settings=settings_of(settings | _earlier(network)),
        **{name: _value(network.root, name) for name in _ROOT_COLUMNS},
    )


def _role(network: _Network) -> Role:
    if network.last:
        return Role.COMPRESSED if network.last[0].kind == "import" else Role.PRUNED
    return Role.LONGER if network.before else Role.PARENT


def _earlier(network: _Network) -> Values:
    """The settings of the rounds before the last that differ from those of the last."""
    rounds = [[_described(step) for step in each] for each in network.rounds]
    if all(each == rounds[-1] for each in rounds):
        return {}
    alike = all(each == rounds[0] for each in rounds[:-1])
    return {EARLIER: [rounds[0]] if alike else rounds[:-1]}


def _settings(step: Step) -> Values:
    """The non-default parameters of a step that change its result, without seeds, ratios and inputs."""
    left_out = ("seed", _RATIO, *STEPS[step.kind].references, *STEPS[step.kind].unhashed)
    return {name: value for name, value in step.params.items() if name not in left_out}


def _but(values: Values, *names: str) -> Values:
    return {name: value for name, value in values.items() if name not in names}


def _described(step: Step) -> Values:
    return {"kind": step.kind, **_settings(step)}


def _value(step: Step, name: str) -> Any:
    """A parameter of a step, or its default if it was left out; None if the step has no such field."""
    return getattr(step.read(), name, None)


def _epochs(retrain: Step, root: Step) -> int | None:
    """The epochs of a retraining: by default as many as its root's training; None for a mode without training."""
    if _value(retrain, "mode") in UNTRAINED_MODES:
        return None
    epochs = _value(retrain, "epochs") or _value(root, "epochs")
    return None if epochs is None else int(epochs)


Placed = tuple[Variant, _Network]


def _identities(networks: Sequence[_Network]) -> dict[str, Variant]:
    """By key, the identity of every network, without the digest of weights if seeds distinguish the weights.

    Imported weights are part of a network's identity, unless all networks that are otherwise alike have different
    seeds (or, if compressed, different parents or rungs): they are then one variant.
    """
    roots = {network.root.key: network.root for network in networks}
    ambiguous = _ambiguous((_without_weights(_settings(root)), _seed(root), root) for root in roots.values())
    found = {
        each.record.key: _identity(each, weights=each.root.key in ambiguous, own_weights=False)
        for each in networks
    }
    compressed = [each for each in networks if found[each.record.key].role == Role.COMPRESSED]
    places = (
        (found[each.record.key], (each.root.key, each.path, each.seeds), each.last[0]) for each in compressed
    )
    ambiguous = _ambiguous(places)
    return found | {
        each.record.key: _identity(each, weights=each.root.key in ambiguous, own_weights=True)
        for each in compressed
        if each.last[0].key in ambiguous
    }


def _without_weights(settings: Values) -> tuple[tuple[str, str], ...]:
    return settings_of(_but(settings, _WEIGHTS))


def _ambiguous(places: Iterable[tuple[Hashable, Hashable, Step]]) -> set[str]:
    """Keys of the steps of all (identity, place, step) whose identity has two sets of weights at one place."""
    found: set[str] = set()
    for members in grouped(places, lambda each: each[0]).values():
        weights = {(place, str(step.params.get(_WEIGHTS))) for _, place, step in members}
        if len({place for place, _ in weights}) < len(weights):
            found |= {step.key for _, _, step in members}
    return found


def _placed(networks: Sequence[_Network], identities: dict[str, Variant]) -> list[Placed]:
    """Every network with its variants: unchanged, as one-shot, or as a rung of cascades."""
    pruned = [each for each in networks if identities[each.record.key].role == Role.PRUNED]
    rest = [each for each in networks if identities[each.record.key].role != Role.PRUNED]
    single = grouped(
        (each for each in pruned if len(each.rounds) == 1), lambda each: identities[each.record.key]
    )
    several = grouped(
        (each for each in pruned if len(each.rounds) > 1), lambda each: identities[each.record.key]
    )
    found = [(identities[each.record.key], each) for each in rest]
    firsts: set[str] = set()
    for variant, members in several.items():
        alone = _first_round(variant, members)
        own = [each for each in single.get(alone, []) if _starts(each, members)] if alone else []
        firsts |= {each.record.key for each in own}
        found += _by_ladder(variant._replace(cascade=True), [*own, *members])
    for variant, members in single.items():
        if any(each.record.key not in firsts for each in members):
            found += [(variant._replace(cascade=False), each) for each in members]
    return found


def _first_round(variant: Variant, members: Sequence[_Network]) -> Variant | None:
    """The identity of a cascade's first rung by itself; None if no single network can be that rung.

    If the last rung has not been retrained yet but its earlier rounds have, the first rung is not retrained either.
    """
    rounds = members[0].rounds
    prunings = [_described(each[0]) for each in rounds]
    if any(each != prunings[-1] for each in prunings):
        return None
    alone = variant._replace(settings=tuple(each for each in variant.settings if each[0] != EARLIER))
    return alone if alone == variant or len(rounds[-1]) == 1 else None


def _starts(network: _Network, cascades: Iterable[_Network]) -> bool:
    """Whether a network is the first rung of one of the cascades, or differs from it only in seeds."""
    return any(each.path[0] == network.path[0] for each in cascades)


def _by_ladder(variant: Variant, members: Sequence[_Network]) -> list[Placed]:
    """A cascade's networks, separated if they reached one ratio over different ratios."""
    paths = {each.path for each in members}
    if len({path[-1] for path in paths}) == len(paths):
        return [(variant, each) for each in members]
    ladders = [path for path in paths if not any(other[: len(path)] == path for other in paths - {path})]
    return [
        (variant._replace(settings=settings_of(_values(variant) | {LADDER: list(ladder)})), each)
        for ladder in sorted(ladders)
        for each in members
        if ladder[: len(each.path)] == each.path
    ]


def _values(variant: Variant) -> Values:
    values: Values = variant.columns_without_id()["settings"]
    return values


class _Repetition(NamedTuple):
    """One network per rung under one parent, with the same seeds of pruning and retraining: keys by rung."""

    seeds: tuple[int, ...]
    keys: dict[float, str]

    def fits(self, seeds: tuple[int, ...], keys: dict[float, str]) -> bool:
        """Whether networks made with these seeds occupy no rung that another network has."""
        return self.seeds == seeds and all(self.keys.get(rung, key) == key for rung, key in keys.items())


def _repetitions(members: Sequence[_Network]) -> dict[str, list[int]]:
    """By key, the repetitions under one parent that a network belongs to; an ancestor of several is in each of them."""
    by_key = {each.record.key: each for each in members}
    if len({each.path[-1] for each in members}) == len(by_key):
        return {key: [0] for key in by_key}
    chains = {key: _chain(each.record, by_key) for key, each in by_key.items()}
    ancestors = {key for chain in chains.values() for key in chain[:-1]}
    found: list[_Repetition] = []
    for leaf in sorted((by_key[key] for key in by_key if key not in ancestors), key=_in_order):
        seeds = tuple(_seed(step) for step in leaf.last or leaf.before)
        keys = {by_key[key].path[-1]: key for key in chains[leaf.record.key]}
        fitting = next((each for each in found if each.fits(seeds, keys)), None)
        if fitting:
            fitting.keys.update(keys)
        else:
            found.append(_Repetition(seeds, keys))
    return {key: [place for place, each in enumerate(found) if key in each.keys.values()] for key in by_key}


def _chain(record: ModelRecord, keys: Collection[str]) -> list[str]:
    """The network after its ancestors among these keys."""
    return [*(step.key for step in record.lineage[:-1] if step.key in keys), record.key]


def _in_order(network: _Network) -> tuple[list[int], Sequence[object], str]:
    return ([_seed(step) for step in network.last or network.before], network.path, network.record.key)
