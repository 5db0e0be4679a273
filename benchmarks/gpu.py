"""What a GPU does with prunekit, in at most eight minutes and without a network: ``make gpu``.

Each part answers one question, in order of worth, and is written to ``gpu.json`` as soon as it has: a run that is
stopped goes on where it was. ``gpu.md`` is the page for docs/results. ``--dry`` runs every part on the CPU, as small as
can be.

The machine needs Python 3.12 and torch 2.11 with torchvision, timm, typer, rich, scipy and safetensors. What prunekit
needs beside them is looked for first, and named, so that its wheels can be carried there.

    python benchmarks/gpu.py [--dry] [--minutes 8] [--out gpu-results] [--images FOLDER] [--only PART ...] [--again]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("torch", "torchvision", "timm", "typer", "rich", "scipy", "safetensors", "numpy", "PIL", "pydantic")
WHEELS = {"PIL": "pillow"}
# Carried for the tests, the report and the readers of data; measuring speed does without.
WANTED = {
    "pytest": "pytest",
    "hypothesis": "hypothesis",
    "jinja2": "jinja2",
    "matplotlib": "matplotlib",
    "sklearn": "scikit-learn",
}
TESTS = ["tests/conformance", "tests/unit/training", "tests/unit/measure"]
Answer = dict[str, Any]


class Bench:
    """How large the parts are, on what, and until when."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.dry: bool = given.dry
        self.device = "cpu" if given.dry else "cuda"
        self.batch, self.steps = (8, 5) if given.dry else (128, 300)
        self.arch = "resnet8" if given.dry else "resnet20"
        self.until = time.monotonic() + 60 * given.minutes
        self.out, self.images = Path(given.out), given.images

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return max(0.0, self.until - time.monotonic())

    def wait(self) -> None:
        """Until the device is done."""
        if not self.dry:
            import torch

            torch.cuda.synchronize()

    def data(self) -> tuple[Any, Any]:
        """Random images of CIFAR's size, with a smaller last batch as 45,000 images have."""
        import torch

        from prunekit.data.datasets import Dataset
        from prunekit.data.examples import ArrayExamples

        count, draws = self.batch * self.steps + self.batch // 2, torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=draws)
        examples = ArrayExamples(pixels, torch.randint(0, 10, (count,), generator=draws))
        half = (0.5,) * 3
        names = tuple("abcdefghij")
        of = Dataset(
            "random",
            "classification",
            names,
            half,
            half,
            (32, 32),
            "crop-flip",
            ("train",),
            lambda _: examples,
        )
        return examples, of


class Watch:
    """A progress bar that notes the time of every 50th step, once the device is done."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.steps, self.marks = bench, 0, []
        self.every = 1 if bench.dry else 50

    def bar(self, label: str, total: int, unit: str = "images") -> Watch:
        return self

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        if self.steps % self.every == 0:
            self.bench.wait()
            self.marks.append((self.steps, time.perf_counter()))
        self.steps += 1

    @property
    def ms(self) -> float:
        """Milliseconds a step, without the first mark, until which things warm up, and the last, smaller batch."""
        (first, began), (last, ended) = self.marks[1], self.marks[-2]
        return 1e3 * (ended - began) / (last - first)


def trained(
    bench: Bench,
    *,
    captured: bool = True,
    precision: str = "bfloat16",
    compiled: bool = False,
    filters: bool = False,
    compact: int = 0,
    arch: str = "",
) -> tuple[float, dict[str, Any]]:
    """Milliseconds of a training step of a pruned network, and the weights afterwards.

    Weights are pruned, or with ``filters`` filters; ``compact``: trained physically shrunk, to multiples of so many.
    """
    from unittest import mock

    from prunekit.models.archs import build
    from prunekit.models.state import to_arrays
    from prunekit.params import TrainParams
    from prunekit.pruning.api import prune
    from prunekit.pruning.compact import without_dead
    from prunekit.training.loop import fit

    (examples, of), model, watch = bench.data(), build(arch or bench.arch, classes=10, seed=0), Watch(bench)
    masks = prune(model, method="ft" if filters else "wt", prune_ratio=0.8)
    fields = {"arch": bench.arch, "dataset": "random", "epochs": 1, "batch_size": bench.batch, "lr": 0.01}
    settings = TrainParams(**fields, precision=precision, compiled=compiled)
    train = partial(fit, settings=settings, dataset=of, seed=0, device=bench.device, progress=watch)
    with contextlib.ExitStack() as stack:
        if not captured:
            stack.enter_context(mock.patch("prunekit.training.loop.can_be_captured", return_value=False))
        if compact:
            small = without_dead(model, masks, multiple=compact)
            assert small is not None
            train(small.network, examples, masks=small.masks)
            small.write_back(model)
        else:
            train(model, examples, masks=masks)
    return watch.ms, to_arrays(model)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two networks have the same bytes."""
    return all(one[name].tobytes() == other[name].tobytes() for name in one)


def machine(bench: Bench) -> Answer:
    """Versions and the card."""
    import torch

    card = "cpu" if bench.dry else torch.cuda.get_device_name()
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "card": card,
    }


def tests(bench: Bench) -> Answer:
    """The rows marked gpu; a dry run only looks whether pytest starts. The whole output is in ``tests.log``."""
    if importlib.util.find_spec("pytest") is None:
        return {"skipped": "pytest is not here"}
    rows = ["--version"] if bench.dry else ["--tb=short", "-rfEs", *TESTS]
    done = run([sys.executable, "-m", "pytest", "-m", "gpu", *rows], min(150, bench.left))
    (bench.out / "tests.log").write_text(done.stdout + done.stderr)
    return {"exit": done.returncode, "says": done.stdout.strip().splitlines()[-5:]}


def training(bench: Bench) -> Answer:
    """A step eager and captured, in both precisions, and whether the bytes are equal."""
    found: Answer = {}
    for precision in ("bfloat16", "float32"):
        (eager, plain), (replayed, ours) = (
            trained(bench, captured=way, precision=precision) for way in (False, True)
        )
        found[precision] = {"eager_ms": eager, "captured_ms": replayed, "same_bytes": same(plain, ours)}
    return found


def compiled(bench: Bench) -> Answer:
    """A training step with ``--compiled``, beside the captured one."""
    plain, _ = trained(bench)
    if bench.dry:  # compiling for a CPU takes a minute and says nothing of a GPU
        return {"captured_ms": plain}
    return {"captured_ms": plain, "compiled_ms": trained(bench, compiled=True)[0]}


def retraining(bench: Bench) -> Answer:
    """A step of a network that lost 80 % by ft: masked, and compact with any number of channels or multiples of 8."""
    found: Answer = {}
    for arch in ("resnet8",) if bench.dry else ("resnet20", "resnet56", "wrn16_8"):
        ways = {"masked_ms": 0, "compact_ms": 1, "compact_by_8_ms": 8}
        found[arch] = {
            name: trained(bench, filters=True, compact=way, arch=arch)[0] for name, way in ways.items()
        }
    return found


def waits(bench: Bench) -> Answer:
    """How often the host waited for the GPU during 300 steps, and where, by torch's own watch of synchronisation."""
    import warnings

    import torch

    if bench.dry:
        return {"skipped": "only a GPU is waited for"}
    found: dict[str, int] = {}
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            trained(bench)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    for each in seen:
        if "synchroniz" in str(each.message):
            where = f"{Path(each.filename).name}:{each.lineno}"
            found[where] = found.get(where, 0) + 1
    return {"waits": sum(found.values()), "where": found}


def corruptions(bench: Bench) -> Answer:
    """Images a second of each corruption of CIFAR's size at severity 3, on the device and on the processor."""
    from prunekit.data.corruptions import CORRUPTION_ROWS, corrupt

    images = bench.data()[0].images[: 16 if bench.dry else 2000]
    places = ("cpu",) if bench.dry else ("cuda", "cpu")
    found: Answer = {}
    for name in CORRUPTION_ROWS:
        for place in places:
            held = images.to(place)
            corrupt(held[:16], corruption=name, severity=3)
            bench.wait()
            began = time.perf_counter()
            corrupt(held, corruption=name, severity=3)
            bench.wait()
            found.setdefault(name, {})[place] = round(len(images) / (time.perf_counter() - began))
        if bench.left < 10:
            break
    return found


def processes(bench: Bench) -> Answer:
    """Images a second of several processes on one GPU, with and without NVIDIA's MPS."""
    found: Answer = {}
    has_mps = shutil.which("nvidia-cuda-mps-control") is not None
    counts = (1,) if bench.dry else (1, 4, 8, 12)
    for served in (False, True) if has_mps and not bench.dry else (False,):
        with mps() if served else contextlib.nullcontext():
            for count in counts:
                if bench.left < 10:
                    break
                command = [sys.executable, __file__, "--worker", *(["--dry"] if bench.dry else [])]
                found[f"{count}{' with MPS' if served else ''}"] = together(command, count, bench.left)
    return {"images_per_second": found, "mps": has_mps}


def together(command: list[str], count: int, seconds: float) -> int | str:
    """The sum of what so many processes say at the same time, or why there is none; none of them is left behind."""
    jobs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) for _ in range(count)
    ]
    until = time.monotonic() + seconds
    try:
        said = [job.communicate(timeout=max(0.1, until - time.monotonic()))[0].split() for job in jobs]
    except subprocess.TimeoutExpired:
        return "no time"
    finally:
        for job in jobs:
            job.kill()
    failed = sum(job.returncode != 0 for job in jobs)
    return f"{failed} of {count} failed" if failed else round(sum(float(words[-1]) for words in said))


@contextlib.contextmanager
def mps() -> Iterator[None]:
    """NVIDIA's server of several processes, for the block."""
    run(["nvidia-cuda-mps-control", "-d"], 20)
    try:
        yield
    finally:
        subprocess.run(["nvidia-cuda-mps-control"], input="quit\n", text=True, check=False, timeout=20)


def worker(bench: Bench) -> None:
    """One of the processes: images a second of its second training."""
    trained(bench)
    ms, _ = trained(bench)
    sys.stdout.write(f"{1e3 * bench.batch / ms}\n")


def evaluation(bench: Bench) -> Answer:
    """Measured images a second, with float32 whole and rounded to TF32."""
    import torch

    from prunekit.measure.outcomes import outcomes
    from prunekit.models.archs import build

    (examples, of), model = bench.data(), build(bench.arch, classes=10, seed=0)
    held = examples.to(bench.device)
    outcomes(model, held, dataset=of, device=bench.device)
    bench.wait()
    began = time.perf_counter()
    outcomes(model, held, dataset=of, device=bench.device)
    bench.wait()
    return {
        "images_per_second": round(len(examples) / (time.perf_counter() - began)),
        "threads": torch.get_num_threads(),
    }


def determinism(bench: Bench) -> Answer:
    """Three runs of training and of the sensitivities by gradients: the same bytes?"""
    import torch

    from prunekit.models.archs import build
    from prunekit.pruning.api import sensitivities

    weights = [trained(bench)[1] for _ in range(3)]
    found: Answer = {"training": all(same(weights[0], other) for other in weights[1:])}
    batch = torch.randn(16, 3, 32, 32), torch.arange(16) % 10
    for method in ("snip", "taylor-filter", "lamp", "sipp", "pfp"):
        model = build(bench.arch, classes=10, seed=0).to(bench.device)
        scores = [sensitivities(model, method=method, batches=[batch]) for _ in range(3)]
        found[method] = all(torch.equal(scores[0][name], other[name]) for other in scores for name in other)
    return found


def profile(bench: Bench) -> Answer:
    """The kernels that a training step spends its time in."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    kinds = [ProfilerActivity.CPU] if bench.dry else [ProfilerActivity.CUDA]
    with profiler(activities=kinds) as seen:
        trained(bench)
    key = "self_cpu_time_total" if bench.dry else "self_device_time_total"
    rows = sorted(seen.key_averages(), key=lambda row: -getattr(row, key))[:12]
    return {row.key[:60]: {"us": round(getattr(row, key)), "calls": row.count} for row in rows}


def study(bench: Bench) -> Answer:
    """As much of recipes/cifar10-small.toml as the time allows; started again, it goes on."""
    if bench.images is None and not bench.dry:
        return {"skipped": "no --images FOLDER (train/CLASS/*.jpg and test/CLASS/*.jpg)"}
    recipe = [str(ROOT / "recipes" / ("quickstart.toml" if bench.dry else "cifar10-small.toml"))]
    there = [] if bench.dry else ["--set", f'vars.dataset="folder:{bench.images}"']
    how = (
        ["--dry-run", "--no-calibrate"]
        if bench.dry
        else ["--device", "cuda", "--jobs", "12", "--per-gpu", "12"]
    )
    store = ["--store", str(bench.out / "store")]
    command = [sys.executable, "-m", "prunekit", "run", *recipe, *there, *how, *store, "--json"]
    done = run(command, max(5.0, bench.left - 10))
    (bench.out / "study.log").write_text(done.stdout + done.stderr)
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    return {"exit": done.returncode, "says": [line[:200] for line in lines[-3:]]}


def environment() -> dict[str, str]:
    """A child's: prunekit from this checkout."""
    return os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def run(command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """A command that is asked to end when its time is over, and killed where it does not."""
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    )
    for patience, ask in ((seconds, child.terminate), (10.0, child.kill)):
        try:
            out, err = child.communicate(timeout=patience)
            break
        except subprocess.TimeoutExpired:
            ask()
    else:
        out, err = child.communicate()
    return subprocess.CompletedProcess(command, child.returncode, out, err)


PARTS: dict[str, Callable[[Bench], Answer]] = {
    "machine": machine,
    "training": training,
    "processes": processes,
    "tests": tests,
    "evaluation": evaluation,
    "determinism": determinism,
    "retraining": retraining,
    "waits": waits,
    "compiled": compiled,
    "profile": profile,
    "corruptions": corruptions,
    "study": study,
}
GOES_ON = ("study",)  # asked again, it does more


def missing() -> list[str]:
    """The packages that are not here, by the names of their wheels."""
    return [WHEELS.get(name, name) for name in NEEDED if importlib.util.find_spec(name) is None]


def page(answers: dict[str, Any], dry: bool) -> str:
    """The answers as one Markdown page."""
    where = answers.get("machine", {})
    head = (
        "A dry run on a CPU: nothing here is a measurement of a GPU."
        if dry
        else f"{where.get('card')}, torch {where.get('torch')}"
    )
    lines = ["# prunekit on a GPU", "", f"{head}. Made by `make gpu`.", ""]
    for name, answer in answers.items():
        lines += [f"## {name}", "", (PARTS[name].__doc__ or "").partition("\n")[0], "", "| | |", "|---|---|"]
        lines += [f"| {key} | {_cell(value)} |" for key, value in answer.items()] + [""]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_cell(each)}" for name, each in value.items())
    return str(value).replace("|", "/").replace("\n", " ")


def answer_all(bench: Bench, wanted: list[str], again: bool) -> dict[str, Any]:
    """Every part that has no answer yet, each alone: one that fails costs one answer."""
    bench.out.mkdir(parents=True, exist_ok=True)
    kept = bench.out / "gpu.json"
    answers: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() and not again else {}
    for name in wanted:
        old = answers.get(name)
        if (old is not None and "error" not in old and name not in GOES_ON) or bench.left < 5:
            continue
        began = time.monotonic()
        try:
            answers[name] = PARTS[name](bench)
        except Exception as error:
            answers[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
        answers[name]["seconds"] = round(time.monotonic() - began, 1)
        kept.write_text(json.dumps(answers, indent=2) + "\n")
        (bench.out / "gpu.md").write_text(page(answers, bench.dry))
        sys.stderr.write(f"{name}: {json.dumps(answers[name])[:300]}\n")
    return answers


def main() -> None:
    """Answer, or say what is missing."""
    given = _arguments()
    sys.path.insert(0, str(ROOT / "src"))
    if lacking := " ".join(missing()):
        sys.exit(
            f"missing here: {lacking}. Where there is a network: pip download {lacking} -d wheels. Then here: "
            f"pip install --no-index --find-links wheels {lacking}"
        )
    if more := [wheel for name, wheel in WANTED.items() if importlib.util.find_spec(name) is None]:
        sys.stderr.write(f"tests and reports also need: {' '.join(more)}\n")
    import torch

    if not given.dry and not torch.cuda.is_available():
        sys.exit("torch sees no GPU here; --dry runs everything on the CPU, tiny")
    bench = Bench(given)
    if given.worker:
        worker(bench)
        return
    answers = answer_all(bench, given.only or list(PARTS), given.again)
    sys.exit(int(any("error" in answer for answer in answers.values())))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry", action="store_true", help="on the CPU, as small as can be")
    parser.add_argument("--again", action="store_true", help="forget earlier answers")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--out", default="gpu-results")
    parser.add_argument("--images", help="CIFAR-10 as an image folder, for the study")
    parser.add_argument("--only", nargs="+", choices=list(PARTS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
