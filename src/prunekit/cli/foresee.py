"""The cost of a plan as a dry run prints it: one line, and rows if a calibration was requested."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from prunekit.analysis.planning import decides
from prunekit.base.code import is_code
from prunekit.cli.flags import Options
from prunekit.cli.output import emit, hint, say
from prunekit.engine.costs import PastCosts, roots_of
from prunekit.engine.forecast import NOTHING, Timing, forecast, rows, sentence
from prunekit.engine.pool import threads_each
from prunekit.engine.timing import calibrate as calibrated
from prunekit.params import Params
from prunekit.recipes.plan import Planned
from prunekit.steps.settings import Settings
from prunekit.studies.pilot import planned_images

COLUMNS = ("stage", "steps", "flops", "seconds")


def tell_forecast(
    steps: Mapping[str, Planned],
    todo: Collection[str],
    costs: PastCosts,
    chosen: Options,
    *,
    calibrate: bool | None,
) -> None:
    """Print what must be made (the keys ``todo`` of the ``steps``) and its cost; with ``calibrate``, also as rows.

    If ``calibrate`` is unset, the machine is timed only when the store has no costs, and never on networks of the
    user's own code, because timing them would run it.
    """
    plan = {key: step.params for key, step in steps.items()}
    roots = roots_of(plan)
    own = set() if calibrate else {key for key in todo if is_code(str(getattr(roots[key], "arch", "")))}
    timed = [key for key in todo if key not in own]
    timing = bool(timed) and (not costs.known if calibrate is None else calibrate)
    calibration = _calibration(plan, timed, chosen) if timing else NOTHING
    if own and calibrate is None and not costs.known:
        say("networks from your own code (module:) are not timed; --calibrate imports and runs them")
    found = forecast(plan, costs, calibration)
    stages = {key: steps[key].stage for key in todo}
    table = rows({key: plan[key] for key in todo}, stages, found.costs, chosen.jobs)
    if calibrate:
        emit(table, as_json=chosen.as_json, columns=COLUMNS)
    for trouble in found.troubles if timing else ():
        say(trouble)
    if decided := decides(planned_images(plan.values())):
        say(decided)
    say(sentence(table[-1], timed=costs.known or bool(calibration.speeds)))


def _calibration(plan: Mapping[str, Params], todo: Collection[str], chosen: Options) -> Timing:
    hint("timing this machine (--no-calibrate skips this)")
    threads = threads_each(chosen.threads, chosen.jobs) if chosen.jobs > 1 else chosen.threads
    settings = Settings(str(chosen.store), str(chosen.data), chosen.device, threads)
    return calibrated(plan, todo, settings)
