"""Pages of the docs as programs: the files that they give, and the commands that they show, run where a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(
    r"^```(?P<kind>\w+)(?: title=\"(?P<file>[^\"]+)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block: a file to write where it has a title, commands where it is a console."""

    kind: str
    file: str | None
    text: str


def blocks(page: Path, until: str = "") -> list[Block]:
    """The page's blocks, in order; with ``until``, those before the heading that begins so."""
    text = page.read_text(encoding="utf-8")
    text = text.partition(f"\n{until}")[0] if until else text
    return [Block(**found.groupdict()) for found in BLOCK.finditer(text)]


def commands(text: str) -> list[str]:
    """The commands of a console block: lines after ``$``, with those that continue them."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        elif found and (line.startswith("> ") or found[-1].endswith("\\")):
            found[-1] += "\n" + line.removeprefix("> ")
    return found


def run(
    page: Path, folder: Path, *, until: str = "", timeout: int = 600
) -> list[subprocess.CompletedProcess[str]]:
    """Do what the page says, in ``folder``: write its files, run its commands one after the other until one fails."""
    programs = folder / ".bin"
    programs.mkdir(exist_ok=True)
    for name, arguments in {"prunekit": "-m prunekit ", "python": ""}.items():
        shim = programs / name
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n')
        shim.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PRUNEKIT_DATA": str(folder / ".data"),
        "COLUMNS": "120",
    }
    environment.pop("PRUNEKIT_STORE", None)
    done = []
    for block in blocks(page, until):
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
        for command in commands(block.text) if block.kind == "console" else []:
            done.append(
                subprocess.run(
                    ["bash", "-o", "pipefail", "-ec", command],
                    cwd=folder,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=timeout,
                )
            )
            if done[-1].returncode:
                return done
    return done
