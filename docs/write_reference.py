"""Write docs/cli.md from the commands, and a page from the notebook; ``--check`` says whether they are current."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from prunekit.cli.app import COMMANDS, EPILOG, load
from prunekit.cli.help import plain
from prunekit.params import STEPS, ReportParams

DOCS = Path(__file__).parent
NOTEBOOK = DOCS / "how-to" / "notebook.ipynb"
HEAD = """# The command line

*Written by `docs/write_reference.py` from the commands themselves; `make docs` checks that it is current.*

`MODEL` is a key, a unique prefix of one, a label given with `--label`, or `-`: keys on stdin, one per line, or JSON
objects with a `key`, so that steps pipe. stdout carries data only: one JSON object a line when it is not a terminal or
with `--json`, a table on a terminal, keys alone with `-q`. Progress, logs and hints go to stderr.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its full name, those of groups too."""
    for name in COMMANDS:
        found = load(name)
        nested = getattr(found, "commands", None)
        if nested is None:
            yield name, found
        else:
            yield from ((f"{name} {inner}", command) for inner, command in nested.items())


def escaped(text: str) -> str:
    """A metavar such as a|b inside a Markdown table."""
    return text.replace("|", "\\|")


def section(name: str, command: Any) -> Iterator[str]:
    """One command: what it does, its flags, its examples."""
    yield f"\n## prunekit {name}\n\n{plain(command.help)}\n\n| flag | value | |\n|---|---|---|"
    for param in command.params:
        if param.name == "help":
            continue
        option = param.param_type_name == "option"
        names = (
            ", ".join(f"`{each}`" for each in (*param.opts, *param.secondary_opts))
            if option
            else f"`{param.metavar}`"
        )
        value = escaped(param.metavar or "") if option else ""
        yield f"| {names} | {value} | {escaped(plain(param.help))} |"
    examples = [plain(line) for line in (command.epilog or "").split("\n\n")[1:]]
    if examples:
        yield "\n```console\n" + "\n".join(f"$ {example}" for example in examples) + "\n```"


def fields() -> Iterator[str]:
    """The fields of every step: flags, recipe fields and keys alike."""
    yield (
        "\n# Fields of the steps\n\n"
        "The same in recipes and as flags (`weight_decay` is `--weight-decay`). Defaults are not part of a key.\n"
    )
    for kind, cls in {**STEPS, "report": ReportParams}.items():
        yield f"\n## {kind}\n\n{(cls.__doc__ or '').splitlines()[0]}\n\n| field | default | |\n|---|---|---|"
        for name, field in cls.model_fields.items():
            default = "required" if field.is_required() else f"`{field.default}`"
            yield f"| `{name}` | {default} | {escaped(plain(field.description))} |"


def page() -> str:
    """The whole page."""
    lines = [
        HEAD,
        EPILOG,
        *(line for name, command in commands() for line in section(name, command)),
        *fields(),
    ]
    return "\n".join(lines) + "\n"


def notebook() -> str:
    """The notebook as a page: its cells, without outputs."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    title, *rest = (("".join(cell["source"]), cell["cell_type"] == "code") for cell in cells)
    link = f"[{NOTEBOOK.name}]({NOTEBOOK.name})"
    origin = f"*This page is the notebook {link}, which the tests run: download it, or copy its cells.*"
    shown = [f"```python\n{text}\n```" if code else text for text, code in rest]
    head, _, body = title[0].partition("\n")
    return "\n\n".join([head, origin, body.strip(), *shown]) + "\n"


WRITTEN: dict[Path, Callable[[], str]] = {
    DOCS / "cli.md": page,
    DOCS / "how-to" / "in-a-notebook.md": notebook,
}


def main() -> int:
    """Write or check; the exit code says whether all is well."""
    if "--check" not in sys.argv:
        for path, text in WRITTEN.items():
            path.write_text(text(), encoding="utf-8")
        return 0
    old = [
        path
        for path, text in WRITTEN.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text()
    ]
    for path in old:
        print(f"{path.name} is not current: run `.venv/bin/python docs/write_reference.py`", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
