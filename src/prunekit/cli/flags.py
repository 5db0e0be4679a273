"""Flags made from a params class: one declaration feeds flag, recipe field, key, schema and docs.

Every flag arrives as text and is validated by the params class, so that a wrong value gives the same one-line error
in a terminal and in a recipe.
"""

from __future__ import annotations

import inspect
import tomllib
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from typer.models import ParameterInfo

from prunekit.base.environment import default_data, default_store
from prunekit.cli.completion import offers
from prunekit.cli.help import Command, Group
from prunekit.errors import UsageError
from prunekit.params import Params
from prunekit.params.bounds import MOST_WORKERS
from prunekit.steps.settings import gpu_number

TYPE_NAMES = {int: "INT", float: "FLOAT", str: "TEXT", bool: "BOOL", Path: "PATH"}


class Options(NamedTuple):
    """The options common to every command that makes something."""

    store: Path
    data: Path
    device: str
    threads: int
    jobs: int
    as_json: bool
    quiet: bool
    force: bool
    label: str | None


def _option(*names: str, help: str, panel: str = "Run", **more: Any) -> Any:  # noqa: A002 - typer's own word
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False, **more)


STORE = Annotated[
    Path, _option("--store", help="Folder of results (PRUNEKIT_STORE; .prunekit/store).", metavar="DIR")
]
DATA = Annotated[
    Path, _option("--data", help="Folder of data sets (PRUNEKIT_DATA; ~/.cache/prunekit).", metavar="DIR")
]
JSON = Annotated[
    bool, _option("--json", help="Print JSON lines on stdout even on a terminal.", panel="Output")
]
QUIET = Annotated[bool, _option("-q", "--quiet", help="Print only keys on stdout.", panel="Output")]
GROUPS = Annotated[
    Path | None,
    typer.Option(
        "--groups",
        metavar="FILE.csv",
        help="Groups of images: a CSV file with columns `file,camera,...` (default: groups.csv in an "
        "image folder).",
        show_default=False,
    ),
]


COMMON: dict[str, tuple[Any, Any]] = {
    "store": (STORE, None),
    "data": (DATA, None),
    "device": (Annotated[str, _option("--device", help="cpu, cuda, cuda:1 ... (default: cpu).")], "cpu"),
    "threads": (
        Annotated[
            int,
            _option(
                "--threads", min=0, max=MOST_WORKERS, help="CPU threads per step (default: as torch chooses)."
            ),
        ],
        0,
    ),
    "jobs": (
        Annotated[
            int,
            _option(
                "--jobs",
                min=1,
                max=MOST_WORKERS,
                help="Number of worker processes (default: 1, this process).",
            ),
        ],
        1,
    ),
    "force": (Annotated[bool, _option("--force", help="Recompute existing results.")], False),
    "label": (
        Annotated[str | None, _option("--label", help="Label for the result.", metavar="NAME")],
        None,
    ),
    "as_json": (JSON, False),
    "quiet": (QUIET, False),
}
STEP_OPTIONS = ("store", "data", "device", "threads", "force", "label", "as_json", "quiet")
FINDING_OPTIONS = ("store", "data", "device", "threads", "jobs", "force", "as_json")


def sub_app(**more: Any) -> typer.Typer:
    """The app of a command or of a group of commands; only the root installs completion."""
    return typer.Typer(add_completion=False, cls=Group, **more)


def options(given: dict[str, Any]) -> Options:
    """Take the common options out of a command's arguments."""
    taken = {name: given.pop(name, COMMON[name][1]) for name in Options._fields}
    taken["store"] = taken["store"] or default_store()
    taken["data"] = taken["data"] or default_data()
    gpu_number(taken["device"])
    return Options(**taken)


def field_flag(name: str, field: FieldInfo, panel: str | None = None) -> tuple[Any, Any]:
    """The annotation and default of the flag of one field; ``panel`` is its group on the help page."""
    flag, help_text = "--" + name.replace("_", "-"), _help(field)
    more: dict[str, Any] = {"help": help_text, "show_default": False, "rich_help_panel": panel}
    if field.annotation is bool:
        return Annotated[bool | None, typer.Option(f"{flag}/--no-{flag[2:]}", **more)], None
    option = typer.Option(flag, metavar=metavar(field.annotation), **more)
    return (
        (Annotated[str, option], inspect.Parameter.empty)
        if field.is_required()
        else (Annotated[str | None, option], None)
    )


def panel_of(cls: type[Params], name: str) -> str:
    """The group of a field: the panel of the class that declares it."""
    declares = next(base for base in cls.__mro__ if name in inspect.get_annotations(base))
    return str(vars(declares).get("panel", Params.panel))


def _finished(name: str, annotation: Any) -> Any:
    """The annotation of a parameter, with the type of its value and its completion filled in."""
    kind, *more = get_args(annotation)
    for info in more:
        if isinstance(info, ParameterInfo):
            if info.metavar is None and metavar(kind) != "BOOL":
                info.metavar = metavar(kind)
            info.autocompletion = info.autocompletion or offers(name)
    return annotation


def _help(field: FieldInfo) -> str:
    text = field.description or ""
    if field.is_required() or field.default is None:
        return text
    default = field.default
    shown = (
        ",".join(map(str, default))
        if isinstance(default, tuple)
        else str(default).lower()
        if isinstance(default, bool)
        else default
    )
    return f"{text} [dim](default: {shown})[/dim]"


def metavar(annotation: Any) -> str:
    """A type as the help page names it: INT, FLOAT, TEXT, a|b|c, or INT,INT,..."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return metavar(args[0])
    if origin in (Union, types.UnionType):
        return metavar(next(arg for arg in args if arg is not type(None)))
    if origin is Literal:
        return "|".join(map(str, args))
    if origin is tuple:
        return f"{metavar(args[0])},..."
    return TYPE_NAMES.get(annotation, "TEXT")


def read_fields(cls: type[Params], given: dict[str, Any]) -> dict[str, Any]:
    """The fields that were set, with lists split at commas."""
    chosen = {name: value for name, value in given.items() if name in cls.model_fields and value is not None}
    return {name: _split(value) if _is_list(cls, name) else value for name, value in chosen.items()}


def named_values(texts: Sequence[str]) -> dict[str, Any]:
    """Strings of the form ``NAME=VALUE`` as a table; a value that does not parse as TOML is a string."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or name.strip() in found:
            raise UsageError(f"--option {text!r}: write NAME=VALUE with each name once, such as --option n=2")
        try:
            found[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[name.strip()] = value
    return found


def _is_list(cls: type[Params], name: str) -> bool:
    return metavar(cls.model_fields[name].annotation).endswith(",...")


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _parameter(key: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def command(
    app: typer.Typer,
    handler: Callable[..., None],
    *,
    name: str,
    fields: Sequence[type[Params]] = (),
    without: Sequence[str] = (),
    arguments: dict[str, tuple[Any, Any]] | None = None,
    common: Sequence[str] = STEP_OPTIONS,
    help: str,  # noqa: A002 - typer's own word
    examples: Sequence[str] = (),
) -> None:
    """Register ``handler(**given)`` with flags from params classes, its own ``arguments`` and common options."""
    declared: dict[str, tuple[Any, Any]] = dict(arguments or {})
    for cls in fields:
        for field, info in cls.model_fields.items():
            if field not in without and field not in declared:
                declared[field] = field_flag(field, info, panel_of(cls, field))
    declared |= {option: COMMON[option] for option in common}
    declared |= {option: (COMMON[option][0], None) for option in ("store", "data") if option in common}

    def run(**given: Any) -> None:
        handler(**given)

    required_first = sorted(declared.items(), key=lambda item: item[1][1] is not inspect.Parameter.empty)
    finished = {key: (_finished(key, annotation), default) for key, (annotation, default) in required_first}
    run.__signature__ = inspect.Signature([_parameter(key, *each) for key, each in finished.items()])  # type: ignore[attr-defined]
    run.__annotations__ = {key: annotation for key, (annotation, _) in finished.items()}
    run.__doc__ = help
    epilog = (
        "\n\n".join(["[bold]Examples[/bold]", *(f"  {example}" for example in examples)])
        if examples
        else None
    )
    app.command(name, cls=Command, epilog=epilog, no_args_is_help=False)(run)
