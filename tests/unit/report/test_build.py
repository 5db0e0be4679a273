import csv
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from prunekit.analysis.schema import check_row
from prunekit.errors import UsageError
from prunekit.report.build import write_report
from prunekit.report.figures import FIGURES

HOSTILE = '<script>alert("x")</script>'
AGAIN = """
import json, sys
from pathlib import Path
from prunekit.report.build import write_report
rows, context = json.loads(Path(sys.argv[1]).read_text())
write_report(rows, context, Path(sys.argv[2]))
"""


class Page(HTMLParser):
    """The page's text, tags, ids and addresses."""

    def __init__(self, path):
        super().__init__()
        self.words, self.tags, self.ids, self.links = [], [], [], []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        named = dict(attrs)
        self.ids += [named["id"]] if "id" in named else []
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href")]

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_made_up_findings_have_the_columns_of_real_ones(rows):
    for row in rows:
        check_row(row)


def test_every_figure_of_the_table_is_drawn_from_findings(report):
    page = Page(report / "index.html")
    missing = [name for name in FIGURES if name not in page.ids]
    of_comparisons = ["comparison", "comparison-slice", "comparison-broken"]  # another kind of study
    assert missing == [*of_comparisons, "exemplars"]
    assert "Identified exemplars: there are no exemplars findings." in page.text


def test_another_process_and_another_order_write_the_same_bytes(few, context, tmp_path):
    write_report(few, context, tmp_path / "here")
    (tmp_path / "input.json").write_text(json.dumps([few[::-1], dict(reversed(context.items()))]))
    command = [sys.executable, "-c", AGAIN, str(tmp_path / "input.json"), str(tmp_path / "there")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"})
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_no_date_and_no_program_name_is_in_a_figure(report):
    for path in (report / "figures").iterdir():
        found = re.search(rb"CreationDate|Producer \(|dc:date|\b20[2-9]\d-\d\d-\d\d", path.read_bytes())
        assert found is None, path.name


def test_figures_are_well_formed_vector_files(report):
    files = sorted((report / "figures").iterdir())
    assert len(files) > 15
    for path in files:
        assert path.suffix == ".svg"
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_the_page_stands_alone(report):
    text = (report / "index.html").read_text()
    page = Page(report / "index.html")
    assert "http://" not in text
    assert "https://" not in text
    assert page.tags.count("script") == 1
    assert not set(page.tags) & {"link", "img", "iframe", "object"}
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)


def test_every_inner_link_has_one_place(report):
    page = Page(report / "index.html")
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_inline_figures_follow_the_readers_colours(report):
    text = (report / "index.html").read_text()
    body = text[text.index("<main>") :]
    assert "prefers-color-scheme:dark" in text
    assert "var(--s1)" in body
    assert re.findall(r"(?:fill|stroke): #[0-9a-f]{6}", body) == []


def test_names_are_escaped_everywhere(few, context, tmp_path):
    rows = [
        row | {"distribution": HOSTILE if row["distribution"] == "digits+fog@3" else row["distribution"]}
        for row in few
    ]
    rows += [{"finding": HOSTILE, "value": 1.0, "note": HOSTILE}]
    lineage = [{"key": HOSTILE, "steps": [{"kind": HOSTILE, "params": {HOSTILE: HOSTILE}}], HOSTILE: HOSTILE}]
    hostile = context | {"title": HOSTILE, "recipe": HOSTILE, "lineage": lineage, HOSTILE: [HOSTILE]}
    folder = write_report(rows, hostile, tmp_path / "out").parent
    page = Page(folder / "index.html")
    assert page.tags.count("script") == 1
    assert page.text.count(HOSTILE) >= 8
    assert {path.parent for path in folder.rglob("*") if path.is_file()} == {
        folder,
        folder / "figures",
        folder / "tables",
    }
    ElementTree.parse(folder / "figures" / "potential.svg")


def test_a_finding_named_like_a_path_stays_in_the_folder(tmp_path):
    write_report([{"finding": "../../escape", "value": 1.0}], {}, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "tables" / "escape.csv").is_file()


def test_no_findings_still_make_a_page(tmp_path):
    page = Page(write_report([], {}, tmp_path / "out"))
    assert "There are no verdicts" in page.text
    assert all(
        f"{figure.title}: there are no {figure.needs} findings." in page.text for figure in FIGURES.values()
    )


def test_one_method_alone_is_drawn(few, context, tmp_path):
    own = [row for row in few if row["method"] == "wt"]
    folder = write_report(own, context, tmp_path / "out").parent
    assert (folder / "figures" / "potential-summary.svg").is_file()
    assert "is the highest tested ratio" in Page(folder / "index.html").text.replace("\u00a0", " ")


def test_why_there_are_no_pictures_is_said(rows, context, tmp_path):
    transfers = [row for row in rows if row["finding"] == "features-transfer"]
    page = write_report(
        transfers, context, tmp_path / "out", pictures=lambda study: {"kept": "data set digits is missing"}
    )
    assert "Kept pixels of a few images: data set digits is missing." in Page(page).text
    assert "features-pictures" not in Page(page).ids


def test_pictures_are_asked_for_when_they_are_drawn_and_again_where_they_were_missing(few, context, tmp_path):
    asked = []
    for found in ("gone", [], []):
        write_report(
            few,
            context,
            tmp_path / "out",
            pictures=lambda study, found=found: asked.append(found) or {"kept": [], "broken": found},
        )
    assert asked == ["gone", []]


def test_findings_without_numbers_are_left_out_with_a_reason(few, context, tmp_path):
    empty = [row | {"value": None, "low": None, "high": float("nan")} for row in few]
    page = Page(write_report(empty, context, tmp_path / "out"))
    assert "Changed predictions: nothing to draw in its findings." in page.text


def test_an_unknown_finding_is_listed(few, context, tmp_path):
    folder = write_report(
        [{"finding": "new-idea", "value": 0.25, "colour": "teal"}], context, tmp_path / "out"
    ).parent
    assert "New idea" in Page(folder / "index.html").text
    assert "teal" in Page(folder / "index.html").text
    assert (folder / "tables" / "new-idea.csv").read_text() == "finding,value,colour\nnew-idea,0.25,teal\n"


def test_what_claims_compare_is_not_called_like_the_corruption(tmp_path):
    row = {"finding": "contrast", "claim": 13, "group": "weight methods", "what": "wt", "value": 0.1}
    page = Page(write_report([row], {}, tmp_path / "out"))
    assert "finding-comparisons-behind-the-claims" in page.ids
    assert "Comparisons behind the claims" in page.words
    assert "Contrast" not in page.words
    assert (tmp_path / "out" / "tables" / "contrast.csv").is_file()


def test_flags_are_shown_with_the_number(few, context, tmp_path):
    flagged = [
        row | {"flags": [*row["flags"], "grid end"]} if row["distribution"] == "digits+fog@3" else row
        for row in few
    ]
    text = Page(write_report(flagged, context, tmp_path / "out")).text
    assert "† grid end." in text
    assert re.search(r"\d\] ?†", text)
    assert "1 seed: the interval covers images only." in text


def test_csv_gives_back_every_number(report, rows):
    with (report / "tables" / "prune-curve.csv").open(newline="") as file:
        read = {
            (row["method"], row["distribution"], float(row["asked"])): row for row in csv.DictReader(file)
        }
    curves = [row for row in rows if row["finding"] == "prune-curve"]
    assert len(read) == len(curves)
    for row in curves:
        found = read[row["method"], row["distribution"], row["asked"]]
        assert [float(found[name]) for name in ("value", "low", "high")] == [
            row["value"],
            row["low"],
            row["high"],
        ]
        assert json.loads(found["models"]) == row["models"]
        assert found["rise_low"] == ""


def test_findings_json_holds_every_row(report, rows):
    found = json.loads((report / "findings.json").read_text())

    def key(row):
        return row["finding"], json.dumps(row, sort_keys=True)

    assert list(map(key, found)) == sorted(map(key, rows))


def test_an_unchanged_report_is_not_written_again_and_a_damaged_one_is(few, context, tmp_path):
    page = write_report(few, context, tmp_path / "out")
    first, before = page.stat().st_mtime_ns, contents(tmp_path / "out")
    write_report(few, context, tmp_path / "out")
    assert page.stat().st_mtime_ns == first
    (tmp_path / "out" / "figures" / "churn.svg").write_text("torn")
    write_report(few, context, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_figures_of_an_earlier_report_go_and_other_files_stay(few, context, tmp_path):
    out = tmp_path / "out"
    write_report(few, context, out)
    (out / "figures" / "mine.svg").write_text("mine")
    write_report([row for row in few if row["finding"] != "churn"], context, out)
    assert not (out / "figures" / "churn.svg").exists()
    assert (out / "figures" / "mine.svg").read_text() == "mine"


def test_a_listing_cannot_remove_files_elsewhere(context, tmp_path):
    (tmp_path / "precious").write_text("kept")
    out = tmp_path / "out"
    out.mkdir()
    places = {"../precious": "", "figures/../../precious": "", "/tmp": ""}
    (out / "files.json").write_text(json.dumps({"input": "", "files": places}))
    write_report([], context, out)
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_file_in_the_way_is_a_usage_error(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UsageError, match="a file is in the way"):
        write_report([], {}, tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_no_torch_is_loaded():
    code = "import sys, prunekit.report.build; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_model_of_a_cascade_starts_where_the_one_before_it_ended(report):
    text = Page(report / "index.html").text
    assert "train-8f2f8d2f0c0e4a11 → prune method=wt prune_ratio=0.15 → retrain" in text
    assert "retrain-00000000000005dc → prune method=wt prune_ratio=0.46 → retrain" in text


def test_claims_are_listed_with_their_verdicts(report):
    page = Page(report / "index.html")
    assert "claims" in page.ids
    assert "5 Potential falls with noise. cannot tell one seed" in page.text


def test_tables_for_a_paper_use_booktabs(report):
    tex = Path(report / "tables" / "potential-summary-1.tex").read_text()
    assert r"\toprule" in tex
    assert "digits+gaussian" not in tex
    assert r"\label{tab:potential-summary-1}" in tex
    by_distribution = (report / "tables" / "potential-1.tex").read_text()
    assert r"digits+gaussian\_noise@3 &" in by_distribution


def test_the_control_of_longer_training_says_which_networks_it_is_fair_to(report):
    text = " ".join(Page(report / "index.html").text.split()).replace("\u00a0", " ")
    assert (
        "A control is fair for a network that was retrained for the same number of epochs in total." in text
    )
    assert "Only 15 % has such a control; at other ratios, longer training may explain an advantage." in text
    assert "15 % relative to a control with 12 epochs more, the same as this network" in text
    assert "46 % relative to a control with 12 epochs more, whereas this network had 24" in text


def test_what_is_not_printed_is_named_with_its_file(report):
    page = (report / "index.html").read_text()
    printed = re.findall(r'<p class="note printed">(.*?)</p>', page)
    assert sum("not printed; tables/" in said for said in printed) >= 2
    named = {place for said in printed for place in re.findall(r"tables/[\w.-]+", said)}
    assert all((report / place).is_file() for place in named)


def test_at_a_glance_draws_marks_with_the_nominal_interval_and_no_span(report):
    page = (report / "index.html").read_text()
    figure = page[page.index('id="potential-summary"') :]
    label = re.search(r'aria-label="([^"]*)"', figure[figure.index("<svg") :])[1]
    assert re.search(r"wt: nominal: [\d.]+ \[[\d.]+, [\d.]+\]", label.replace("\u00a0", " "))
    assert "wt: minimum: " in label
