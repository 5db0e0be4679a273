"""How planning, dry runs and the engine itself grow with the number of steps.

    python benchmarks/engine.py [--steps 100000] [--overhead-steps 200] [--empty]

Planning is pure Python; the dry run is the real command over a store of that many files (``--empty``: of none, for a
million steps; then nothing else is measured); the overhead is what
a step costs on top of its work at ``--jobs 2``: no-op steps through real worker processes, locks and costs included.
Seconds are the processor's where nothing waits, and the clock's for the overhead.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from measured import Measured, accepts_json, say
from prunekit.data.versions import version_of
from prunekit.engine.pool import Pool
from prunekit.engine.run import Stop, execute
from prunekit.engine.schedule import Schedule
from prunekit.params import MODEL_STEPS, Params, TrainParams
from prunekit.recipes.embedded import path_of
from prunekit.recipes.plan import from_dict, plan
from prunekit.steps.settings import Settings
from prunekit.steps.table import group
from prunekit.store import archive
from prunekit.store.records import MeasurementRecord, ModelRecord, Sources, Step
from prunekit.store.store import Store

RATIOS = [rung / 24 for rung in range(1, 24)]
TENSORS = {"weight": np.zeros(1, np.float32)}
METHODS = ["wt", "sipp", "ft", "pfp"]
CORRUPTIONS = ["fog", "snow", "frost", "contrast", "brightness", "pixelate", "gaussian_noise", "shot_noise"]


def recipe_text(seeds: int, severities: int) -> str:
    """A study like the paper's: seeds x methods x 23 ratios, and every network on many distributions."""
    names = [f"digits+{name}@{severity + 1}" for name in CORRUPTIONS for severity in range(severities)]
    return f"""
[[stage]]
label = "parents"
run = ["train"]
arch = "resnet8"
dataset = "digits"
sweep = {{ seed = {list(range(seeds))} }}
[[stage]]
label = "pruned"
run = ["prune", "retrain"]
parent = "parents"
cascade = true
sweep = {{ method = {METHODS}, prune_ratio = {RATIOS} }}
[[stage]]
label = "errors"
run = ["error"]
model = ["parents", "pruned"]
sweep = {{ distribution = {["digits", *names]} }}
"""


def planned(steps: int) -> str:
    """The text of a recipe of about so many steps."""
    each = 1 + 2 * 92 + 93 * (1 + 5 * len(CORRUPTIONS))
    return recipe_text(max(1, round(steps / each)), 5)


def cpu() -> float:
    return time.process_time()


def planning(steps: int) -> tuple[int, float, float]:
    """How many steps were planned, and the processor seconds of the plan and of its schedule, handed out whole."""
    document = tomllib.loads(planned(steps))
    began = cpu()
    plans = plan(from_dict(document))
    middle = cpu()
    schedule = Schedule([step.params for step in plans], group=group)
    while batch := schedule.next():
        schedule.finish([params.key for params in batch])
    return len(plans), middle - began, cpu() - middle


def filled(root: Path, text: str) -> Path:
    """A store that holds every step of a recipe on digits, with tiny tensors; returns the recipe."""
    recipe = root / "study.toml"
    recipe.write_text(text)
    store = Store(root / "store")
    for folder in ("models", "measurements"):
        (store.root / folder).mkdir(parents=True)
    lineages: dict[str, tuple[Step, ...]] = {}
    made_of = {"digits": version_of("digits", root)}
    for step in plan(from_dict(tomllib.loads(text))):
        made = Sources(made_of, {}, dict.fromkeys(step.params.inputs, archive.digest_of(TENSORS)))
        found = record(step.params, lineages, made)
        store.path(step.params.key).write_bytes(archive.dump(TENSORS, found.model_dump(mode="json")))
    return recipe


def record(
    params: Params, lineages: dict[str, tuple[Step, ...]], made: Sources
) -> ModelRecord | MeasurementRecord:
    """What the store would say of this step; the lineages of its models are noted."""
    step, provenance = Step.of(params), made.noted()
    if params.kind not in MODEL_STEPS:
        summary = {"error": 0.5, "n": 1}
        return MeasurementRecord(key=params.key, step=step, summary=summary, provenance=provenance)
    lineages[params.key] = (*lineages.get(params.inputs[0] if params.inputs else "", ()), step)
    return ModelRecord(
        key=params.key,
        lineage=lineages[params.key],
        classes=("a",),
        parameters=1,
        nonzero=1,
        error=0.5,
        provenance=provenance,
    )


def command(*args: object) -> tuple[float, float]:
    """Processor seconds and peak memory (MB) of one command in a process of its own."""
    before = os.times()
    subprocess.run(
        [sys.executable, "-m", "prunekit", *map(str, args)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = os.times()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return after.children_user + after.children_system - before.children_user - before.children_system, peak


WORKER = """
import prunekit.engine.worker as worker, prunekit.steps.table as table, prunekit.steps.make as make
table.RUN._own["train"] = table.RUN["train"]._replace(run=lambda batch, context: None)
make._facts = lambda params, store: {}
worker.main()
"""


def overhead(steps: int) -> float:
    """Milliseconds of the clock per step that does nothing, at two workers; their start is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        fake = Path(folder) / "python"
        fake.write_text(f"#!{sys.executable}\n{WORKER}")
        fake.chmod(0o755)
        real, sys.executable = sys.executable, str(fake)
        try:
            pool = Pool(Settings(f"{folder}/store", f"{folder}/data", threads=1), jobs=2)
            todo = [TrainParams(arch="resnet8", dataset="digits", seed=seed) for seed in range(steps)]
            first: list[float] = []
            execute(
                todo,
                pool,
                group=group,
                stop=Stop(print),
                ended=lambda event: first.append(time.perf_counter()),
            )
        finally:
            sys.executable = real
    half = len(first) // 2
    return 1000 * (first[-1] - first[half]) / (len(first) - 1 - half)


def again() -> tuple[int, float, float]:
    """The steps of the quickstart, and seconds of the processor and of the clock to run it when all are there."""
    text = path_of("quickstart").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        recipe = filled(Path(folder), text)
        began = time.perf_counter()
        seconds, _ = command("run", recipe, "--store", Path(folder) / "store")
        clock = time.perf_counter() - began
    return len(plan(from_dict(tomllib.loads(text)))), seconds, clock


COLUMNS = ("plan, s", "schedule, s", "dry run, s", "peak, MB", "status, s", "ls, s")


def measure(steps: int) -> tuple[int, tuple[float, ...]]:
    """The number of steps of a study of about this size, and its row."""
    count, plan_seconds, schedule_seconds = planning(steps)
    with tempfile.TemporaryDirectory() as folder:
        recipe = filled(Path(folder), planned(steps))
        store = Path(folder) / "store"
        dry, peak = command("run", recipe, "--store", store, "--dry-run")
        status, _ = command("status", recipe, "--store", store)
        listed, _ = command("ls", "--store", store)
    return count, (plan_seconds, schedule_seconds, dry, peak, status, listed)


def empty(steps: int) -> None:
    """Print what planning and a dry run of a new study of about this size take."""
    count, plan_seconds, schedule_seconds = planning(steps)
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "study.toml"
        recipe.write_text(planned(steps))
        began = time.perf_counter()
        dry, peak = command("run", recipe, "--store", Path(folder) / "store", "--dry-run")
        clock = time.perf_counter() - began
    print(f"{count:,} steps: plan {plan_seconds:.1f} s, schedule {schedule_seconds:.1f} s of the processor")
    print(f"dry run: {dry:.1f} s of the processor, {clock:.1f} s in all, {peak:.0f} MB")


def table(largest: int) -> list[tuple[int, tuple[float, ...]]]:
    """Print a row per size of study; returns them."""
    print(f"| steps | {' | '.join(COLUMNS)} |\n|---:|{'---:|' * len(COLUMNS)}")
    rows = []
    for steps in (largest // 100, largest // 10, largest):
        count, row = measure(steps)
        print(f"| {count:,} | {' | '.join(f'{value:.4g}' for value in row)} |", flush=True)
        rows.append((count, row))
    return rows


def rows(chosen: argparse.Namespace) -> Iterator[Measured]:
    """The largest study, and what the engine costs on top of a step's work."""
    count, values = measure(chosen.steps)
    for name, value in zip(COLUMNS, values, strict=True):
        what, _, unit = name.partition(", ")
        yield Measured(f"{what} of {count:,} steps", value, unit)
    count, _, clock = again()
    yield Measured(f"a finished study of {count} steps, run again", clock, "s", goal="< 4")
    yield Measured("a step that does nothing, --jobs 2", overhead(chosen.overhead_steps), "ms")


def plot(rows: list[tuple[int, tuple[float, ...]]], out: Path) -> None:
    """How seconds grow with the steps of a study, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "prunekit"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for place, name in enumerate(COLUMNS):
        if name.endswith(", s"):
            axes.plot(
                [count for count, _ in rows],
                [row[place] for _, row in rows],
                "o-",
                label=name.removesuffix(", s"),
            )
    axes.set(xscale="log", yscale="log", xlabel="Steps of the study", ylabel="Processor seconds")
    axes.legend(frameon=False)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--overhead-steps", type=int, default=200)
    parser.add_argument("--plot", type=Path, help="also draw the growth to this file")
    accepts_json(parser)
    parser.add_argument(
        "--empty", action="store_true", help="only the plan and a dry run over an empty store"
    )
    chosen = parser.parse_args()
    if chosen.empty:
        empty(chosen.steps)
    elif chosen.json:
        say(rows(chosen), "Engine", as_json=True)
    else:
        measured = table(chosen.steps)
        count, seconds, clock = again()
        print(
            f"\nA finished study of {count} steps, run again: {seconds:.2f} s of the processor, {clock:.2f} s in all"
        )
        print(f"Overhead at --jobs 2: {overhead(chosen.overhead_steps):.1f} ms a step")
        if chosen.plot:
            plot(measured, chosen.plot)
