"""``import``: a network trained elsewhere becomes an unpruned parent or a descendant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prunekit.cli.commands.steps import make_and_print
from prunekit.cli.flags import command, options, read_fields, sub_app
from prunekit.cli.models import resolve_all
from prunekit.errors import UsageError
from prunekit.params import ImportParams
from prunekit.registry import Lazy
from prunekit.steps.exported import read_folder
from prunekit.steps.table import check_names
from prunekit.store.store import Store

DEPOSIT = Lazy("prunekit.steps.deposit:deposit")
PRETRAINED = "pretrained"
FILE = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]",
        help="Weights (.safetensors; a state dict as .pt or .pth), a program (.pt2, .onnx), or a folder that "
        "`prunekit export` wrote.",
        show_default=False,
    ),
]
FETCH = Annotated[
    bool,
    typer.Option(
        "--pretrained",
        help="Download timm's trained weights instead of reading a file (needs an internet connection).",
    ),
]

bring = sub_app()


def _import(**given: Any) -> None:
    chosen, path, pretrained = options(given), given.pop("path"), given.pop("pretrained")
    if (path is None) != pretrained:
        raise UsageError("give either a weights file or --pretrained")
    fields = read_fields(ImportParams, given)
    if path is not None and path.is_dir():
        path, config = read_folder(path)
        fields = config | fields
    store = Store(chosen.store)
    if "parent" in fields:
        (fields["parent"],) = resolve_all(store, [fields["parent"]])
    check_names(ImportParams.read(fields | {"weights": PRETRAINED}))
    weights = PRETRAINED if pretrained else DEPOSIT(store, path)
    make_and_print([ImportParams.read(fields | {"weights": weights})], store, chosen)


command(
    bring,
    _import,
    name="import",
    fields=[ImportParams],
    without=["weights", "prune_ratio"],
    arguments={"path": (FILE, None), "pretrained": (FETCH, False)},
    help="Import a network made elsewhere and measure its test error with its own preprocessing. "
    "It becomes an unpruned parent, or with --parent the descendant of one. The schedule "
    "flags say how it and its descendants are retrained.",
    examples=[
        "prunekit import net.pt --arch resnet20 --dataset folder:photos --label mine --epochs 20 --lr 0.01",
        "prunekit import small.pt --parent mine --method movement --label small",
        "prunekit import net.safetensors --arch timm:resnet18 --dataset imagenet --expect-error 0.302",
        "prunekit import net.pt --arch module:nets:build --dataset cifar10 --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5",
        "prunekit import int8.onnx --parent mine --method int8 --label int8",
        "prunekit import --pretrained --arch timm:resnet18 --dataset imagenet --epochs 10",
    ],
)
