"""The only training loop: classification and segmentation, fixed masks, exact resume, one process or several."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from prunekit.base.arithmetic import exact
from prunekit.base.interruption import INTERRUPTION
from prunekit.base.kernels import sound
from prunekit.base.memory import memory_kept
from prunekit.data.datasets import Dataset
from prunekit.data.examples import Examples
from prunekit.errors import PrunekitError
from prunekit.models.state import Arrays, copied, load_arrays, to_arrays
from prunekit.params import TrainParams
from prunekit.progress import SILENT, Bar, Progress
from prunekit.tasks import TASKS
from prunekit.training import checkpoint as checkpoints
from prunekit.training.captured import Replayed, can_be_captured
from prunekit.training.checkpoint import Checkpoint, Saved, Writer, fingerprint
from prunekit.training.checks import check_start, checked
from prunekit.training.compiled import compiled, compiling
from prunekit.training.distributed import agree, parallel, world
from prunekit.training.feed import Batch, EpochImages, Feed, derived_seed
from prunekit.training.losses import LossLog
from prunekit.training.norms import packed
from prunekit.training.schedules import learning_rate
from prunekit.training.sgd import MaskedSgd

# Loss weights of a network's outputs, including its auxiliary classifier (Liebenwein et al. 2021).
WEIGHTS = {"out": 1.0, "aux": 0.5}


class FitResult(NamedTuple):
    """The results of training besides the weights: the mean loss of each epoch, and the weights of ``keep_epoch``.

    ``compact`` is the number of parameters of the compact network trained in place of the model.
    """

    losses: tuple[float, ...]
    kept: Arrays | None
    steps: int
    seconds: float
    compact: int | None = None


def fit(
    model: nn.Module,
    examples: Examples,
    *,
    settings: TrainParams,
    dataset: Dataset,
    seed: int,
    device: str | torch.device = "cpu",
    masks: Mapping[str, Tensor] | None = None,
    start_epoch: int = 0,
    checkpoint: Checkpoint | None = None,
    epoch_images: EpochImages | None = None,
    progress: Progress = SILENT,
) -> FitResult:
    """Train ``model`` in place on ``device``, from ``start_epoch`` to the end of the settings' schedule.

    ``masks`` (True = kept) hold after every step. Equal arguments give equal bytes, also when resumed from
    ``checkpoint``. ``epoch_images(epoch)`` replaces the images of an epoch (uint8, a pure function). In a
    torch.distributed group, each process computes its share of every batch.
    :class:`UsageError` if network, data and settings do not match, or the checkpoint is another run's.
    :class:`PrunekitError` if the loss is not finite or the processes disagree.
    """
    device = torch.device(device)
    feed = Feed(examples.to(device), dataset, settings.batch_size, seed, device, world(), epoch_images)
    check_start(model, settings, start_epoch)
    model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    feed = checked(model, feed, partial(task_loss, dataset.task, label_smoothing=settings.label_smoothing))
    identity = _identity(model, feed, settings, masks or {}, start_epoch)
    saved = checkpoints.load(checkpoint, identity)
    agree("the settings, the data or the checkpoint", f"{identity} {saved and saved.step}", device)
    started, was_training = time.monotonic(), model.training
    with _kernels(model, feed, settings), compiling(settings.compiled), parallel(model.train()) as network:
        run = _Run(model, network, feed, settings)
        run.begin(masks or {}, start_epoch, saved)
        images = len(feed.examples) * settings.epochs - feed.images_before(run.step)
        kept = checkpoint if feed.place.rank == 0 else None
        with Writer(kept, identity) as writer, progress.bar("training", images) as bar, _enough_memory(feed):
            run.train(writer, bar)
    model.train(was_training)
    return FitResult(tuple(run.log.epochs), run.kept, run.step, time.monotonic() - started)


def _identity(
    model: nn.Module, feed: Feed, settings: TrainParams, masks: Mapping[str, Tensor], start_epoch: int
) -> str:
    """The settings and data that must match for a checkpoint to be resumed."""
    facts = {
        "settings": settings.model_dump(mode="json"),
        "dataset": feed.dataset.name,
        "images": len(feed.examples),
        "seed": feed.seed,
        "start_epoch": start_epoch,
    }
    held = {name: mask.cpu().numpy() for name, mask in masks.items()}
    return fingerprint(facts, _prefixed("model", to_arrays(model)) | _prefixed("mask", held))


@contextmanager
def _kernels(model: nn.Module, feed: Feed, settings: TrainParams) -> Iterator[None]:
    """In the block, separate random state on all seeded devices, exact arithmetic, sound and fast kernels."""
    gpus = list(range(torch.cuda.device_count())) if feed.device.type == "cuda" else []
    # torch.compile has its own batch norm; several processes share theirs.
    packs = feed.place.size == 1 and not settings.compiled
    with (
        torch.random.fork_rng(devices=gpus),
        exact(),
        sound(model),
        packed(model, asked=packs),
        memory_kept(),
    ):
        yield


@contextmanager
def _enough_memory(feed: Feed) -> Iterator[None]:
    """In the block, a batch too large for the device raises an error that says which size to try."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        remedy = f"try batch_size {feed.batch_size // 2}" if feed.batch_size > 1 else "use a larger device"
        raise PrunekitError(
            f"{feed.device} has too little memory for a training step of {feed.batch_size} images: {remedy}"
        ) from error


def task_loss(
    task: str, outputs: Tensor | Mapping[str, Tensor], labels: Tensor, label_smoothing: float
) -> Tensor:
    """The weighted sum of the mean losses of a network's outputs: logits, or several by name (``out``, ``aux``)."""
    loss = TASKS[task].loss
    if isinstance(outputs, Tensor):
        outputs = {"out": outputs}
    parts = [
        WEIGHTS[name] * loss(logits, labels, label_smoothing=label_smoothing)
        for name, logits in outputs.items()
    ]
    return torch.stack(parts).sum()


def autocast(settings: TrainParams, device: torch.device) -> torch.autocast:
    """The forward precision of the settings; ``auto`` is bfloat16 on GPUs that support it."""
    has = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    wanted = settings.precision == "bfloat16" or (settings.precision == "auto" and has)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted)


class _Run:
    """One training in progress: its position and its state."""

    def __init__(self, model: nn.Module, network: nn.Module, feed: Feed, settings: TrainParams) -> None:
        self.model, self.feed, self.settings = model, feed, settings
        self.network = compiled(network) if settings.compiled else network
        self.log = LossLog(len(feed.examples), feed.steps_per_epoch, feed.device)
        self.step = 0
        self.kept: Arrays | None = None
        # The first batch of another size triggers another compilation, which a capture cannot contain.
        captured = can_be_captured(network, feed.device, feed.place) and not settings.compiled
        self._advance = Replayed(self._body, feed.device) if captured else self._body

    def begin(self, masks: Mapping[str, Tensor], start_epoch: int, saved: Saved | None) -> None:
        """Go to the first step, or to the position of ``saved``."""
        self.sgd = MaskedSgd(self.model, self.settings, masks)
        self.step = start_epoch * self.feed.steps_per_epoch
        if saved is not None:
            self._restore(saved)
        elif self.settings.keep_epoch == start_epoch:
            self.kept = to_arrays(self.model)

    @INTERRUPTION.deferred()
    def train(self, writer: Writer, bar: Bar) -> None:
        """Train the remaining epochs; the first may start in its middle."""
        steps = self.feed.steps_per_epoch
        for epoch in range(self.step // steps, self.settings.epochs):
            for batch in self.feed.epoch(epoch, self.step % steps):
                self._step(batch)
                bar.advance(batch.total, note=f"epoch {epoch + 1} of {self.settings.epochs}, {self.log.note}")
                if self.step % steps == 0:
                    self._end_epoch(epoch + 1)
                # Only once the losses are read: all processes read them, and one writes.
                if self._stopped() or (self.log.seen and writer.due):
                    writer.write(self._saved())
                    INTERRUPTION.obey()

    def _stopped(self) -> bool:
        """Whether to save this training and stop now; of several processes only the first does; the others notice."""
        if not INTERRUPTION.asked or self.feed.place.rank > 0:
            return False
        if self.feed.place.size == 1:
            self.log.look()
        return self.log.seen

    def _end_epoch(self, epochs_done: int) -> None:
        self.log.end_epoch()
        if self.settings.keep_epoch == epochs_done:
            self.kept = to_arrays(self.model)

    def _step(self, batch: Batch) -> None:
        torch.manual_seed(derived_seed(self.feed.seed, "step", self.step, self.feed.place.rank))
        self.sgd.set_rate(learning_rate(self.settings, self.step, self.feed.steps_per_epoch))
        self.log.add(self.step, self._advance(batch), batch.total)
        self.step += 1

    def _body(self, batch: Batch) -> Tensor:
        """Forward, backward and optimizer step, which a CUDA graph may capture; returns this process's loss."""
        with autocast(self.settings, self.feed.device):
            outputs = self.network(batch.images)
            loss = task_loss(self.feed.dataset.task, outputs, batch.labels, self.settings.label_smoothing)
        # The processes' gradients are averaged: a process with more images than the others counts for more.
        share = len(batch.labels) / batch.total
        self.sgd.step(loss * (share * self.feed.place.size))
        return loss.detach() * share

    def _saved(self) -> Saved:
        parts = {
            "model": to_arrays(self.model),
            "momentum": copied(self.sgd.momentum()),
            "kept": self.kept or {},
        }
        arrays = {name: array for prefix in parts for name, array in _prefixed(prefix, parts[prefix]).items()}
        return Saved(self.step, tuple(self.log.epochs), self.log.running, arrays)

    def _restore(self, saved: Saved) -> None:
        load_arrays(self.model, _of_prefix("model", saved.arrays))
        self.sgd.load_momentum(_of_prefix("momentum", saved.arrays))
        self.kept = _of_prefix("kept", saved.arrays) or None
        self.step, self.log.epochs, self.log.running = saved.step, list(saved.losses), saved.running


def _prefixed(prefix: str, arrays: Arrays) -> Arrays:
    return {f"{prefix}:{name}": array for name, array in arrays.items()}


def _of_prefix(prefix: str, arrays: Arrays) -> Arrays:
    start = f"{prefix}:"
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
