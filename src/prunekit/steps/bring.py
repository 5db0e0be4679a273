"""Bring a trained network of the user's own into the store as an unpruned parent, measured on arrival."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from prunekit.errors import StoreError, UsageError
from prunekit.models.archs import build
from prunekit.models.state import Arrays, copied, load_arrays
from prunekit.params import ImportParams
from prunekit.steps.context import Context, dataset, save
from prunekit.store.archive import write_bytes
from prunekit.store.store import Store

PRETRAINED = "pretrained"
SHA256 = "sha256:"


def deposit(store: Store, path: Path) -> str:
    """Copy a weights file beside the store's models; returns its digest, which names it from now on."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the weights {path}: {error.strerror}") from None
    _tensors(data, path)
    digest = hashlib.sha256(data).hexdigest()
    if not _place(store, digest).exists():
        write_bytes(_place(store, digest), data)
    return SHA256 + digest


def _place(store: Store, digest: str) -> Path:
    return store.root / "imports" / f"{digest}.safetensors"


def _tensors(data: bytes, path: Path) -> dict[str, Tensor]:
    try:
        return dict(load_safetensors(data))
    except SafetensorError as error:
        raise UsageError(f"{path} is not a safetensors file: {error}") from None


def run(batch: Sequence[ImportParams], context: Context) -> None:
    """Import every network of the batch."""
    for params in batch:
        opened = dataset(params.dataset, context.data)
        classes = len(opened.classes)
        if params.weights == PRETRAINED:
            model = _pretrained(params.arch, classes)
        else:
            model = build(params.arch, classes=classes)
            load_arrays(model, _deposited(context.store, params.weights.removeprefix(SHA256)))
        save(context, params, model.to(context.device), masks={})


def _deposited(store: Store, digest: str) -> Arrays:
    path = _place(store, digest)
    if not path.exists():
        raise StoreError(
            f"the weights {digest[:16]} are not in the store: no file {path} (import the file again)"
        )
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise StoreError(f"the weights {digest[:16]} are damaged: {path} (import the file again)")
    return copied(_tensors(data, path))


def _pretrained(arch: str, classes: int) -> nn.Module:
    """timm's trained weights; timm draws a new last layer where its classes differ, so they must not."""
    from timm import create_model

    door, _, name = arch.partition(":")
    if door != "timm":
        raise UsageError(f"--pretrained goes through timm: name the architecture as timm:NAME, not {arch!r}")
    if os.environ.get("PRUNEKIT_OFFLINE") == "1":
        raise UsageError("--pretrained needs a network connection, and PRUNEKIT_OFFLINE=1 forbids one")
    model: nn.Module = create_model(name, pretrained=True)
    found = getattr(model, "num_classes", None)
    if found != classes:
        raise UsageError(f"{arch} was trained on {found} classes, the data set has {classes}")
    return model
