"""Help pages at any width: commands and flags in named groups, names never truncated, each default shown once."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

from typer.core import TyperCommand, TyperGroup

FIRST, LAST = "Options", "Output"
# Groups not listed here come at 2, between these.
PLACES = {"Arguments": 0, FIRST: 1, "Run": 3, LAST: 4}
WIDEST, LEFT, INDENT = 100, 26, 2
COMMANDS_LEFT, LONGEST_HELP = 14, 1000


class Command(TyperCommand):
    """A command whose help page is laid out here."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Usage, what the command does, its flags by group, its examples."""
        formatter.write("\n".join(page(self, ctx, _columns())) + "\n")


class Group(TyperGroup):
    """A group of commands whose help page is laid out here."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Usage, what the group is for, its commands by panel, its flags, what else is to say."""
        formatter.write("\n".join(group_page(self, ctx, _columns())) + "\n")


def _columns() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST)


def page(command: Any, ctx: Any, width: int) -> Iterator[str]:
    """The lines of a help page that is ``width`` columns wide."""
    arguments = [names_of(param) for param in command.params if param.param_type_name == "argument"]
    usage = " ".join(["Usage:", ctx.command_path, "[OPTIONS]", *arguments])
    yield from textwrap.wrap(usage, width, subsequent_indent=" " * 7)
    yield ""
    yield from _wrapped(plain(command.help), width, INDENT)
    for panel, params in panels(command, ctx).items():
        yield ""
        yield heading(panel)
        for param in params:
            yield from entry(names_of(param), text_of(param), width)
    examples = [line for line in (command.epilog or "").split("\n\n") if line.strip()]
    if examples:
        yield ""
        yield heading(plain(examples[0]))
        for line in examples[1:]:
            yield from example(plain(line), width)


def example(line: str, width: int) -> Iterator[str]:
    """A command line; one that is too wide goes on in the next line, in a way that a shell takes."""
    whole = re.sub(r"(--[\w-]+) (?!-)", r"\1\0", line)  # a flag stays with its value
    how: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    lines = textwrap.wrap(whole, width - INDENT - 4, subsequent_indent=" " * 4, **how)
    for place, part in enumerate(lines):
        more = " \\" if place < len(lines) - 1 else ""
        yield f"{' ' * INDENT}{'' if place else '$ '}{part}{more}".replace("\0", " ")


def group_page(group: Any, ctx: Any, width: int) -> Iterator[str]:
    """The lines of a group's help page."""
    yield from textwrap.wrap(f"Usage: {ctx.command_path} COMMAND [OPTIONS]", width)
    yield ""
    yield from _wrapped(plain(group.help), width, INDENT)
    found: dict[str, list[Any]] = {}
    for name in group.list_commands(ctx):
        each = group.get_command(ctx, name)
        found.setdefault(str(getattr(each, "rich_help_panel", None) or "Commands"), []).append(each)
    for panel, commands in found.items():
        yield ""
        yield heading(panel)
        for each in commands:
            yield from entry(each.name, plain(each.get_short_help_str(LONGEST_HELP)), width, COMMANDS_LEFT)
    yield ""
    yield heading(FIRST)
    for param in group.get_params(ctx):
        yield from entry(names_of(param), text_of(param), width)
    for paragraph in filter(None, (group.epilog or "").split("\n\n")):
        yield ""
        yield from _wrapped(" ".join(paragraph.split()), width, 0)


def panels(command: Any, ctx: Any) -> dict[str, list[Any]]:
    """The parameters by group: arguments first, then what the step does, how it runs, what it prints."""
    found: dict[str, list[Any]] = {}
    for param in command.get_params(ctx):
        if not getattr(param, "hidden", False):
            argument = param.param_type_name == "argument"
            name = (
                "Arguments" if argument else LAST if param.name == "help" else param.rich_help_panel or FIRST
            )
            found.setdefault(name, []).append(param)
    return dict(sorted(found.items(), key=lambda item: PLACES.get(item[0], 2)))


def names_of(param: Any) -> str:
    """``--epochs INT``, ``--nesterov / --no-nesterov``, ``-q, --quiet``, or an argument's name."""
    if param.param_type_name == "argument":
        return str(param.metavar or param.name)
    names = ", ".join(sorted(param.opts, key=len))
    if param.secondary_opts:
        return f"{names} / {', '.join(param.secondary_opts)}"
    if param.is_flag:
        return names
    return f"{names} {param.metavar or 'TEXT'}"


def text_of(param: Any) -> str:
    """What a parameter means, and its default or that it is required."""
    text = plain(param.help)
    if param.param_type_name == "argument":
        return text
    if param.required:
        return f"{text} (required)"
    if isinstance(param.show_default, str):
        return f"{text} (default: {param.show_default})"
    silent = "(default" in text or not param.show_default or param.is_flag or param.default in (None, "", [])
    return text if silent else f"{text} (default: {param.default})"


def entry(names: str, text: str, width: int, at: int = LEFT) -> Iterator[str]:
    """The names on the left and the text on the right; names that are too long get their own line."""
    left = f"{' ' * INDENT}{names}"
    lines = list(_wrapped(text, width, INDENT + at)) or [""]
    if len(left) < INDENT + at - 1:
        yield left.ljust(INDENT + at) + lines[0].lstrip()
        yield from lines[1:]
    else:
        yield left
        yield from lines


def heading(text: str) -> str:
    """A group's name, bold on a terminal with colours."""
    return text if os.environ.get("NO_COLOR") else f"\x1b[1m{text}\x1b[0m"


def plain(text: str | None) -> str:
    """Text without the terminal's markup."""
    return re.sub(r"\[/?(?:dim|bold)\]", "", text or "").strip()


def _wrapped(text: str, width: int, indent: int) -> Iterator[str]:
    yield from textwrap.wrap(
        text, width, initial_indent=" " * indent, subsequent_indent=" " * indent, break_on_hyphens=False
    )
