"""The table of a comparison: what changed besides the error, a row for each network and distribution."""

from __future__ import annotations

from collections.abc import Iterator

from prunekit.report.first_page import signed
from prunekit.report.formats import Table
from prunekit.report.study import Row, Study, sort_by
from prunekit.report.words import MISSING, name_of, percent, points

HEAD = (
    *(
        "network",
        "distribution",
        "error",
        "rise in points [95 %]",
        "agreement",
        "broken",
        "fixed",
        "KL (nats)",
        "ECE",
    ),
    *("worst class", "worst group", "n"),
)
RESTRICTED = "The images belong to only some of the classes, and the networks choose among these"


def comparison_tables(study: Study) -> Iterator[Table]:
    """One table; columns that no row fills are left out."""
    rows = sort_by(study.of("comparison"), "network", "distribution")
    if not rows:
        return
    body = [_cells(row) for row in rows]
    kept = [place for place in range(len(HEAD)) if any(cells[place] != MISSING for cells in body)]
    notes = [
        f"{RESTRICTED}: {', '.join(row['among'])} ({row['distribution']})."
        for row in rows
        if row.get("among")
    ]
    yield Table(
        "comparison",
        "Other changes besides the error",
        tuple(HEAD[place] for place in kept),
        tuple(tuple(cells[place] for place in kept) for cells in body),
        tuple(dict.fromkeys(notes)),
    )


def _cells(row: Row) -> tuple[str, ...]:
    kl, ece = row.get("kl"), (row.get("parent_ece"), row.get("ece"))
    return (
        name_of(row["network"]),
        name_of(row["distribution"]),
        f"{percent(row['parent_error'], 2)} → {percent(row['error'], 2)}",
        f"{signed(row['value'])} [{signed(row['low'])}, {signed(row['high'])}]",
        percent(row["agreement"], 2) if row.get("agreement") is not None else MISSING,
        *(MISSING if row.get(name) is None else f"{row[name]:,}" for name in ("broken", "fixed")),
        MISSING if kl is None else f"{kl:.3g}",
        MISSING if None in ece else f"{percent(ece[0], 1)} → {percent(ece[1], 1)}",
        worst(row, "class"),
        worst(row, "group"),
        f"{row['n']:,}",
    )


def worst(row: Row, kind: str) -> str:
    """The class or group whose error rises most, and by how much."""
    name = row.get(f"worst_{kind}")
    return MISSING if name is None else f"{name} ({points(row[f'worst_{kind}_rise'])})"
