import pytest
from judged import compared, curve

from prunekit.report.first_page import cautions, first_page, signed
from prunekit.report.headline import headline_of
from prunekit.report.study import read_study

STUDY = [
    *(curve(ratio, 0.0) for ratio in (0.5, 0.75, 0.9)),
    curve(0.5, -0.002, "digits+contrast@1"),
    curve(0.75, 0.009, "digits+contrast@1"),
    curve(0.9, 0.086, "digits+contrast@1"),
]


def page(rows):
    return first_page(read_study(rows, {"margin": 0.01}))


def plain(text):
    return text.replace("\u00a0", " ")


def test_a_method_is_within_up_to_the_last_ratio_that_is_so_everywhere():
    (line,) = page(STUDY).lines
    assert (line.label, line.verdict, plain(line.up_to)) == ("wt", "within", "up to 50 %")
    assert plain(line.sentence) == (
        "Within the margin on all 2 distributions up to 50 %. On the test set alone: up to 90 %. First beyond the margin: 90 % "
        "under digits+contrast@1, +8.6 [+8.2, +9.0] points. Undecided: 1 of 6 cells."
    )


def test_the_heat_map_has_a_mark_and_a_colour_for_every_cell():
    heat = page(STUDY).heat
    assert [(label, [plain(head) for head in heads]) for label, heads in heat.groups] == [
        ("wt", ["50 %", "75 %", "90 %"])
    ]
    cells = dict(heat.rows)
    assert [cell.text for cell in cells["digits"]] == ["0 ✓", "0 ✓", "0 ✓"]
    assert [(cell.text, cell.verdict) for cell in cells["digits+contrast@1"]] == [
        ("−0.2 ✓", "within"),
        ("+0.9 ?", "undecided"),
        ("+8.6 ✗", "beyond"),
    ]
    assert [cell.level for cell in cells["digits+contrast@1"]] == [0, 1, 4]
    assert "n = 1,000" in cells["digits"][0].title


@pytest.mark.parametrize(
    ("rise", "expected"),
    [
        (
            0.086,
            "Pruned by 90 %, wt keeps its test error (0 points) but loses 8.6 points under digits+contrast@1.",
        ),
        (
            0.001,
            "Pruned by 90 %, wt keeps its test error (0 points) and stays within the margin on all 2 distributions.",
        ),
        (
            0.009,
            "Pruned by 90 %, wt keeps its test error (0 points); whether it does under digits+contrast@1 (+0.9 [+0.5, +1.3] "
            "points) is undecided.",
        ),
    ],
)
def test_the_headline_reads_the_verdicts(rise, expected):
    rows = [curve(0.9, 0.0), curve(0.9, rise, "digits+contrast@1")]
    assert plain(headline_of(read_study(rows, {"margin": 0.01}))) == expected


def test_where_nothing_is_certain_the_headline_says_so():
    text = headline_of(read_study([curve(0.5, 0.009)], {"margin": 0.01}))
    assert text.startswith("No tested ratio is certain to be within the margin on the test set")


def test_two_networks_without_a_ratio_make_the_same_page():
    rows = [compared("int8", 0.0), compared("int8", 0.002, "night"), compared("tiny", 0.2)]
    found = page(rows)
    assert [(line.label, line.verdict) for line in found.lines] == [("int8", "within"), ("tiny", "beyond")]
    assert (
        found.lines[1].sentence
        == "Beyond on 1 of 1 distribution. Largest rise: on the test set, +20.0 [+19.6, +20.4] points."
    )
    assert (
        headline_of(read_study(rows, {"margin": 0.01}))
        == "int8: within the margin everywhere; tiny: beyond the margin somewhere."
    )


def test_a_parent_at_chance_level_is_left_out_and_said():
    rows = [*STUDY, curve(0.5, 0.0, "digits+fog@5", flags=["parent-at-chance"])]
    assert "digits+fog@5" not in dict(page(rows).heat.rows)
    assert cautions(read_study(rows, {"margin": 0.01})) == [
        "The parent is no better than guessing on digits+fog@5: left out above."
    ]


def test_what_does_not_fit_is_said():
    rows = [
        curve(0.5, 0.0, f"digits+fog@{place}", method=f"m{column}")
        for place in range(60)
        for column in range(30)
    ]
    heat = page(rows).heat
    assert (len(heat.rows), sum(len(heads) for _, heads in heat.groups)) == (24, 24)
    assert heat.left_out.startswith("Not shown here: 6 columns and 36 distributions")


def test_nothing_to_judge_makes_an_empty_page():
    assert (page([]).lines, page([]).heat, headline_of(read_study([], {}))) == ((), None, "")


@pytest.mark.parametrize(("share", "text"), [(0.0004, "0"), (0.086, "+8.6"), (-0.003, "−0.3")])
def test_a_rise_has_its_sign(share, text):
    assert signed(share) == text
