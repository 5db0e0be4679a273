"""Do the 95 % intervals cover? A simulation of studies whose true answers are known (``worlds.py``).

With one seed the truth is what that network would do on infinitely many images; with several, the mean over all seeds
that could have been drawn. Prints, per cell, how often the interval holds the truth, and its mean width in brackets.
The standard error of a coverage of 95 % is 1.1 points at 400 trials.

    python benchmarks/coverage.py [--images 36 360 1000 10000] [--seeds 1 2 3 5] [--ratios 5 23] [--trials 400]
    python benchmarks/coverage.py --stress          the same for worlds that are not as assumed, 1,000 images
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
from scipy.special import ndtr

from prunekit.analysis.made_up import PAIRED, SHARE
from prunekit.analysis.proportions import means_of
from prunekit.analysis.sampled import LUCK_OF_A_PAIR
from prunekit.analysis.seeds import Prior, over_networks, probit_scale
from reached import (
    at_least_of,
    by_seed,
    judge,
    judge_rises,
    moments,
    noise_potential,
    nominal_less_smallest,
    potential_of,
    potentials_of,
    rises_of,
    robust_gains,
)
from worlds import (
    AGREEING,
    GRIDS,
    POPULATION,
    STRESS,
    Networks,
    draw_networks,
    draw_world,
    judged,
    measure,
)

MEAN_OF = np.array([1.0, 0.25, 0.25])[:, None]
STATISTICS = (
    *("error", "rise", "rise, last ratio", "excess error", "excess slope", "agreement", "agreement gain"),
    *("potential, nominal", "potential, shifted", "mean potential", "minimum potential"),
    *("nominal less smallest", "noise potential", "robust gain, shifted", "mean robust gain"),
)
Array = np.ndarray


def truth(networks: Networks, grid: Array) -> dict[str, float]:
    """What networks would show on infinitely many images, in the mean."""
    errors, at = ndtr(networks.errors), judged(len(grid))
    mean = errors.mean(axis=0)
    rise = mean[:, 1:] - mean[:, :1]
    excess = rise[1:].mean(axis=0) - rise[0]
    potential, robust = (potential_of(each, grid) for each in (errors, ndtr(networks.robust)))
    agreement = ndtr(networks.agreement).mean(axis=0)[agreeing(grid)]
    values = (
        *(mean[0, 1 + at], rise[0, at], rise[0, -1], excess[at], excess @ grid / (grid @ grid), agreement),
        agreement - ndtr(networks.separate).mean(),
        *(potential[:, 0].mean(), potential[:, 1].mean(), potential.mean(), potential.min(axis=1).mean()),
        (potential[:, 0] - potential.min(axis=1)).mean(),
        potential[:, 0].mean(),
        *((robust - potential)[:, 1].mean(), (robust - potential).mean()),
    )
    return dict(zip(STATISTICS, map(float, values), strict=True))


def agreeing(grid: Array) -> int:
    """The ratio at which agreement is read, among the last ones of the grid."""
    return min(judged(len(grid)), AGREEING - 1) - AGREEING


def intervals(
    n: int, seeds: int, networks: Networks, grid: Array, rng: np.random.Generator
) -> Mapping[str, Array]:
    """prunekit's intervals of every statistic on one test set."""
    measured, at = measure(networks, n, rng), judged(len(grid))
    errors, rise = moments(by_seed(measured.wrong), SHARE), rises_of(measured.wrong)
    excess = rise[1:].mean(axis=0) - rise[0]
    scale = probit_scale(errors.means.mean(axis=-1))
    own, parent = scale[:, 1:], scale[:, :1]
    found: dict[str, Array] = {"error": judge(errors, scale)[0][:, 0, 1 + at]}
    several = judge_rises(rise, own, parent)
    found |= {"rise": several.ends[:, 0, at], "rise, last ratio": several.ends[:, 0, -1]}
    found |= _excess(excess, grid, (own * MEAN_OF).sum(axis=0), float((parent * MEAN_OF).sum()), at)
    found |= _agreements(measured.agrees, measured.separate, grid)
    seed = int(rng.integers(2**30))
    at_least = at_least_of(several, grid, seeds, seed)
    found |= potentials_of(several, at_least, grid)
    found |= {"nominal less smallest": nominal_less_smallest(at_least, grid)}
    found |= {"noise potential": noise_potential(measured.noisy, grid, seeds, seed)}
    return found | robust_gains(measured, grid, seeds, seed)


def _excess(excess: Array, grid: Array, own: Array, parent: float, at: int) -> dict[str, Array]:
    ends, prior, _ = judge(moments(excess, PAIRED), own + parent)
    line = grid / (grid @ grid)
    slope = moments(np.tensordot(line.astype(np.float32), excess, axes=1)[None], PAIRED.times(line.sum()))
    if prior:
        prior = Prior(prior.tau2, np.array([np.median(prior.degrees)]), np.zeros(1, dtype=bool))
    scale = np.array([(line**2 * own).sum() + line.sum() ** 2 * parent])
    return {"excess error": ends[:, at], "excess slope": judge(slope, scale, prior)[0][:, 0]}


def _agreements(agrees: Array, separate: Array, grid: Array) -> dict[str, Array]:
    found = moments(np.moveaxis(agrees, 0, -2).astype(np.float32), SHARE)
    scale, at = probit_scale(found.means.mean(axis=-1)), agreeing(grid)
    ends, prior, _ = judge(found, scale)
    gains = moments(_gains(agrees, separate), PAIRED)
    gained, _, spread = judge(gains, scale)
    if spread is not None and prior is not None and len(separate) == 1:
        extra = LUCK_OF_A_PAIR * prior.tau2 * scale * agrees.shape[0]
        wider = spread._replace(variance=spread.variance + extra, between=spread.between + extra)
        gained = over_networks(means_of(gains), wider).ends()
    return {"agreement": ends[:, at], "agreement gain": gained[:, at]}


def _gains(agrees: Array, separate: Array) -> Array:
    """Gains by seed ``[ratios, seeds, n]``: from three networks on by leaving out one at a time (``controls.py``)."""
    agrees, separate = agrees.astype(np.float32), separate.astype(np.float32)
    seeds = len(agrees)
    if seeds < 3:
        return np.moveaxis(agrees - separate[0], 0, -2)
    one, other = np.triu_indices(seeds, 1)
    of_each = np.zeros_like(agrees[:, 0])
    np.add.at(of_each, one, separate)
    np.add.at(of_each, other, separate)
    total = separate.sum(axis=0)
    whole, left = 2 * total / (seeds * (seeds - 1)), 2 * (total - of_each) / ((seeds - 1) * (seeds - 2))
    return np.moveaxis(agrees - (seeds * whole - (seeds - 1) * left)[:, None], 0, -2)


def cell(n: int, seeds: int, ratios: int, stress: str, trials: int) -> dict[str, tuple[float, float]]:
    """Per statistic the coverage in percent and the mean width of its interval."""
    rng, grid = np.random.default_rng([n, seeds, ratios, STRESS.index(stress)]), GRIDS[ratios]
    hits: dict[str, list[tuple[bool, float]]] = {name: [] for name in STATISTICS}
    for _ in range(trials):
        world = draw_world(rng, grid, stress)
        networks = draw_networks(world, seeds, rng)
        known = truth(networks if seeds == 1 else draw_networks(world, POPULATION, rng), grid)
        for name, (low, high) in intervals(n, seeds, networks, grid, rng).items():
            hits[name].append((low - 1e-9 <= known[name] <= high + 1e-9, high - low))
    means = {name: np.mean(np.array(each, dtype=float), axis=0) for name, each in hits.items()}
    return {name: (100 * covers, width) for name, (covers, width) in means.items()}


def table(columns: Mapping[str, Mapping[str, tuple[float, float]]]) -> str:
    """One Markdown table: statistics down, cells across."""
    lines = [f"| | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    for name in STATISTICS:
        shown = (f"{each[name][0]:.1f} ({each[name][1]:.3f})" for each in columns.values())
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _trials(wanted: int, n: int, networks: int) -> int:
    """Half as many of the large cells, a quarter of those of many networks."""
    return wanted if n < 10_000 else wanted // (2 if networks < 50 else 4)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, nargs="+", default=[36, 360, 1000, 10_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 5])
    parser.add_argument("--ratios", type=int, nargs="+", choices=GRIDS, default=list(GRIDS))
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--stress", action="store_true")
    asked = parser.parse_args()
    if asked.stress:
        for stress in STRESS[1:]:
            found = {f"{seeds} seeds": cell(1000, seeds, 5, stress, asked.trials) for seeds in (2, 3, 5)}
            print(f"\n{stress.capitalize()}, 1,000 images, 5 ratios:\n\n{table(found)}", flush=True)
        return
    for ratios in asked.ratios:
        for seeds in asked.seeds:
            trials = {n: _trials(asked.trials, n, seeds * ratios) for n in asked.images}
            found = {f"n = {n:,}": cell(n, seeds, ratios, STRESS[0], trials[n]) for n in asked.images}
            name = "1 seed" if seeds == 1 else f"{seeds} seeds"
            counts = ", ".join(map(str, trials.values()))
            print(f"\n{name}, {ratios} ratios ({counts} trials):\n\n{table(found)}", flush=True)


if __name__ == "__main__":
    main()
