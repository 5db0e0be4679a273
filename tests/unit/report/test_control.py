"""Which longer trained control is fair to the headline's network, and what it says."""

import pytest

from prunekit.report import control
from prunekit.report.headline import control_of, headline_of
from prunekit.report.study import read_study


def row(finding, asked, rise, method="wt", **more):
    return {
        "finding": finding,
        "method": method,
        "role": "pruned",
        "asked": asked,
        "prune_ratio": asked,
        "distribution": "digits",
        "nominal": True,
        "retraining": "lr-rewind",
        "retrain_epochs": 4,
        "value": rise,
        "low": rise - 0.004,
        "high": rise + 0.004,
        "rise": rise,
        "rise_low": rise - 0.004,
        "rise_high": rise + 0.004,
        "margin": 0.01,
        "n": 1000,
        "seeds": 1,
        "flags": [],
    } | more


CURVE = [row("prune-curve", ratio, 0.0) for ratio in (0.5, 0.75)]


def against(asked, rise, own, trained, **more):
    judged = {"verdict": "within" if rise < 0.006 else "beyond" if rise > 0.014 else "undecided"}
    fair = own is not None and own == trained
    return row(
        "longer-rise", asked, rise, retrained=own, control_retrained=trained, fair=fair, **judged, **more
    )


def study(*rows):
    return read_study([*CURVE, *rows], {"margin": 0.01})


def said(*rows):
    return control_of(study(*rows)).replace("\u00a0", " ")


def test_the_headline_s_network_has_its_own_control():
    rows = [against(0.5, 0.02, 4, 4), against(0.75, 0.003, 8, 8)]
    assert headline_of(study(*rows)).startswith("Pruned by 75")
    assert said(*rows) == (
        "Compared with its fair control, the unpruned parent with the same extra training (8 epochs), the test error of "
        "wt at 75 % rises by +0.3 [−0.1, +0.7] points: within the margin."
    )


@pytest.mark.parametrize(
    ("rise", "verdict"),
    [(0.01, "whether that is within the margin is undecided."), (0.02, "beyond the margin.")],
)
def test_what_the_control_says_is_its_verdict(rise, verdict):
    assert said(against(0.75, rise, 8, 8)).endswith(verdict)


def test_a_control_that_trained_less_is_not_fair():
    assert said(against(0.5, 0.0, 4, 4), against(0.75, 0.0, 8, 4)) == (
        "No control is fair for this network, retrained for 8 epochs in total: no unpruned parent had the same extra "
        "training (the available one had 4). Longer training may explain part of its accuracy."
    )


def test_epochs_that_are_not_known_are_not_said():
    assert said(against(0.75, 0.0, None, None)).startswith("No control is fair for this network: ")


def test_without_a_control_the_page_says_so_of_networks_that_were_retrained():
    assert said().startswith("No control: no unpruned parent had as much extra training")
    untrained = [each | {"retraining": None, "retrain_epochs": None} for each in CURVE]
    assert control_of(read_study(untrained, {"margin": 0.01})) == ""


def test_where_no_network_is_within_the_margin_the_ratios_are_named():
    rows = [each | {"rise": 0.1, "rise_low": 0.09, "rise_high": 0.11} for each in CURVE]
    rows += [against(0.5, 0.0, 4, 4), against(0.75, 0.0, 8, 4)]
    text = control_of(read_study(rows, {"margin": 0.01})).replace("\u00a0", " ")
    assert (
        text
        == "The control with extra training is fair for 50 %: it had as much extra training as the network there."
    )


def test_of_two_controls_the_fair_one_is_spoken_of():
    rows = [against(0.75, 0.02, 8, 4, control="a"), against(0.75, 0.003, 8, 8, control="b")]
    assert [each["control"] for each in control.rises(study(*rows))] == ["b"]
    assert said(*rows).startswith("Compared with its fair control")


def test_ratios_are_said_once_for_networks_that_have_the_same_controls():
    rows = [
        against(ratio, 0.0, own, 4, method=name)
        for name in ("wt", "ft")
        for ratio, own in ((0.5, 4), (0.75, 8))
    ]
    text = control.caption(study(*rows)).replace("\u00a0", " ")
    assert text.endswith(
        "Only 50 % has such a control; at other ratios, longer training may explain an advantage."
    )
    rows[-1] |= {"fair": True}
    text = control.caption(study(*rows)).replace("\u00a0", " ")
    assert "Of wt only 50 % has such a control" in text
    assert text.endswith("Of ft every tested ratio has such a control.")


def longer(*rounds, mode="lr-rewind"):
    return {
        "finding": "longer-error",
        "role": "longer",
        "retraining": mode,
        "value": 0.1,
        "rounds": list(rounds),
    }


def test_controls_stand_in_the_order_of_their_epochs():
    found = control.errors(read_study([longer(4, 4, 4), longer(4), longer(4, 4)], {}))
    assert [str(each) for each in sorted(row["trained"] for row in found)] == [
        "4 epochs more",
        "8 epochs more",
        "12 epochs more",
    ]


def test_of_controls_of_one_length_the_labels_are_said():
    found = control.errors(read_study([longer(4), longer(4, mode="fine-tune")], {}))
    assert {row["trained"] for row in found} == {row["label"] for row in found}
