"""The root command: a table of commands that are imported when they are called, and errors on one line."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from types import TracebackType
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand

import prunekit
from prunekit.base.environment import switched_on, warn_of_unknown
from prunekit.base.interruption import LIFELINE, SIGNALS, ignore, install, tie_to_parent
from prunekit.cli import INTERRUPTED
from prunekit.cli.help import Group
from prunekit.cli.streams import clean, settle, show_warning, speak_utf8
from prunekit.errors import UsageError, foreseen, reason, unknown


class Entry(NamedTuple):
    """A command: its Typer app (``module:attribute``), and its line and panel on the help page."""

    target: str
    help: str
    panel: str


START, STEPS, FINDINGS, STUDIES, STORE = "Start", "Steps", "Findings", "Studies", "Store and tables"

COMMANDS: dict[str, Entry] = {
    "quickstart": Entry("start:quickstart", "Run a whole study on handwritten digits, in minutes.", START),
    "doctor": Entry("start:doctor", "Check versions, devices, data and store.", START),
    "train": Entry("steps:train", "Train a new network.", STEPS),
    "import": Entry("bring:bring", "Import a network trained elsewhere into the store.", STEPS),
    "outcomes": Entry("outcomes:app", "Import predictions made elsewhere, export outcomes.", STEPS),
    "prune": Entry("steps:prune", "Remove weights or filters of a stored network.", STEPS),
    "retrain": Entry("steps:retrain", "Train a pruned network again with fixed masks.", STEPS),
    "export": Entry("export:export", "Write a network for use elsewhere, optionally smaller.", STEPS),
    "similarity": Entry(
        "similarity:similarity", "Measure how close networks are to their parent, under noise.", FINDINGS
    ),
    "features": Entry(
        "features:features", "Find the pixels that predictions rely on, and whether they transfer.", FINDINGS
    ),
    "potential": Entry(
        "potential:potential", "Find how far a network can be pruned on each distribution.", FINDINGS
    ),
    "power": Entry("power:power", "Compute how many images, seeds and ratios a verdict needs.", FINDINGS),
    "compare": Entry(
        "compare:compare_", "Compare networks with their parent: verdicts, or a gate.", FINDINGS
    ),
    "report": Entry("report:report", "Write findings as one page, figures, tables and JSON.", FINDINGS),
    "run": Entry("run:run", "Run a recipe: compute what is missing, then report.", STUDIES),
    "status": Entry("run:status", "Show which results of a recipe exist and which are missing.", STUDIES),
    "recipe": Entry("recipes:app", "Write, check and explain recipes.", STUDIES),
    "ls": Entry("store:ls_", "List the models in the store.", STORE),
    "show": Entry("show:show", "Show one model: lineage, size, cost, measurements.", STORE),
    "verify": Entry("store:verify", "Check every byte of the store and list damaged files.", STORE),
    "rm": Entry("store:rm", "Remove networks and what was made from them.", STORE),
    "gc": Entry("store:gc", "Remove files that crashes left behind.", STORE),
    "data": Entry("data:app", "Get data sets, and see which are available.", STORE),
    "list": Entry("tables:list_", "List methods, data sets, architectures, corruptions, ...", STORE),
    "schema": Entry("tables:schema", "Print the JSON Schema of steps, findings and recipes.", STORE),
}


# What people type for something that is called otherwise.
MEANT = {
    "gate": "compare --gate",
    "evaluate": "compare",
    "resume": "run",
    "init": "recipe init",
    "validate": "recipe validate",
    "plot": "report",
    "remove": "rm",
    "delete": "rm",
    "clean": "gc",
}


class LazyGroup(Group):
    """Imports a command's module only to run it or to show its own help."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stub with the help line: enough for the help page and for completion."""
        if cmd_name not in COMMANDS:
            return None
        entry = COMMANDS[cmd_name]
        return TyperCommand(cmd_name, help=entry.help, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command; the error for a wrong name suggests the nearest one."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise unknown("command", args[0], COMMANDS, nearest=MEANT.get(args[0], ""))
        name, stub, rest = super().resolve_command(ctx, args)
        return name, load(str(name)) if stub is not None else stub, rest


def load(name: str) -> Any:
    """Import one command of the table."""
    module, _, attribute = COMMANDS[name].target.partition(":")
    found = getattr(import_module(f"prunekit.cli.commands.{module}"), attribute)
    command = typer.main.get_command(found)
    command.name = name
    return command


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=True,
)

EPILOG = """Environment: PRUNEKIT_STORE, PRUNEKIT_DATA, PRUNEKIT_OFFLINE, PRUNEKIT_DEBUG=1 (tracebacks), NO_COLOR.

Exit codes: 0 done, 1 a step failed, 2 wrong input, 3 a stored file is missing or damaged, 4 a gate did not pass,
130 interrupted.

Try: prunekit quickstart"""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"prunekit {prunekit.__version__}")
        raise typer.Exit


@app.callback(epilog=EPILOG)
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Prune neural networks, then measure what test accuracy hides."""


def main(args: list[str] | None = None) -> None:
    """Run the command line; every error is one line on stderr and a known exit code."""
    # Threads that spin while they wait starve each other on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    warnings.showwarning = show_warning
    try:
        if args is None:  # run as a process, not called from a test or a notebook
            _begin()
        code = app(args=args, prog_name="prunekit", standalone_mode=False)
        if code == INTERRUPTED:  # what Typer makes of a KeyboardInterrupt
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        for number in SIGNALS if args is None else ():
            ignore(number)
        alone = LIFELINE not in os.environ  # else the parent process reports it
        sys.exit(
            _say(
                "interrupted; finished results are kept; run the same command again to resume" * alone,
                INTERRUPTED,
            )
        )
    except (Exception, SystemExit) as error:
        # Typer turns a closed pipe into an exit.
        if any(isinstance(each, BrokenPipeError) for each in (error, error.__context__)):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.exit(1)
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help page
            sys.stdout.write(f"{getattr(error, 'message', '')}\n")
            sys.exit(2)
        if debugging():
            raise
        sys.exit(_say(*_line(error)))
    sys.exit(code if isinstance(code, int) else 0)


def _begin() -> None:
    """Set up this process for prunekit."""
    sys.excepthook = _excepthook
    # Write figures to files in the report's style, whatever backend or style the notebook, shell or home sets.
    os.environ |= {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}
    speak_utf8()
    settle()
    if LIFELINE not in os.environ:  # else the parent process has said it
        warn_of_unknown(os.environ)
    install()
    tie_to_parent()


def debugging() -> bool:
    """Whether tracebacks are requested; an invalid value requests none and hides no error."""
    try:
        return switched_on("PRUNEKIT_DEBUG")
    except UsageError:
        return False


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A second Ctrl-C while the first is being reported adds no traceback."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def _line(error: BaseException) -> tuple[str, int]:
    """The message for an error, and the exit code."""
    known = foreseen(error)
    if known is not None:
        return reason(error), known.exit_code
    if type(error).__name__ == "Abort":
        return "interrupted", INTERRUPTED
    if hasattr(error, "format_message"):  # the command line itself is wrong
        return f"{error.format_message()}{_usage(error)}", 2
    return f"{reason(error)} (PRUNEKIT_DEBUG=1 shows the traceback)", 1


def _usage(error: Any) -> str:
    context = getattr(error, "ctx", None)
    return f" (see `{context.command_path} --help`)" if context is not None else ""


def _say(text: str, code: int) -> int:
    if text:
        sys.stderr.write(f"prunekit: {clean(' '.join(text.split()))}\n")
    return code
