"""``data get`` and ``data ls``: data sets on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prunekit.base.environment import offline
from prunekit.cli.flags import command, options, sub_app
from prunekit.cli.output import emit
from prunekit.cli.screen import screen
from prunekit.data.fetch import get, listing

COLUMNS = ("name", "there", "missing", "get", "source")

app = sub_app(no_args_is_help=True, help="Get data sets, and see which are available.")

NAME = Annotated[
    str, typer.Argument(metavar="NAME", help="Data set, such as cifar10 (see `prunekit data ls`).")
]
FROM = Annotated[
    Path | None, typer.Option("--from", metavar="PATH", help="Use a local copy instead of downloading.")
]


def _get(**given: Any) -> None:
    chosen = options(given)
    with screen() as progress:
        files = get(given["name"], chosen.data, source=given["source"], offline=offline(), progress=progress)
    emit(({"path": str(path)} for path in files), as_json=chosen.as_json)


def _ls(**given: Any) -> None:
    chosen = options(given)
    emit(listing(chosen.data), as_json=chosen.as_json, columns=COLUMNS)


command(
    app,
    _get,
    name="get",
    arguments={"name": (NAME, ...), "source": (FROM, None)},
    common=("data", "as_json"),
    help="Download a data set. Resumes an interrupted download, checks size and checksum before "
    "use, and unpacks into its own folder.",
    examples=["prunekit data get cifar10", "prunekit data get cifar10-c --from /media/disk/CIFAR-10-C.tar"],
)
command(
    app,
    _ls,
    name="ls",
    common=("data", "as_json"),
    help="Show which data sets are available, which files are missing, and how to get them.",
    examples=["prunekit data ls --json | jq 'select(.there | not) | .name'"],
)
