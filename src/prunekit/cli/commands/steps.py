"""``train``, ``prune``, ``retrain``: one step each over the store."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from prunekit.cli.flags import Options, command, named_values, options, read_fields, sub_app
from prunekit.cli.models import MODEL, resolve_all
from prunekit.cli.output import emit, say
from prunekit.cli.screen import screen
from prunekit.engine.child import python
from prunekit.engine.now import make_now
from prunekit.engine.ranks import together
from prunekit.errors import UsageError
from prunekit.params import Params, PruneParams, RetrainParams, TrainParams
from prunekit.params.bounds import MOST_WORKERS
from prunekit.registry import Lazy
from prunekit.steps.check import check_on_parent
from prunekit.steps.settings import Settings
from prunekit.steps.table import check_names
from prunekit.store.store import Store

COLUMNS = ("key", "method", "asked", "prune_ratio", "error_before", "error", "nonzero")
JOINED = Lazy("prunekit.training.distributed:joined")
REQUIRED = ...  # typer reads it as: no default
DEVICES = Annotated[
    int,
    typer.Option(
        "--devices",
        min=1,
        max=MOST_WORKERS,
        help="Number of processes (GPUs) that share every batch, started as by torchrun.",
        rich_help_panel="Run",
    ),
]
OPTION = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="An option of the method (`prunekit list methods --json`); may be given several times.",
    ),
]

train, prune, retrain = sub_app(), sub_app(), sub_app()


def settings_of(chosen: Options, force: Sequence[str] = ()) -> Settings:
    """A run's settings from the common options."""
    keys = tuple(force) if chosen.force else ()
    return Settings(str(chosen.store), str(chosen.data), chosen.device, chosen.threads, keys)


def make_and_print(steps: Sequence[Params], store: Store, chosen: Options) -> None:
    """Make each step, and print its record as soon as it exists."""
    if chosen.label is not None and len(steps) > 1:
        raise UsageError(f"--label can name only one result, but {len(steps)} models were given")
    if chosen.label is not None:
        store.check_label(chosen.label)
    settings = settings_of(chosen, [params.key for params in steps])
    with screen() as progress, company(chosen.device) as rank:
        for params in steps:
            make_now([params], store, settings, progress, say=say)
    if rank > 0:
        return
    if chosen.label is not None:
        store.label(chosen.label, steps[0].key)
    rows = [store.record(params.key).row() for params in steps]
    emit(rows, as_json=chosen.as_json, quiet=chosen.quiet, columns=COLUMNS)


@contextmanager
def company(device: str) -> Iterator[int]:
    """Under torchrun, train together with its other processes for the block; yields this one's rank."""
    if os.environ.get("WORLD_SIZE", "1") == "1":
        yield 0
        return
    with JOINED(device) as world:
        yield world.rank


def spread(devices: int) -> None:
    """Start this very command ``devices`` times, as torchrun would, each to compute its share of every batch."""
    if devices == 1 or "WORLD_SIZE" in os.environ:
        return
    own = [
        word
        for word, before in zip(sys.argv[1:], ["", *sys.argv[1:]], strict=False)
        if not _is_devices(word, before)
    ]
    typed = sys.stdin.read() if "-" in own else None
    raise typer.Exit(together(python("-m", "prunekit", *own), devices, typed=typed))


def _is_devices(word: str, before: str) -> bool:
    return word == "--devices" or before == "--devices" or word.startswith("--devices=")


def _train(**given: Any) -> None:
    devices, chosen = given.pop("devices"), options(given)
    params = TrainParams.read(read_fields(TrainParams, given))
    check_names(params)
    spread(devices)
    make_and_print([params], Store(chosen.store), chosen)


def _on_models(cls: type[PruneParams] | type[RetrainParams], given: dict[str, Any]) -> None:
    chosen, names = options(given), given.pop("model")
    fields = read_fields(cls, given)
    check_names(
        cls.read(fields | {"parent": "prune-0000000000000000"})
    )  # a wrong flag fails before a wrong model
    store = Store(chosen.store)
    steps = [cls.read(fields | {"parent": key}) for key in resolve_all(store, names)]
    for params in steps:
        check_on_parent(params, store)
    make_and_print(steps, store, chosen)


def _prune(**given: Any) -> None:
    _on_models(PruneParams, given | {"options": named_values(given.pop("option") or []) or None})


def _retrain(**given: Any) -> None:
    spread(given.pop("devices"))
    _on_models(RetrainParams, given)


command(
    train,
    _train,
    name="train",
    fields=[TrainParams],
    arguments={"devices": (DEVICES, 1)},
    help="Train a new network. The defaults are the paper's schedule for CIFAR ResNets: 182 epochs.",
    examples=[
        "prunekit train --arch resnet8 --dataset digits --epochs 5 --label small",
        "prunekit train --arch resnet20 --dataset folder:photos --epochs 30 --seed 1 --device cuda",
        "prunekit train --arch resnet8 --dataset digits --epochs 5 | jq .error",
    ],
)
command(
    prune,
    _prune,
    name="prune",
    fields=[PruneParams],
    without=["parent", "options"],
    arguments={"model": (MODEL, REQUIRED), "option": (OPTION, None)},
    help="Remove weights or filters of a stored network, without retraining. Prints the requested "
    "and the achieved ratio, and the test error before and after.",
    examples=[
        "prunekit prune small --method wt --prune-ratio 0.8",
        "prunekit prune small --method nm --option n=1 --prune-ratio 0.7 --skip-layers conv1",
        "prunekit prune small --method module:scores.py:mine --prune-ratio 0.5",
        "prunekit train ... | prunekit prune - --method sipp --prune-ratio 0.5 | prunekit retrain - | jq .error",
    ],
)
command(
    retrain,
    _retrain,
    name="retrain",
    fields=[RetrainParams],
    without=["parent"],
    arguments={"model": (MODEL, REQUIRED), "devices": (DEVICES, 1)},
    help="Train a pruned network again with fixed masks, by default with the whole schedule of "
    "its unpruned parent (learning-rate rewinding). On an unpruned network this makes the "
    "dense control with the same extra training.",
    examples=["prunekit retrain prune-3f2a", "prunekit retrain prune-3f2a --mode fine-tune --epochs 5"],
)
