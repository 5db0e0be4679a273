"""Images with only the pixels that a network keeps, cell by cell."""

from prunekit.report.canvas import render
from prunekit.report.picture_panels import MASKED, broken, kept, mosaic, shown, under
from prunekit.report.study import read_study, with_pictures

IMAGE = {
    "method": "wt",
    "place": 0,
    "class": "7",
    "size": [2, 3],
    "rgb": list(range(18)),
    "kept": [{"model": 0.0, "pixels": [0, 5]}, {"model": "separate", "pixels": [1]}],
    "share": 0.1,
    "block": 1,
    "candidates": None,
}


def test_a_mosaic_by_hand():
    found = mosaic([IMAGE], [0.0, 0.9], gap=1)
    assert found.shape == (2, 3 + 1 + 3 + 1 + 3, 4)
    assert found[:, :3, :3].flatten().tolist() == IMAGE["rgb"]
    assert found[0, 4].tolist() == [0, 1, 2, 255]
    assert found[1, 6].tolist() == [15, 16, 17, 255]
    grey = [MASKED] * 3 + [255]
    assert [found[0, 5].tolist(), found[1, 4].tolist(), found[0, 8].tolist()] == [grey] * 3
    assert not found[:, [3, 7]].any()  # the gaps are transparent


def test_few_ratios_stand_for_many():
    ratios = [round(0.1 * step, 1) for step in range(1, 10)]
    assert shown(["separate", *ratios, 0.0]) == [0.0, 0.1, 0.5, 0.9, "separate"]


def test_a_panel_per_method_in_the_order_of_the_images():
    pictures = [IMAGE | {"place": place, "method": method} for place in (1, 0) for method in ("ft", "wt")]
    panels = kept(with_pictures(read_study([], {}), {"kept": pictures}))
    assert [panel.name for panel in panels] == ["features-pictures-wt", "features-pictures-ft"]


BROKEN = {
    "label": "wt",
    "ratio": 0.9,
    "distribution": "digits+contrast@1",
    "place": 3,
    "class": "7",
    "parent_says": "7",
    "says": "1",
    "size": [2, 3],
    "rgb": list(range(18)),
    "broken": 46,
    "fixed": 3,
    "n": 360,
}


def test_a_panel_per_distribution_says_both_answers_and_how_many_break():
    found = [BROKEN, BROKEN | {"place": 5, "says": "2"}, BROKEN | {"distribution": "digits", "ratio": None}]
    panels = broken(with_pictures(read_study([], {}), {"broken": found}))
    assert [panel.name for panel in panels] == [
        "broken-images-digits-contrast-1-wt",
        "broken-images-digits-wt",
    ]
    drawing = render(panels[0], panels[0].title)
    said = "digits+contrast@1, wt at 90\u00a0%: breaks 46 of 360 images, fixes 3 wt: 7 → 1; 7 → 2"
    assert f'aria-label="{said}"' in drawing.inline
    assert drawing.inline.count("<image ") == 1
    assert drawing.svg.decode().count("7 → 1") == 1
    assert panels[1].title == "digits, wt: breaks 46 of 360 images, fixes 3"


def test_answers_fit_below_an_image():
    assert under(BROKEN) == "7 → 1"
    long = BROKEN | {"class": "sulphur-crested cockatoo", "parent_says": "sulphur-crested cockatoo"}
    first, second = under(long | {"says": "airplane"}).split("\n")
    assert (len(first), second) == (15, "→ airplane")
    assert under(BROKEN | {"parent_says": "8"}) == "8 (true: 7) → 1"


def test_a_long_name_of_a_network_cuts_no_count():
    found = [BROKEN | {"label": "retrain-7f66ce2012684ab2-of-a-long-name-that-somebody-gave-to-it"}]
    (panel,) = broken(with_pictures(read_study([], {}), {"broken": found}))
    svg = render(panel, "").svg.decode()
    assert "at 90\u00a0%: breaks 46 of 360 images, fixes 3" in svg
    assert "retrain…" in svg
