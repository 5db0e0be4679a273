"""``import``: a trained network of the user's own becomes an unpruned parent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prunekit.cli.commands.steps import make_and_print
from prunekit.cli.flags import command, options, read_fields, sub_app
from prunekit.errors import UsageError
from prunekit.params import ImportParams
from prunekit.registry import Lazy
from prunekit.steps.check import check_names
from prunekit.store.store import Store

DEPOSIT = Lazy("prunekit.steps.bring:deposit")
PRETRAINED = "pretrained"
FILE = Annotated[
    Path | None,
    typer.Argument(metavar="[WEIGHTS.safetensors]", help="State dict as safetensors.", show_default=False),
]
FETCH = Annotated[
    bool, typer.Option("--pretrained", help="timm's trained weights instead (needs a network).")
]

bring = sub_app()


def _import(**given: Any) -> None:
    chosen, path, pretrained = options(given), given.pop("path"), given.pop("pretrained")
    if (path is None) != pretrained:
        raise UsageError("name a weights file, or --pretrained: one of the two")
    fields = read_fields(ImportParams, given)
    check_names(ImportParams.read(fields | {"weights": PRETRAINED}))
    store = Store(chosen.store)
    weights = PRETRAINED if pretrained else DEPOSIT(store, path)
    make_and_print([ImportParams.read(fields | {"weights": weights})], store, chosen)


command(
    bring,
    _import,
    name="import",
    fields=[ImportParams],
    without=["weights"],
    arguments={"path": (FILE, None), "pretrained": (FETCH, False)},
    help="Bring a trained network of your own into the store as an unpruned parent, measured on arrival. The schedule "
    "flags say how its pruned descendants are retrained.",
    examples=[
        "prunekit import net.safetensors --arch resnet20 --dataset folder:photos --label mine --epochs 20 --lr 0.01",
        "prunekit import --pretrained --arch timm:resnet18 --dataset imagenet --epochs 10",
        "prunekit import net.safetensors --arch module:mypackage.nets:build --dataset cifar10",
    ],
)
