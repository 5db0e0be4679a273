"""Write a report: findings and their context in, a folder with a page, figures and tables out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prunekit.errors import UsageError
from prunekit.report.canvas import render
from prunekit.report.figures import FIGURES, Figure, caption_of
from prunekit.report.page import Section, as_page
from prunekit.report.select import slug
from prunekit.report.study import Study, read_study, split
from prunekit.report.tables import TABLES, as_csv, as_tex, compact, plain_table


def write_report(findings: Iterable[Mapping[str, Any]], context: Mapping[str, Any], out: Path) -> Path:
    """Write ``index.html``, ``figures/``, ``tables/`` and ``findings.json`` into ``out``; returns the page's path.

    ``findings`` are long rows (docs/findings.md), ``context`` is described in docs/report.md. Equal input writes
    equal bytes. Files of an earlier report that this one does not write are left alone, save those of the report's
    own two folders that the earlier report listed. Raises UsageError where ``out`` is not a folder.
    """
    study = read_study(findings, context)
    sections, left_out = _sections(study)
    contents = dict(_files(study, sections))
    page = as_page(study, sections, left_out)
    _check_folder(out)
    for place, content in sorted(contents.items()):
        _write(out / place, content)
    _write(out / "index.html", page.encode())
    return out / "index.html"


def _sections(study: Study) -> tuple[list[Section], list[str]]:
    drawn = {name: _section(name, figure, study) for name, figure in FIGURES.items()}
    sections = [section for section in drawn.values() if section.drawings]
    left_out = [_why_not(name, study) for name, section in drawn.items() if not section.drawings]
    return [*sections, *_others(study)], left_out


def _section(name: str, figure: Figure, study: Study) -> Section:
    panels = figure.panels(study) if study.of(figure.needs) else []
    if not panels:
        return Section(name, figure.title)
    caption = caption_of(figure, study)
    drawings = tuple(render(panel, f"{figure.title}: {panel.name}. {caption}") for panel in panels)
    found = [compact(_table_name(name, index), spec, study) for index, spec in enumerate(TABLES[name])]
    return Section(name, figure.title, caption, drawings, tuple(table for table in found if table))


def _table_name(name: str, index: int) -> str:
    return f"{name}-{index + 1}" if index else name


def _why_not(name: str, study: Study) -> str:
    figure = FIGURES[name]
    why = (
        "none of its findings holds a number"
        if study.of(figure.needs)
        else f"no findings of the kind {figure.needs}"
    )
    return f"{figure.title}: {why}."


def _others(study: Study) -> Iterator[Section]:
    """Findings that no figure or table shows, as they are; the paper's claims among them."""
    shown = {figure.needs for figure in FIGURES.values()}
    shown |= {finding for specs in TABLES.values() for spec in specs for finding in spec.findings}
    for finding, rows in split(study.rows, "finding").items():
        if finding not in shown:
            table = plain_table(slug(finding), rows)
            yield Section(f"finding-{table.name}", TITLES.get(finding, table.title), tables=(table,))


TITLES = {"claim": "Claims of the paper"}


def _files(study: Study, sections: Sequence[Section]) -> Iterator[tuple[str, bytes]]:
    yield (
        "findings.json",
        (json.dumps(study.rows, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode(),
    )
    for finding, rows in split(study.rows, "finding").items():
        yield f"tables/{slug(finding)}.csv", as_csv(rows).encode()
    for section in sections:
        for drawing in section.drawings:
            yield f"figures/{drawing.name}.svg", drawing.svg
            yield f"figures/{drawing.name}.pdf", drawing.pdf
        for table in section.tables:
            yield f"tables/{table.name}.tex", as_tex(table).encode()


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"the report's place {str(out)!r} is a file; name a folder with --out")
    for folder in ("figures", "tables"):
        (out / folder).mkdir(parents=True, exist_ok=True)


def _write(place: Path, content: bytes) -> None:
    """Write beside and rename, so that nobody reads half a file; a file that is already so is left alone."""
    if place.is_file() and place.read_bytes() == content:
        return
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(place)
