"""The page: one HTML file with its styles and figures inside; every text passes through Jinja2's escaping."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from prunekit.analysis.labels import LABEL
from prunekit.analysis.variant import Role
from prunekit.report.answers import answers
from prunekit.report.canvas import Drawing, Panel, once
from prunekit.report.codes import method_names, shift_names
from prunekit.report.first_page import cautions, first_page
from prunekit.report.formats import Table, for_page
from prunekit.report.study import Row, Study, distinct
from prunekit.report.style import colour_variables
from prunekit.report.summary import caution, headline, sentences
from prunekit.report.words import name_of, percent

LINEAGE_OPEN, MOST_MODELS = 12, 100
_MODEL_FIELDS = ("key", "label", "steps", "prune_ratio", "error")


class Section(NamedTuple):
    """One part of the page: drawings under a caption, then small tables."""

    name: str
    title: str
    caption: str = ""
    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    appendix: bool = False
    panels: tuple[Panel, ...] = ()


# The parts of the page after the first, and whether each holds the sections of the appendix.
PARTS = {"Findings": False, "Appendix": True}


def _part(
    title: str, sections: Sequence[Section], appendix: bool
) -> tuple[str, list[tuple[Section, list[tuple[Drawing, Markup]]]]]:
    """One part of the page: its sections with their drawings, whose SVG needs no escaping."""
    chosen = [
        section._replace(tables=tuple(map(for_page, section.tables)))
        for section in sections
        if section.appendix == appendix
    ]
    return title, [
        (section, [(each, Markup(each.inline)) for each in once(section.drawings)])  # noqa: S704
        for section in chosen
    ]


def as_page(study: Study, sections: Sequence[Section], left_out: Sequence[str]) -> str:
    """The whole page as HTML; ``left_out`` has one line per missing figure that says why."""
    listed = frozenset(str(model.get("key")) for model in study.lineage)
    first = first_page(study)
    page: str = _template().render(
        title=study.title,
        headline=headline(study),
        answers=answers(study, first),
        first=first,
        names=[*method_names(study.rows), *shift_names(_distributions(study))],
        cautions=[*cautions(study), *caution(study)],
        sentences=sentences(study),
        parts=[_part(title, sections, appendix) for title, appendix in PARTS.items()],
        left_out=left_out,
        models=[_model(model, listed) for model in study.lineage[:MOST_MODELS]],
        more_models=max(0, len(study.lineage) - MOST_MODELS),
        models_open=len(study.lineage) <= LINEAGE_OPEN,
        facts=list(_facts(study)),
        recipe=study.recipe,
        colours={paper: Markup(colours) for paper, colours in colour_variables().items()},  # noqa: S704
        style=Markup(_text("style.css")),  # noqa: S704
        script=Markup(_text("page.js")),  # noqa: S704
        script_digest=_digest(_text("page.js")),
        labels=_labels(study),
    )
    return page


def _distributions(study: Study) -> list[str]:
    """The distributions of the first page, then all others."""
    judged = [*study.of("comparison"), *study.of("prune-curve")]
    return [*distinct(judged, "distribution"), *distinct(study.rows, "distribution")]


def _labels(study: Study) -> list[str]:
    """The labels that a reader can choose from: those of pruned or otherwise compressed networks."""
    smaller = (row for row in study.rows if row.get("role") in (Role.PRUNED, Role.COMPRESSED))
    return [str(label) for label in distinct(smaller, LABEL)]


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("prunekit.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("index.html")


@cache
def _text(name: str) -> str:
    return files("prunekit.report").joinpath("templates", name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    """The script's SHA-256 as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _model(model: Row, listed: frozenset[str]) -> dict[str, Any]:
    """One model of the lineage in words: what made it, how large and how good it is, and all its settings."""
    rest = {name: value for name, value in model.items() if name not in _MODEL_FIELDS}
    return {
        "key": name_of(model.get("key")),
        "label": name_of(model.get("label") or ""),
        "steps": _made_by(model.get("steps") or [], listed - {str(model.get("key"))}),
        "prune_ratio": percent(model.get("prune_ratio")),
        "error": percent(model.get("error"), 2),
        "settings": list(_flattened(rest)),
    }


def _made_by(steps: Any, others: frozenset[str]) -> str:
    """The steps of a lineage; if it passes through other listed models, only those from the last of them on."""
    steps = steps if isinstance(steps, list) else [steps]
    keys = [str(step.get("key")) if isinstance(step, Mapping) else "" for step in steps]
    last = max((place for place, key in enumerate(keys) if key in others), default=None)
    own = steps if last is None else [keys[last], *steps[last + 1 :]]
    return " → ".join(_step(step) for step in own)


def _step(step: Any) -> str:
    """A step as the command that makes it: its kind, then its parameters."""
    if not isinstance(step, Mapping):
        return name_of(step)
    params = step.get("params") or {}
    told = [f"{name}={name_of(value)}" for name, value in sorted(params.items()) if name != "parent"]
    return " ".join([name_of(step.get("kind") or step.get("name")), *told])


def _flattened(fields: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in sorted(fields.items()):
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield (f"{prefix}{name}", name_of(value))


def _facts(study: Study) -> Iterable[tuple[str, str]]:
    yield ("margin δ", name_of(study.margin))
    yield ("nominal distribution", name_of(study.nominal))
    yield from _flattened(dict(study.facts))
