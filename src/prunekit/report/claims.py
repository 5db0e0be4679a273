"""The paper's claims as a table, and the rule that their verdicts follow."""

from __future__ import annotations

from collections.abc import Sequence

from prunekit.report.formats import Table, csv_of
from prunekit.report.study import Row, sort_by
from prunekit.report.words import name_of

CLAIMS_RULE = (
    "A claim is a list of comparisons that should all be above zero. It holds if all of "
    "their 95\u00a0% intervals are above zero. It does not hold if any interval stays below "
    "zero after the correction for their number. Otherwise this study cannot tell."
)


def claims_table(rows: Sequence[Row]) -> Table:
    """The paper's claims: verdict, evidence, and the interval that decides."""
    body = tuple(
        (
            name_of(row.get("claim")),
            name_of(row.get("text")),
            name_of(row.get("verdict")),
            name_of(row.get("evidence")),
        )
        for row in sort_by(rows, "claim")
    )
    return Table(
        "claims", "Claims of the paper", ("", "claim", "verdict", "evidence"), body, source=csv_of("claim")
    )
