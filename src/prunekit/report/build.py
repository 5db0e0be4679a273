"""Write a report: findings and their context in, a folder with a page, figures and tables out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prunekit.analysis.findings import FINDINGS
from prunekit.base import plotting  # noqa: F401 - before any module that draws
from prunekit.report.canvas import Panel, render
from prunekit.report.claims import CLAIMS_RULE, claims_table
from prunekit.report.comparison_tables import comparison_tables
from prunekit.report.figures import BODY, FIGURES, Figure, caption_of
from prunekit.report.folder import PAGE, TO_BE_DRAWN_AGAIN, digest_of, is_current, note_made_of, write_all
from prunekit.report.formats import Table, as_csv, csv_of, plain_table
from prunekit.report.latex import as_tex
from prunekit.report.page import Section, as_page
from prunekit.report.paper import paper_files
from prunekit.report.select import slug
from prunekit.report.study import Row, Study, read_study, with_pictures
from prunekit.report.tables import TABLES, compact
from prunekit.report.words import count

CLAIM = "claim"
MOST_PANELS = 12


def write_report(
    findings: Iterable[Mapping[str, Any]],
    context: Mapping[str, Any],
    out: Path,
    *,
    pictures: Callable[[Study], Mapping[str, Any]] = lambda study: {},
    formats: Sequence[str] = (),
    made_of: str = "",
) -> Path:
    """Write ``index.html``, ``figures/``, ``tables/`` and ``findings.json`` into ``out``; returns the page's path.

    ``findings`` are long rows (``prunekit.analysis.findings``), ``context`` is described in docs/report.md. Equal
    input writes equal bytes, and an existing report is not drawn again unless its pictures were missing.
    ``formats``: the file formats in which figures are also written at the widths of papers (``report.paper``).
    ``pictures`` returns a study's pictures (docs/report.md), only when a report is drawn: reading images takes seconds.
    ``made_of`` is a digest by which a later call knows, before it computes findings, that nothing has changed.
    Raises UsageError if ``out`` cannot be a folder.
    """
    study = read_study(findings, context)
    digest = digest_of([study, list(formats)])
    if is_current(out, digest):
        note_made_of(out, made_of)
        return out / PAGE
    study = with_pictures(study, pictures(study))
    known = (TO_BE_DRAWN_AGAIN, "") if study.lacks_pictures else (digest, made_of)
    write_all(out, dict(_contents(study, formats)), *known)
    return out / PAGE


def _contents(study: Study, formats: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    drawn = {name: _section(name, figure, study) for name, figure in FIGURES.items()}
    compared = study.of("comparison") and not study.of("prune-curve")
    left_out = [
        _why_not(FIGURES[name], study)
        for name, section in drawn.items()
        if not (section.drawings or (compared and not study.of(FIGURES[name].needs)))
    ]
    sections = [*(section for section in drawn.values() if section.drawings), *_others(study)]
    yield PAGE, as_page(study, sections, left_out).encode()
    yield "findings.json", _as_json(study.plain_rows)
    for finding, rows in study.findings.items():
        yield csv_of(finding), as_csv(rows).encode()
    for section in sections:
        yield from _files(section)
        for name, content in paper_files(section.name, section.panels, formats):
            yield f"figures/{name}", content


def _as_json(rows: Sequence[Row]) -> bytes:
    """A JSON array with a row per line."""
    lines = map(json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode, rows)
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def _files(section: Section) -> Iterator[tuple[str, bytes]]:
    for drawing in section.drawings:
        yield f"figures/{drawing.name}.svg", drawing.svg
    for table in section.tables:
        yield f"tables/{table.name}.tex", as_tex(table).encode()


def _section(name: str, figure: Figure, study: Study) -> Section:
    found = figure.panels(study) if study.of(figure.needs) else []
    panels = found[:MOST_PANELS]
    caption = f"{caption_of(figure, study)}{_left_out(figure, found)}" if panels else ""
    drawings = tuple(render(panel, _alt(figure, panel)) for panel in panels)
    made = [
        compact(f"{name}-{place}", spec, study) for place, spec in enumerate(TABLES.get(name, ()), start=1)
    ]
    tables = tuple(table for table in (*made, *WIDE.get(name, _none)(study)) if table)
    return Section(name, figure.title, caption, drawings, tables, name not in BODY, tuple(panels))


def _left_out(figure: Figure, panels: Sequence[Panel]) -> str:
    """What the drawn panels do not show, as sentences that follow the caption."""
    more = len(panels) - MOST_PANELS
    said = [f"{count(more, 'more panel')}: tables/{slug(figure.needs)}.csv has the rows."] if more > 0 else []
    said += dict.fromkeys(panel.left_out for panel in panels if panel.left_out)
    return "".join(f" {each}" for each in said)


def _alt(figure: Figure, panel: Panel) -> str:
    """What a panel shows, for its alternative text, without its main values and its caption."""
    return f"{figure.title}, {panel.title}." if panel.title else f"{figure.title}."


# Tables with many columns, in addition to those of one number.
WIDE: dict[str, Callable[[Study], Iterable[Table]]] = {"comparison": comparison_tables}


def _none(study: Study) -> Iterable[Table]:
    return ()


def _why_not(figure: Figure, study: Study) -> str:
    if study.of(figure.needs):
        return f"{figure.title}: {figure.why(study) or 'nothing to draw in its findings'}."
    return f"{figure.title}: there are no {figure.needs} findings."


def _others(study: Study) -> Iterator[Section]:
    """The paper's claims, then findings that no figure or compact table shows, row by row."""
    claims = study.of(CLAIM)
    if claims:
        table = claims_table(claims)
        yield Section("claims", table.title, CLAIMS_RULE, tables=(table,), appendix=True)
    shown = {CLAIM, *(figure.needs for figure in FIGURES.values())}
    shown |= {finding for specs in TABLES.values() for spec in specs for finding in spec.findings}
    for finding, rows in study.findings.items():
        if finding not in shown:
            title, meaning = _title_and_meaning(finding)
            table = plain_table(slug(finding), rows, title)
            name = f"finding-{slug(table.title)}"
            yield Section(name, table.title, meaning, tables=(table,), appendix=True)


def _title_and_meaning(finding: str) -> tuple[str, str]:
    """Both empty for a finding of a plugin."""
    if finding not in FINDINGS:
        return "", ""
    known = FINDINGS[finding]
    return known.title, known.meaning
