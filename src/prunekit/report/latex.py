"""Compact tables as LaTeX: a complete ``table`` with booktabs rules, siunitx columns and threeparttable notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from prunekit.report.formats import Footnote, Number, Table
from prunekit.report.words import MISSING, sentence

# Replacements for characters that LaTeX reads as commands or that its fonts may lack.
TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "[": "{[}",  # after a line break it would be read as an option
        "]": "{]}",
        "\u00a0": "~",
        "±": r"$\pm$",
        "–": "--",
        "−": "$-$",
        "→": r"$\to$",
        "≥": r"$\geq$",
        "≤": r"$\leq$",
        "×": r"$\times$",
        "δ": r"$\delta$",
        "ε": r"$\varepsilon$",
        "ℓ": r"$\ell$",
        "…": r"\dots{}",
        "†": r"\dag{}",
        "‡": r"\ddag{}",
        "§": r"\S{}",
        "¶": r"\P{}",
    }
)
PACKAGES = r"\usepackage{array,adjustbox,booktabs,siunitx,threeparttable}"
# Columns with text cells longer than this are wrapped and share the width of the text.
LONGEST_WORDS = 40


class Column(NamedTuple):
    """How a table column is typeset: its specification, how many columns it spans, and the cells below its heading."""

    spec: str
    span: int
    cells: tuple[str, ...]


def as_tex(table: Table) -> str:
    """The table as a ``table`` environment with its caption and label, no wider and no higher than the text."""
    columns = _columns(table)
    specs = "".join(column.spec for column in columns)
    rows = (" & ".join(cells) + r" \\" for cells in zip(*(column.cells for column in columns), strict=True))
    return "\n".join(
        [
            f"% Needs {PACKAGES}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escaped(sentence(table.title))}}}",
            rf"\label{{tab:{table.name}}}",
            r"\begin{adjustbox}{max width=\linewidth, max totalheight=0.8\textheight}",
            r"\begin{threeparttable}",
            rf"\begin{{tabular}}{{{specs}}}",
            r"\toprule",
            " & ".join(_heading(text, column) for text, column in zip(table.head, columns, strict=True))
            + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *_notes(table),
            r"\end{threeparttable}",
            r"\end{adjustbox}",
            r"\end{table}",
            "",
        ]
    )


def _columns(table: Table) -> list[Column]:
    cells = [[row[place] for row in table.body] for place in range(len(table.head))]
    long = sum(_is_long(column) for column in cells)
    return [_column(column, place in table.words or not place, long) for place, column in enumerate(cells)]


def _column(cells: Sequence[str], words: bool, long: int) -> Column:
    """One column: numbers aligned at the decimal point, with intervals and marks beside them, or text."""
    numbers = [cell for cell in cells if isinstance(cell, Number)]
    if numbers and all(isinstance(cell, Number) or cell == MISSING for cell in cells):
        return _of_numbers(cells, numbers)
    text = tuple(_escaped(cell) for cell in cells)
    if _is_long(cells):
        return Column(rf">{{\raggedright\arraybackslash}}p{{{0.8 / long:.2f}\linewidth}}", 1, text)
    return Column("l" if words else "r", 1, text)


def _of_numbers(cells: Sequence[str], numbers: Sequence[Number]) -> Column:
    values = [_plain(number.value) for number in numbers]
    sign = "-" if any(value.startswith("-") for value in values) else ""
    parts = [value.lstrip("-").partition(".") for value in values]
    whole, places = max(len(left) for left, _, _ in parts), max(len(right) for _, _, right in parts)
    spec = f"S[table-format={sign}{whole}.{places}]"
    beside = any(number.spread or number.marks for number in numbers)
    set_ = [_number(cell, beside) for cell in cells]
    return Column(f"{spec}@{{\\,}}l" if beside else spec, 2 if beside else 1, tuple(set_))


def _number(cell: str, beside: bool) -> str:
    value = _plain(cell.value) if isinstance(cell, Number) else f"{{{_escaped(cell)}}}"
    if not beside:
        return value
    if not isinstance(cell, Number):
        return f"{value} & "
    mark = rf"\tnote{{{_escaped(cell.marks)}}}" if cell.marks else ""
    return f"{value} & {_escaped(cell.spread)}{mark}"


def _plain(number: str) -> str:
    """The number as siunitx reads it."""
    return number.replace("−", "-")


def _is_long(cells: Iterable[str]) -> bool:
    return any(len(cell) > LONGEST_WORDS for cell in cells)


def _heading(text: str, column: Column) -> str:
    if column.span > 1:
        return rf"\multicolumn{{{column.span}}}{{c}}{{{_escaped(text)}}}"
    return f"{{{_escaped(text)}}}"


def _notes(table: Table) -> Iterator[str]:
    """The notes below the table: what its marks mean, how to read it, what its numbers are based on."""
    said = [note for note in (*table.notes, table.basis) if note]
    if said:
        items = (_note(note) for note in said)
        yield from chain((r"\begin{tablenotes}", r"\footnotesize"), items, (r"\end{tablenotes}",))


def _note(note: str) -> str:
    if isinstance(note, Footnote):
        return rf"\item[{{{_escaped(note.mark)}}}] {_escaped(note.text)}"
    return rf"\item {_escaped(note)}"


def _escaped(text: str) -> str:
    return text.translate(TEX)
