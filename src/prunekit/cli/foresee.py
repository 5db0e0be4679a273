"""What a dry run says of the cost of a plan: a line for the person, rows for who asked for a calibration."""

from __future__ import annotations

from collections.abc import Sequence

from prunekit.cli.flags import Options
from prunekit.cli.output import emit, hint, say
from prunekit.engine.calibration import calibrate as calibrated
from prunekit.engine.costs import Costs
from prunekit.engine.forecast import NOTHING, Calibration, forecast, rows, sentence
from prunekit.engine.pool import threads_each
from prunekit.recipe import Planned
from prunekit.steps.settings import Settings

COLUMNS = ("stage", "steps", "flops", "seconds")


def tell_forecast(
    steps: Sequence[Planned],
    todo: Sequence[Planned],
    costs: Costs,
    chosen: Options,
    *,
    calibrate: bool | None,
) -> None:
    """Say what is to make and what it will cost; with ``calibrate`` also a row per stage, on stdout.

    Unset, the machine is timed only where the store knows no costs.
    """
    timing = bool(todo) and (not costs.known if calibrate is None else calibrate)
    calibration = _calibration(steps, todo, chosen) if timing else NOTHING
    found = forecast([step.params for step in steps], costs, calibration)
    table = rows([(step.stage, step.params) for step in todo], found.costs, chosen.jobs)
    if calibrate:
        emit(table, as_json=chosen.as_json, columns=COLUMNS)
    for trouble in found.troubles if timing else ():
        say(trouble)
    say(sentence(table[-1], timed=costs.known or bool(calibration.speeds)))


def _calibration(steps: Sequence[Planned], todo: Sequence[Planned], chosen: Options) -> Calibration:
    hint("timing this machine (--no-calibrate leaves it out)")
    threads = threads_each(chosen.threads, chosen.jobs) if chosen.jobs > 1 else chosen.threads
    settings = Settings(str(chosen.store), str(chosen.data), chosen.device, threads)
    return calibrated([step.params for step in steps], [step.params.key for step in todo], settings)
