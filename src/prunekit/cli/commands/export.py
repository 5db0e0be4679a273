"""``export``: a stored network for use elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prunekit.cli.commands.steps import REQUIRED, settings_of
from prunekit.cli.flags import command, options, sub_app
from prunekit.cli.models import resolve_all
from prunekit.cli.output import emit
from prunekit.progress import SILENT
from prunekit.registry import Lazy
from prunekit.store.store import Store

OPEN_CONTEXT = Lazy("prunekit.steps.make:open_context")
EXPORT = Lazy("prunekit.steps.export:export")
ONE = Annotated[
    str, typer.Argument(metavar="MODEL", help="Key, unique prefix, or label.", show_default=False)
]
OUT = Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder to write.", show_default=False)]
SHRINK = Annotated[
    bool,
    typer.Option(
        "--shrink", help="Physically remove dead filters and channels instead of only masking them."
    ),
]
FORM = Annotated[
    str,
    typer.Option(
        "--format", metavar="safetensors|torch-export|onnx", help="File format to write.", show_default=True
    ),
]

export = sub_app()


def _export(**given: Any) -> None:
    chosen = options(given)
    (key,) = resolve_all(Store(chosen.store), [given["model"]])
    context = OPEN_CONTEXT(settings_of(chosen), SILENT)
    row = EXPORT(key, context, out=given["out"], shrink=given["shrink"], form=given["form"])
    emit([row], as_json=chosen.as_json)


command(
    export,
    _export,
    name="export",
    arguments={
        "model": (ONE, REQUIRED),
        "out": (OUT, REQUIRED),
        "shrink": (SHRINK, False),
        "form": (FORM, "safetensors"),
    },
    common=("store", "data", "threads", "as_json"),
    help="Write a network for use elsewhere: the weights or a program, config.json, and load.py, "
    "which opens them. With --shrink, dead filters and channels are removed, after a check "
    "of the logits on real test images.",
    examples=[
        "prunekit export retrain-3f --out small --shrink --format torch-export",
        "python small/load.py photo.jpg",
    ],
)
