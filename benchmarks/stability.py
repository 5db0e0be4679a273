"""Does a verdict change with the bootstrap's seed? The findings of one study, made again by one seed after another.

Prints, per kind of verdict, how many there are, how many are not the same with every seed, and which.

    prunekit run recipes/quickstart.toml --store study/store
    python benchmarks/stability.py recipes/quickstart.toml --store study/store [--seeds 20] [--resamples 10000]
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prunekit.analysis.joint import SIDE, TIE
from prunekit.analysis.rows import Row
from prunekit.recipes.choose import report_settings
from prunekit.recipes.file import read
from prunekit.recipes.plan import plan
from prunekit.store.store import Store
from prunekit.studies.findings import all_findings


class Kind(NamedTuple):
    """What is read off rows of one finding, and what tells such a row from the others."""

    name: str
    finding: str
    read: Callable[[Row], Any]
    among: Callable[[Row], bool] = lambda row: True


def _column(name: str) -> Callable[[Row], Any]:
    return lambda row: row[name]


def _side(row: Row) -> str:
    """On which side of zero the interval is."""
    return "above" if row["low"] > TIE else "below" if row["high"] < -TIE else "open"


def _contrast(row: Row) -> str:
    """What a contrast says of its claim: above by its own interval, below as one of so many."""
    side = _side(row)
    return "open" if side == "below" and row["adjusted"] > SIDE else side


def _ends(row: Row) -> tuple[float, float]:
    return row["low"], row["high"]


def _of_potentials(row: Row) -> bool:
    return bool(row["of"] == "potential")


KINDS = (
    Kind("claims", "claim", _column("verdict")),
    Kind(
        "rises in error: within, beyond, undecided",
        "prune-curve",
        _column("verdict"),
        lambda row: row["asked"],
    ),
    Kind("the same, Holm", "prune-curve", _column("verdict_holm"), lambda row: row["asked"]),
    Kind("recall of a class: within, beyond, undecided", "recall-shift", _column("verdict")),
    Kind("the same, Holm", "recall-shift", _column("verdict_holm")),
    Kind("contrasts: above, below, open", "contrast", _contrast),
    Kind("methods' potentials: above, below, open", "method-difference", _side, _of_potentials),
    Kind("intervals of potentials", "potential", _ends),
    Kind("intervals of noise potentials", "noise-potential", _ends),
    Kind("intervals of mean potentials", "potential-mean", _ends),
    Kind("intervals of smallest potentials", "potential-minimum", _ends),
    Kind("intervals of class potentials", "class-potential", _ends),
    Kind("intervals of methods' potentials", "method-difference", _ends, _of_potentials),
)


def studies(recipe: Path, store: Path, seeds: int, resamples: int) -> Iterator[Sequence[Row]]:
    """The findings by each seed."""
    known = read(recipe, [])
    steps = list({step.params.key: step.params for step in plan(known)}.values())
    for seed in range(seeds):
        settings = report_settings({str(recipe): known}, {"resamples": resamples, "seed": seed})
        yield all_findings(Store(store), steps, settings)


def changed(kind: Kind, found: Sequence[Sequence[Row]]) -> tuple[int, list[tuple[Row, Counter[Any]]]]:
    """How many rows of a kind there are, and those that do not say the same by every seed, with what they say."""
    each = [[row for row in rows if row["finding"] == kind.finding and kind.among(row)] for rows in found]
    said = [(rows[0], Counter(map(kind.read, rows))) for rows in zip(*each, strict=True)]
    return len(said), [(row, counts) for row, counts in said if len(counts) > 1]


def _name(row: Row) -> str:
    names = ("claim", "what", "method", "other", "distribution", "asked", "level", "class")
    return ", ".join(str(row[name]) for name in names if row.get(name) is not None)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--resamples", type=int, default=10_000)
    asked = parser.parse_args()
    found = list(studies(asked.recipe, asked.store, asked.seeds, asked.resamples))
    print(f"| of {asked.seeds} seeds, {asked.resamples:,} resamples | there are | change |\n|---|---|---|")
    for kind in KINDS:
        count, others = changed(kind, found)
        print(f"| {kind.name} | {count:,} | {len(others):,} |")
        for row, counts in others[:5]:
            print(f"|   {_name(row)}: {dict(counts)} | | |")


if __name__ == "__main__":
    main()
