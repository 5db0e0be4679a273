"""Reports of studies as people have them: long names, many distributions, methods, models and classes, one model only."""

import re
import time

import pytest

from prunekit.report.build import write_report
from prunekit.report.study import METHODS_FIRST

MOST_SECONDS, MOST_BYTES = 20, 5_000_000
RATIOS = (0.5, 0.75, 0.9)


def study(row, methods=2, distributions=3, classes=0, class_name="class {}"):
    names = [*METHODS_FIRST, *(f"method{place:02}" for place in range(methods))][:methods]
    shifts = ["digits", *(f"digits+shift_{place:02}@3" for place in range(1, distributions))]
    for method in names:
        made = {"method": method, "variant": method, "role": "pruned"}
        for place, distribution in enumerate(shifts):
            for ratio in (0.0, *RATIOS):
                rise = ratio**3 * 0.01 * (1 + place)
                ends = (
                    {"rise": rise, "rise_low": rise - 0.004, "rise_high": rise + 0.004}
                    if ratio
                    else {"rise": None}
                )
                yield row(
                    "prune-curve", 0.1 + rise, 0.01, **made, prune_ratio=ratio, asked=ratio, margin=0.005,
                    distribution=distribution, commensurate=rise < 0.005, nominal=not place, **ends,
                )  # fmt: skip
            yield row(
                "potential", 0.5, 0.2, **made, distribution=distribution, nominal=not place, margin=0.005
            )
            yield row(
                "potential-step", 0.001, 0.01, **made, distribution=distribution, prune_ratio=0.5, asked=0.5
            )
        for place in range(classes):
            of_class = made | {"class": class_name.format(place), "distribution": "digits", "nominal": True}
            yield row("class-potential", 0.5, 0.2, **of_class, margin=0.005)
            yield row("recall-shift", -0.001 * place, 0.02, **of_class, prune_ratio=0.5, asked=0.5)


def compared(row, networks):
    for place in range(networks):
        rise = 0.0002 * place
        yield row(
            "comparison", rise, 0.004, network=f"net-{place:03}", variant=f"v{place}", role="compressed",
            distribution="digits", limit=0.005, parent_error=0.1, error=0.1 + rise,
        )  # fmt: skip


def written(rows, folder, context=None):
    """The page of these rows; that it takes no longer and is no larger than it may."""
    found = list(rows)
    started = time.process_time()
    page = write_report(found, context or {"margin": 0.005}, folder)
    assert time.process_time() - started < MOST_SECONDS
    assert page.stat().st_size < MOST_BYTES
    return page.read_text().replace("\u00a0", " ")


def test_long_class_names_are_cut_in_figures_and_whole_in_tables(make, tmp_path):
    name = "Great_grey_owl_of_the_northern_forests_with_a_very_long_name_number_{}"
    page = written(study(make, classes=12, class_name=name), tmp_path)
    assert name.format(3) in page
    labels = re.findall(r"<text[^>]*>([^<]*northern[^<]*|Great[^<]*)</text>", page)
    assert all(len(label) < 40 for label in labels)
    assert re.search(r"Great_grey[^<]*…", page)


def test_sixty_distributions_say_what_is_left_out(make, tmp_path):
    page = written(study(make, distributions=60), tmp_path)
    assert "Not shown here: 36 distributions" in page
    assert "54 more distributions in tables/prune-curve.csv." in page
    assert "20 more rows in tables/potential-1.tex." in page


def test_eighteen_methods_are_few_words_and_few_panels(make, tmp_path):
    page = written(study(make, methods=18), tmp_path)
    assert "12 more networks in the tables." in page
    assert "Not shown here: 30 columns" in page


def test_two_hundred_networks_show_those_beyond_the_margin_first(make, tmp_path):
    page = written(compared(make, 200), tmp_path)
    assert "170 more networks are not listed: those beyond the margin come first." in page
    verdicts = page[page.index("<tbody>") : page.index("</tbody>")]
    assert "net-199" in verdicts
    assert "net-000" not in verdicts


def test_a_thousand_classes_draw_the_worst_and_say_so(make, tmp_path):
    page = written(study(make, methods=1, classes=1000), tmp_path)
    assert "820 more classes in tables/recall-shift.csv." in page
    assert "960 more rows in tables/recall-shift-1.tex." in page


def test_one_model_without_any_measurement_of_others_makes_a_page(tmp_path):
    lineage = [
        {"key": "train-0", "steps": [{"kind": "train", "params": {}}], "prune_ratio": 0.0, "error": 0.1}
    ]
    page = written([], tmp_path, {"lineage": lineage})
    assert "1 model, parents first" in page


@pytest.mark.slow
def test_the_largest_study_is_drawn_in_time(make, tmp_path):
    page = written(study(make, methods=18, distributions=60, classes=1000), tmp_path)
    assert "990 more classes" in page
