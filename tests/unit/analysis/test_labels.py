"""Labels say what sets the networks of one table apart, and nothing else."""

import pytest

from prunekit.analysis.labels import labelled
from prunekit.analysis.variant import Role, Variant, settings_of

WT = Variant(
    method="wt", retraining="lr-rewind", retrain_epochs=12, cascade=True, arch="resnet8", dataset="digits"
)
LONG = WT._replace(settings=settings_of({"train": {"epochs": 30, "lr": 0.05}}))


def labels(*variants):
    return [row["label"] for row in labelled(variant.columns() for variant in variants)]


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        ([WT], ["wt"]),
        ([WT, WT._replace(method="ft")], ["wt", "ft"]),
        ([WT, WT._replace(retraining="fine-tune")], ["wt, lr-rewind", "wt, fine-tune"]),
        ([WT, WT._replace(retraining=None, retrain_epochs=None)], ["wt, lr-rewind, 12 epochs", "wt, not retrained"]),
        ([WT, WT._replace(cascade=False)], ["wt, cascade", "wt, one-shot"]),
        ([WT, WT._replace(arch="resnet14", method="ft")], ["wt, resnet8", "ft, resnet14"]),
        ([WT, WT._replace(train_distribution="digits+mix1")], ["wt", "wt, trained on digits+mix1"]),
        ([WT, LONG], ["wt", "wt, train epochs 30, train lr 0.05"]),
        ([LONG, WT._replace(method="ft", settings=settings_of({"prune": {"sample_size": 64}}))], ["wt", "ft"]),
        ([WT, Variant(Role.SEPARATE), Variant(Role.LONGER, retraining="none")], ["wt", "separate", "longer"]),
        ([WT, Variant(Role.COMPRESSED, arch="resnet8", dataset="digits", retrain_epochs=12, cascade=True)],
         ["wt, lr-rewind", "compressed, not retrained"]),
    ],
)  # fmt: skip
def test_a_label_says_what_differs(variants, expected):
    assert labels(*variants) == expected


def test_earlier_rounds_of_a_cascade_are_named_by_their_steps():
    """A rung that was not retrained, of a cascade whose other rungs were."""
    rounds = [[{"kind": "prune", "method": "wt"}, {"kind": "retrain", "mode": "lr-rewind"}]]
    early = WT._replace(retraining=None, settings=settings_of({"earlier rounds": rounds}))
    changed = WT._replace(settings=settings_of({"earlier rounds": [[rounds[0][0]], rounds[0]]}))
    assert labels(WT, early) == ["wt, lr-rewind", "wt, not retrained, earlier rounds prune + retrain"]
    assert labels(WT, changed) == ["wt", "wt, earlier rounds prune / prune + retrain"]


def test_a_curves_row_at_ratio_zero_is_called_as_its_curve():
    parent = WT.columns() | {"role": "parent"}
    assert [row["label"] for row in labelled([parent, WT.columns()])] == ["wt", "wt"]


def test_two_networks_never_share_a_label():
    """Settings that are too long to be shown whole."""
    digests = [
        WT._replace(settings=settings_of({"import": {"weights": "sha256:00000000" + end}})) for end in "ab"
    ]
    assert sorted(labels(*digests)) == [
        "wt, import weights sha256:00000000 (1)",
        "wt, import weights sha256:00000000 (2)",
    ]


def test_a_row_of_no_network_has_no_label():
    assert labelled([{"finding": "claim"}]) == [{"finding": "claim"}]


def test_longer_trained_parents_are_told_apart_by_the_epochs_of_their_rounds():
    rows = [
        {"role": "longer", "retrain_epochs": 4, "settings": {}, "rounds": [4]},
        {
            "role": "longer",
            "retrain_epochs": 4,
            "settings": {"before": [{"kind": "retrain"}]},
            "rounds": [4, 4],
        },
    ]
    assert [each["label"] for each in labelled(rows)] == ["longer, 4 epochs", "longer, 4 + 4 epochs"]
    assert [each["label"] for each in labelled(rows[1:])] == ["longer"]
