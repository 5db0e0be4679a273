"""The file formats of figures for papers, read from a command line before anything that draws is imported."""

from __future__ import annotations

from prunekit.errors import UsageError

FORMAT_NAMES = ("svg", "pdf", "png")


def read_formats(text: str) -> tuple[str, ...]:
    """The formats of a list with commas, in the order of the table; :class:`UsageError` for any other name."""
    asked = {each.strip().lower() for each in text.split(",") if each.strip()}
    unknown = sorted(asked - set(FORMAT_NAMES))
    if unknown:
        raise UsageError(
            f"--formats {unknown[0]} is not a figure format: use some of {', '.join(FORMAT_NAMES)}"
        )
    return tuple(name for name in FORMAT_NAMES if name in asked)
