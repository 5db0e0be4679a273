"""Does `prunekit power` say what happens? Its chances beside those of simulated studies, as a Markdown table.

With one seed the counts of broken and fixed images are drawn and judged as findings judge them. With several, images
are drawn for each network: on half of the pairs of networks an image is broken or fixed for both alike, and networks
scatter around the rise. Their spread is moderated by what other rows are taken to have taught: its true value, as four
degrees of freedom. The standard error is 0.4 points at 20,000 studies and 50 %, 0.8 at 4,000.

    python benchmarks/power.py [--trials 20000]
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np

from prunekit.analysis.made_up import PAIRED
from prunekit.analysis.power import Rates, power
from prunekit.analysis.proportions import means_of, paired_ends
from prunekit.analysis.seeds import Prior, moderated, over_networks
from reached import moments

CELLS_AT_ONCE = 20_000_000


class Study(NamedTuple):
    """What is planned: images, rates, the margin, seeds."""

    n: int
    rates: Rates
    margin: float
    seeds: int = 1


STUDIES = (
    Study(36, Rates(0.3, 0.02), 0.05),
    Study(100, Rates(0.05, 0.02), 0.1),
    Study(360, Rates(0.04, 0.04), 0.04),
    Study(1000, Rates(0.06, 0.03), 0.005),
    Study(10_000, Rates(0.04, 0.04), 0.005),
    Study(25_152, Rates(0.04, 0.04), 0.005),
    Study(500, Rates(0.02, 0.05), -0.01),
    Study(4000, Rates(0.06, 0.04, 0.004), 0.005, 2),
    Study(4000, Rates(0.06, 0.04, 0.008), 0.005, 3),
    Study(4000, Rates(0.06, 0.04, 0.004), 0.005, 5),
    Study(1000, Rates(0.09, 0.04, 0.01), 0.005, 3),
    Study(20_000, Rates(0.045, 0.035, 0.008), 0.0, 5),
)


def simulated(study: Study, trials: int, rng: np.random.Generator) -> float:
    """The share of studies that decide what is true."""
    low, high = _one_seed(study, trials, rng) if study.seeds == 1 else _several(study, trials, rng)
    right = high <= study.margin if study.rates.rise <= study.margin else low > study.margin
    return float(right.mean())


def _one_seed(study: Study, trials: int, rng: np.random.Generator) -> np.ndarray:
    broken, fixed = study.rates.broken, study.rates.fixed
    draw = rng.multinomial(study.n, [broken, fixed, 1 - broken - fixed], size=trials)
    return np.asarray(paired_ends(draw[:, 0], draw[:, 1], study.n))


def _several(study: Study, trials: int, rng: np.random.Generator) -> np.ndarray:
    """In portions that fit into memory."""
    most = max(1, CELLS_AT_ONCE // (study.n * study.seeds))
    sizes = [min(most, trials - done) for done in range(0, trials, most)]
    return np.concatenate([_portion(study, size, rng) for size in sizes], axis=1)


def _portion(study: Study, trials: int, rng: np.random.Generator) -> np.ndarray:
    rates, shape = study.rates, (trials, study.seeds, study.n)
    broken = rates.broken + rates.between * rng.standard_normal((trials, study.seeds, 1), dtype=np.float32)
    common = rng.random((trials, 1, study.n), dtype=np.float32)
    shared = rng.random(shape, dtype=np.float32) < np.sqrt(0.5)
    luck = np.where(shared, common, rng.random(shape, dtype=np.float32))
    rises = (luck < broken).astype(np.float32) - (luck > 1 - rates.fixed)
    found, ones = means_of(moments(rises, PAIRED)), np.ones(trials)
    found = found._replace(n=study.n * ones, seeds=study.seeds * ones)
    spread = moderated(found, ones, Prior(rates.between**2, 4 * ones, ones < 0))
    return np.asarray(over_networks(found, spread).ends())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=20_000, help="a fifth of it with several seeds")
    trials, rng = parser.parse_args().trials, np.random.default_rng(0)
    print("| n | broken % | fixed % | margin | seeds | between, points | `power` says % | simulation % |")
    print("|---" * 8 + "|", flush=True)
    for study in STUDIES:
        rates = study.rates
        says = 100 * power(rates, n=study.n, margin=study.margin, seeds=study.seeds)
        found = 100 * simulated(study, trials if study.seeds == 1 else trials // 5, rng)
        between = f"{100 * rates.between:g}" if study.seeds > 1 else "–"
        print(
            f"| {study.n:,} | {100 * rates.broken:g} | {100 * rates.fixed:g} | {study.margin:g} | {study.seeds} "
            f"| {between} | {says:.1f} | {found:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
