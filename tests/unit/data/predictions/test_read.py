import json

import numpy as np
import pytest

from prunekit.data.predictions.outcomes import Scores
from prunekit.data.predictions.read import Asked, read
from prunekit.errors import UsageError

LOGITS = np.array([[2.0, 0.5, -1.0], [0.0, 1.0, 0.25]])
P = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
LABELS = [0, 2]
IDS = ["a.png", "b.png"]


def csv(path, head, rows):
    path.write_text("\n".join(",".join(map(str, row)) for row in [head, *rows]) + "\n")
    return path


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    return tmp_path / "x.npz"


def jsonl(tmp_path, rows):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def as_npz(tmp_path):
    return npz(tmp_path, logits=LOGITS, labels=LABELS, ids=np.array(IDS))


def as_csv(tmp_path):
    rows = [[name, label, *row] for name, label, row in zip(IDS, LABELS, LOGITS, strict=True)]
    return csv(tmp_path / "x.csv", ["file", "target", "logit_0", "logit_1", "logit_2"], rows)


def as_jsonl(tmp_path):
    rows = zip(IDS, LABELS, LOGITS.tolist(), strict=True)
    return jsonl(tmp_path, [{"id": name, "label": label, "logits": row} for name, label, row in rows])


def as_parquet(tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    from pyarrow import parquet

    table = arrow.table({"name": IDS, "y_true": LABELS, "logits": LOGITS.tolist()})
    parquet.write_table(table, tmp_path / "x.parquet")
    return tmp_path / "x.parquet"


@pytest.mark.parametrize("written", [as_npz, as_csv, as_jsonl, as_parquet])
def test_every_format_gives_the_same_predictions(written, tmp_path):
    found = read(written(tmp_path))
    np.testing.assert_allclose(found.scores, LOGITS)
    assert (found.labels.tolist(), found.ids, found.kind) == (LABELS, tuple(IDS), Scores.LOGITS)


def test_a_bare_array_takes_its_labels_from_another_file(tmp_path):
    np.save(tmp_path / "logits.npy", LOGITS)
    np.save(tmp_path / "labels.npy", np.array(LABELS))
    found = read(tmp_path / "logits.npy", Asked(labels=tmp_path / "labels.npy"))
    assert found.labels.tolist() == LABELS


def test_numbered_columns_that_sum_to_one_are_probabilities(tmp_path):
    rows = [[label, *row] for label, row in zip(LABELS, P, strict=True)]
    assert read(csv(tmp_path / "x.csv", ["label", "0", "1", "2"], rows)).kind is Scores.PROBABILITIES


def test_columns_are_named_by_the_user_where_they_are_unusual(tmp_path):
    path = npz(tmp_path, out=LOGITS, truth_id=LABELS)
    with pytest.raises(UsageError, match=r"it has out, truth_id"):
        read(path)
    assert read(path, Asked(columns={"logits": "out", "label": "truth_id"})).n == 2


def test_classes_by_name_need_their_order(tmp_path):
    path = csv(tmp_path / "x.csv", ["label", "prediction"], [["cat", "dog"], ["dog", "dog"]])
    with pytest.raises(UsageError, match="'cat' is neither a number nor a known class"):
        read(path)
    found = read(path, Asked(classes=("cat", "dog")))
    assert (found.labels.tolist(), found.scores.tolist(), found.kind) == ([0, 1], [1, 1], Scores.CLASSES)


def test_samples_of_a_language_model_harness_with_choices(tmp_path):
    rows = [
        {"doc_id": 7, "target": "1", "filtered_resps": [["-3.5", "False"], ["-1.0", "True"]], "acc": 1.0},
        {
            "doc_id": 8,
            "target": 0,
            "filtered_resps": [[-2.0, False], [-4.0, False], [-1.0, True]],
            "acc": 0.0,
        },
    ]
    found = read(jsonl(tmp_path, rows))
    assert (found.ids, found.labels.tolist(), found.scores.shape) == (("7", "8"), [1, 0], (2, 3))
    assert found.scores[0, 2] == -np.inf


def test_samples_without_choices_say_only_right_or_wrong(tmp_path):
    rows = [
        {"doc_id": i, "target": "#### 4", "filtered_resps": ["4"], "exact_match": i % 2} for i in range(4)
    ]
    found = read(jsonl(tmp_path, rows))
    assert (found.kind, found.scores.tolist(), found.labels.tolist()) == (
        Scores.CLASSES,
        [0, 1, 0, 1],
        [1] * 4,
    )


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("x.txt", "", "unknown ending"),
        ("x.csv", "", "is empty"),
        ("x.csv", "label,prediction\n1\n", "line 2: 1 cells under 2 headings"),
        ("x.csv", "label,logit_0,logit_2\n0,1,2\n", "expected 0 to 1"),
        ("x.csv", "label,logit_0,logit_1\n0,a,2\n", "not numbers"),
        ("x.jsonl", "[1]\n", "is not a JSON object"),
        ("x.jsonl", "{\n", "cannot read"),
        (
            "x.jsonl",
            '{"label": 0, "logits": [1, 2]}\n{"label": 0, "logits": [1]}\n',
            "different numbers of scores",
        ),
        ("x.npz", "no archive", "cannot read"),
        ("x.parquet", "no table", "cannot read"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(name, text, why, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=why):
        read(tmp_path / name)


def test_arrays_of_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "x.npz", logits=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="not read"):
        read(tmp_path / "x.npz")
