"""``power``: how many images, seeds and ratios a decision needs, from a pilot or from stated rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from prunekit.analysis.curves import grouped, images_of
from prunekit.analysis.planning import Plan, Row, all_rows, rise_rows, smallest_rows, step_rows
from prunekit.analysis.power import POWER, USUAL_DISCORDANCE, rates_of
from prunekit.analysis.verdict import Margin, checked
from prunekit.cli.flags import command, options, sub_app
from prunekit.cli.models import resolve_all
from prunekit.cli.output import emit
from prunekit.errors import UsageError
from prunekit.params.bounds import MOST
from prunekit.store.store import Store
from prunekit.studies.pilot import Pilot, pilots

COLUMNS = (
    *(
        "what",
        "method",
        "prune_ratio",
        "distribution",
        "rise",
        "discordance",
        "margin",
        "verdict",
        "n",
        "seeds",
        "comparisons",
    ),
    *("power", "potential", "next_ratio", "images_needed", "seeds_needed", "ratios_needed", "flags"),
)
IMAGES = (1000, 10_000)

PILOT = Annotated[
    list[str] | None,
    typer.Option(
        "--pilot",
        metavar="MODEL",
        help="A measured, pruned network to estimate the rates from; may be repeated.",
    ),
]
DISTRIBUTION = Annotated[
    list[str] | None,
    typer.Option(
        "--distribution",
        metavar="NAME",
        help="Distribution on which the pilot was measured; may be repeated.",
    ),
]
RISE = Annotated[
    float | None,
    typer.Option(
        "--rise", help="True rise in error that you expect, such as 0.01; 0 for no rise.", show_default=False
    ),
]
DISCORDANCE = Annotated[
    float,
    typer.Option(
        "--discordance",
        help="Share of images that only one of the two networks gets right. Two networks of about the "
        "same error often differ on 5 to 10 %; a pilot measures it.",
    ),
]
BETWEEN = Annotated[
    float | None,
    typer.Option(
        "--between",
        min=0,
        help="Standard deviation of the rise between seeds.",
        show_default="that of the pilot's seeds if there are several, else 0",
    ),
]
MARGIN = Annotated[float, typer.Option("--margin", help="Rise in error still allowed.")]
RELATIVE = Annotated[
    float | None,
    typer.Option(
        "--parent-error",
        min=0,
        max=1,
        help="The parent's error: the margin is then a share of it (0.1 of 0.05 allows half a point).",
        show_default=False,
    ),
]
N = Annotated[
    list[int] | None,
    typer.Option(
        "--images",
        min=1,
        max=MOST,
        metavar="N",
        help="Test images; may be repeated.",
        show_default="1000, 10000",
    ),
]
SEEDS = Annotated[
    list[int] | None, typer.Option("--seeds", min=1, max=MOST, metavar="N", help="Seeds; may be repeated.")
]
CHANCE = Annotated[
    float, typer.Option("--power", min=0.01, max=0.999, help="Required probability of a decision.")
]
COMPARISONS = Annotated[
    int,
    typer.Option(
        "--comparisons",
        min=1,
        max=MOST,
        help="Number of comparisons that must all be decided, such as those of a claim.",
    ),
]
STEP = Annotated[
    float | None,
    typer.Option(
        "--step", min=0.001, max=1, help="Step size to which a potential should be known.", show_default=False
    ),
]

power = sub_app()


def _power(**given: Any) -> None:
    chosen = options(given)
    margin = checked(Margin(given["margin"], relative=given["parent_error"] is not None))
    if given["pilot"] and given["rise"] is not None:
        raise UsageError("--pilot and --rise exclude each other: both say what to expect")
    plan = Plan(
        float(margin.of(given["parent_error"] or 0.0)),
        given["images"] or IMAGES,
        given["seeds"] or (1,),
        given["wanted"],
        given["comparisons"],
        given["step"],
    )
    rows = _from_pilot(Store(chosen.store), given, plan) if given["pilot"] else _from_rates(given, plan)
    emit(rows, as_json=chosen.as_json, columns=COLUMNS)


def _from_rates(given: dict[str, Any], plan: Plan) -> list[Row]:
    between = given["between"] or 0.0
    smallest = smallest_rows(plan, given["discordance"], between)
    if given["rise"] is None:
        return smallest
    rates = rates_of(given["rise"], given["discordance"], between)
    return rise_rows({"discordance": given["discordance"]}, rates, plan) + smallest


def _from_pilot(store: Store, given: dict[str, Any], plan: Plan) -> list[Row]:
    found = pilots(
        store, resolve_all(store, given["pilot"]), given["distribution"] or (), between=given["between"]
    )
    rows = [row for each in found for row in _of_pilot(each, plan, given)]
    curves = grouped(found, lambda each: (each.method, each.parent, each.distribution))
    for (method, parent, distribution), members in curves.items():
        named = {"method": method, "parent": parent, "distribution": distribution}
        rows += step_rows(named, _curve(members), plan)
    by_images = grouped(found, lambda each: images_of(each.distribution)).values()
    sizes = given["images"] or sorted({each.n for each in found})
    return rows + all_rows([[each.breaks for each in members] for members in by_images], plan, sizes)


def _of_pilot(pilot: Pilot, plan: Plan, given: dict[str, Any]) -> list[Row]:
    named = {
        "model": pilot.model,
        "method": pilot.method,
        "prune_ratio": pilot.prune_ratio,
        "distribution": pilot.distribution,
        "discordance": pilot.rates.discordance,
    }
    images, seeds = given["images"] or (pilot.n,), given["seeds"] or (pilot.seeds,)
    return rise_rows(named, pilot.rates, plan._replace(images=images, seeds=seeds))


def _curve(members: Sequence[Pilot]) -> list[tuple[float, Any]]:
    return [(each.prune_ratio, each.rates) for each in sorted(members, key=lambda each: each.prune_ratio)]


command(
    power,
    _power,
    name="power",
    arguments={
        "pilot": (PILOT, None),
        "distribution": (DISTRIBUTION, None),
        "rise": (RISE, None),
        "discordance": (DISCORDANCE, USUAL_DISCORDANCE),
        "between": (BETWEEN, None),
        "margin": (MARGIN, 0.005),
        "parent_error": (RELATIVE, None),
        "images": (N, None),
        "seeds": (SEEDS, None),
        "wanted": (CHANCE, POWER),
        "comparisons": (COMPARISONS, 1),
        "step": (STEP, None),
    },
    common=("store", "as_json"),
    help="Compute how many images, seeds and ratios are needed to decide a verdict: a rise in "
    "error within the margin or beyond it, a step of a prune potential, or several "
    "comparisons together. The rates come from stored networks (--pilot; several seeds show "
    "how much seeds differ, and all networks together show how likely all comparisons are "
    "decided at once), or you state them. Measures nothing.",
    examples=[
        "prunekit power --rise 0 --margin 0.005 --images 10000",
        "prunekit power --rise 0.02 --discordance 0.06 --between 0.005 --seeds 3 --json",
        "prunekit ls -q | prunekit power --pilot - --margin 0.01 --step 0.05",
    ],
)
