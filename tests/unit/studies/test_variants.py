"""What makes two networks seeds of one variant, repetitions under one parent, or different networks."""

import pytest

from prunekit.analysis.labels import labelled
from prunekit.analysis.variant import Role
from prunekit.params import UNTRAINED_MODES, ImportParams, PruneParams, RetrainParams, TrainParams
from prunekit.store.records import ModelRecord, Step
from prunekit.studies.variants import EARLIER, LADDER, seeds_of, standings, variant_of


def record(*steps, ratio=0.0):
    lineage = tuple(map(Step.of, steps))
    nonzero = round(1000 * (1 - ratio))
    return ModelRecord(
        key=lineage[-1].key, lineage=lineage, classes=(), parameters=1000, nonzero=nonzero, error=None
    )


def root(**more):
    return TrainParams(**({"arch": "resnet8", "dataset": "digits"} | more))


def pruned(parent, *ratios, method="wt", prune_seed=0, retrain_seed=0, retrained=True, prune=(), **retrain):
    """The network at the end of a chain of prune and retrain steps, the last maybe not retrained."""
    steps = [parent]
    for ratio in ratios:
        fields = {"method": method, "prune_ratio": ratio, "seed": prune_seed} | dict(prune)
        steps.append(PruneParams(parent=steps[-1].key, **fields))
        if retrained or ratio != ratios[-1]:
            steps.append(RetrainParams(parent=steps[-1].key, seed=retrain_seed, **retrain))
    return record(*steps, ratio=ratios[-1])


def places(*records):
    return [standings(records)[each.key] for each in records]


def variants(*records):
    return [[each.variant for each in own] for own in places(*records)]


BASE = pruned(root(), 0.5)
DIFFERENT = {
    "method": pruned(root(), 0.5, method="ft"),
    "epochs of the root": pruned(root(epochs=12), 0.5),
    "learning rate of the root": pruned(root(lr=0.05), 0.5),
    "training distribution": pruned(root(train_distribution="digits+mix1"), 0.5),
    "architecture": pruned(root(arch="resnet14"), 0.5),
    "data set": pruned(root(dataset="cifar10"), 0.5),
    "mode": pruned(root(), 0.5, mode="fine-tune"),
    "epochs of the retraining": pruned(root(), 0.5, epochs=3),
    "no retraining": pruned(root(), 0.5, retrained=False),
    "sample size": pruned(root(), 0.5, prune={"sample_size": 64}),
    "layers left whole": pruned(root(), 0.5, prune={"skip_layers": ("stem",)}),
    "coupled": pruned(root(), 0.5, prune={"coupled": True}),
    "options of the method": pruned(root(), 0.5, prune={"options": {"n": 1}}),
    "cascade": pruned(root(), 0.3, 0.5),
    "a longer trained parent": record(
        *(steps := (root(), RetrainParams(parent=root().key))),
        PruneParams(parent=steps[-1].key, method="wt", prune_ratio=0.5),
        ratio=0.5,
    ),
    "weights": pruned(ImportParams(arch="resnet8", dataset="digits", weights="pretrained"), 0.5),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_networks_that_differ_in_one_thing_are_two_variants(what):
    (one,), (other,) = variants(BASE, DIFFERENT[what])
    assert one != other
    assert one.id != other.id
    assert one.columns() != other.columns()


def test_networks_that_differ_in_seeds_and_ratio_alone_are_one_variant():
    others = (pruned(root(seed=1), 0.5), pruned(root(), 0.8), pruned(root(), 0.5, retrain_seed=1))
    found = variants(BASE, *others, pruned(root(), 0.5, prune_seed=3))
    assert {each for own in found for each in own} == set(found[0])


def test_the_columns_say_what_a_network_is():
    found = variant_of(
        pruned(root(lr=0.05, train_distribution="digits+mix1"), 0.5, mode="fine-tune", epochs=3)
    )
    assert found.columns() == {
        "variant": found.id,
        "role": "pruned",
        "method": "wt",
        "structure": "weight",
        "retraining": "fine-tune",
        "retrain_epochs": 3,
        "cascade": False,
        "train_distribution": "digits+mix1",
        "arch": "resnet8",
        "dataset": "digits",
        "settings": {"train": {"lr": 0.05}},
    }


def test_epochs_left_out_are_those_of_the_root():
    short, said = pruned(root(epochs=12), 0.5), pruned(root(epochs=12), 0.5, epochs=12)
    assert variant_of(short) == variant_of(said)
    assert variant_of(short).retrain_epochs == 12


@pytest.mark.parametrize("mode", UNTRAINED_MODES)
def test_a_mode_that_trains_nothing_has_no_epochs(mode):
    found = variant_of(pruned(root(epochs=12), 0.5, mode=mode))
    assert (found.retraining, found.retrain_epochs) == (mode, None)
    named = [each.columns() for each in (found, variant_of(pruned(root(epochs=12), 0.5, retrained=False)))]
    assert [each["label"] for each in labelled(named)] == [f"wt, {mode}", "wt, not retrained"]


def test_the_id_of_a_variant_is_a_promise():
    assert variant_of(BASE).id == "7d128e46"
    ids = {"weight-rewind": "27e17b55", "fine-tune": "525bd4f6", "scratch": "a1fd7088", "none": "31dd816b"}
    assert {mode: variant_of(pruned(root(), 0.5, mode=mode)).id for mode in ids} == ids


def test_unpruned_networks_are_parents_and_longer_trained_ones():
    parent = record(root())
    longer = record(root(), RetrainParams(parent=root().key))
    assert [variant_of(each).role for each in (parent, longer)] == [Role.PARENT, Role.LONGER]
    assert variant_of(longer).retraining == "lr-rewind"
    assert variant_of(parent).method is None


def test_seeds_are_kept_apart():
    assert seeds_of(pruned(root(seed=2), 0.3, 0.5, prune_seed=3, retrain_seed=4)) == (2, (3, 3), (4, 4))


def test_the_first_rung_of_a_cascade_is_on_its_curve_alone():
    first, second = pruned(root(), 0.3), pruned(root(), 0.3, 0.5)
    (one,), (other,) = places(first, second)
    assert one == other
    assert one.variant.cascade is True


def test_the_first_rung_is_on_both_curves_where_there_is_another_one_shot_network():
    first, second, one_shot = pruned(root(), 0.3), pruned(root(), 0.3, 0.5), pruned(root(), 0.5)
    both, (cascade,), (single,) = variants(first, second, one_shot)
    assert set(both) == {cascade, single}
    assert (cascade.cascade, single.cascade) == (True, False)


def test_a_first_rung_whose_cascade_is_not_finished_goes_with_those_of_other_seeds():
    done = [pruned(root(), 0.3), pruned(root(), 0.3, 0.5)]
    found = variants(*done, pruned(root(seed=1), 0.3))
    assert {each.cascade for own in found for each in own} == {True}


def test_a_cascade_of_other_settings_has_no_claim_to_a_first_rung():
    first, other = pruned(root(), 0.3, mode="fine-tune"), pruned(root(), 0.3, 0.5)
    assert [each.cascade for own in variants(first, other) for each in own] == [False, True]


def test_rungs_before_their_retraining_are_a_cascade_of_their_own():
    bare = [pruned(root(), *ratios, retrained=False) for ratios in ((0.3,), (0.3, 0.5), (0.3, 0.5, 0.7))]
    tuned = [pruned(root(), *ratios) for ratios in ((0.3,), (0.3, 0.5), (0.3, 0.5, 0.7))]
    found = variants(*bare, *tuned)
    assert [each.retraining for own in found for each in own] == [None] * 3 + ["lr-rewind"] * 3
    assert len({each for own in found for each in own}) == 2
    assert EARLIER in found[0][0].columns()["settings"]


def test_rounds_that_differ_are_no_cascade_of_one_method():
    mixed = [PruneParams(parent=root().key, method="ft", prune_ratio=0.3)]
    mixed.append(PruneParams(parent=mixed[0].key, method="wt", prune_ratio=0.5))
    both = record(root(), *mixed, ratio=0.5)
    found = variants(both, pruned(root(), 0.3, 0.5, retrained=False), pruned(root(), 0.3))
    assert found[0][0] != found[1][0]
    assert [each.cascade for each in found[2]] == [False]


def test_one_ratio_over_two_ladders_is_two_variants():
    long, short = pruned(root(), 0.2, 0.4, 0.6), pruned(root(), 0.3, 0.6)
    (one,), (other,) = variants(long, short)
    assert [each.columns()["settings"] for each in (one, other)] == [
        {LADDER: [0.2, 0.4, 0.6]},
        {LADDER: [0.3, 0.6]},
    ]


def test_networks_of_one_rung_and_parent_are_repetitions():
    found = places(*(pruned(root(), ratio, retrain_seed=seed) for seed in (0, 1) for ratio in (0.5, 0.8)))
    assert [own[0].repetition for own in found] == [0, 0, 1, 1]


def test_a_common_ancestor_belongs_to_every_repetition():
    first = pruned(root(), 0.3)
    steps = [step.read() for step in first.lineage]
    leaves = [
        record(
            *steps,
            prune := PruneParams(parent=steps[-1].key, method="wt", prune_ratio=0.5),
            RetrainParams(parent=prune.key, seed=seed),
            ratio=0.5,
        )
        for seed in (0, 1)
    ]
    found = places(first, *leaves)
    assert [[each.repetition for each in own] for own in found] == [[0, 1], [0], [1]]


def test_seeds_that_vary_over_the_rungs_are_one_curve():
    found = places(pruned(root(), 0.5, retrain_seed=1), pruned(root(), 0.8, retrain_seed=2))
    assert [own[0].repetition for own in found] == [0, 0]


def imported(digit, seed=0):
    return ImportParams(arch="resnet8", dataset="digits", weights="sha256:" + digit * 64, seed=seed)


def test_imported_weights_are_seeds_of_one_variant_only_where_a_seed_says_so():
    assert (
        len({own[0] for own in map(tuple, variants(pruned(imported("a"), 0.5), pruned(imported("b"), 0.5)))})
        == 2
    )
    declared = variants(pruned(imported("a"), 0.5), pruned(imported("b", seed=1), 0.5))
    assert declared[0] == declared[1]
    assert (
        len(set(map(tuple, variants(*map(record, (imported("a"), imported("b"), imported("c", seed=1)))))))
        == 3
    )


def compressed(parent, digit="a", *, ratio=0.5, **more):
    step = ImportParams(parent=parent.key, weights="sha256:" + digit * 64, **more)
    return record(parent, step, ratio=ratio)


def test_a_network_made_smaller_elsewhere_is_of_a_role_of_its_own():
    found = variant_of(compressed(root(), method="int8", expect_error=0.1))
    assert (found.role, found.method, found.structure, found.cascade) == (Role.COMPRESSED, "int8", None, None)
    assert (found.arch, found.dataset, found.columns()["settings"]) == ("resnet8", "digits", {})


def test_compressed_networks_of_one_method_are_rungs_of_one_variant_and_seeds_by_their_parents():
    small, large = (
        compressed(root(), "a", ratio=0.8, method="tp"),
        compressed(root(), "b", ratio=0.5, method="tp"),
    )
    other = compressed(root(seed=1), "c", ratio=0.5, method="tp")
    found = places(small, large, other)
    assert len({each.variant for own in found for each in own}) == 1
    assert [own[0].seed for own in found] == [0, 0, 1]
    assert [own[0].repetition for own in found] == [0, 0, 0]


def test_two_compressed_networks_at_one_place_are_two_variants():
    """One parent, one ratio, one method, other weights: nothing declares them to be repetitions."""
    (one,), (other,) = variants(
        compressed(root(), "a", method="int8"), compressed(root(), "b", method="int8")
    )
    assert one != other


def test_preprocessing_sets_networks_apart():
    plain, resized = record(root()), record(root(image_size=(28,)))
    assert variant_of(plain) != variant_of(resized)


def test_weights_of_an_early_epoch_are_another_network():
    kept = record(root(keep_epoch=1)).model_copy(update={"key": f"{root(keep_epoch=1).key}@1"})
    assert variant_of(kept) != variant_of(record(root(keep_epoch=1)))
