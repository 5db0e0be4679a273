"""A report that is there and made of the same is known without any finding; anything that changes it makes another."""

from importlib.metadata import PackageNotFoundError

import pytest

from prunekit.base import own_code
from prunekit.base.own_code import digest_of_code
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, ReportParams
from prunekit.studies import subject
from prunekit.studies.fresh import made_of
from prunekit.studies.subject import Source, report_plan

SETTINGS = ReportParams(margin=0.1, resamples=100)
SOURCE = Source("A title", "a recipe")


@pytest.fixture
def steps(study):
    return [study.outcome(record, "digits", 5) for record in (study.parent, study.half)]


def test_an_unchanged_study_is_made_of_the_same_and_a_changed_one_is_not(study, steps):
    known = made_of(study.store, steps, ["a"])
    assert known == made_of(study.store, steps, ["a"])
    assert made_of(study.store, steps, ["b"]) != known
    assert made_of(study.store, steps[:1], ["a"]) != known
    study.store.label("dense", study.parent.key)
    labelled = made_of(study.store, steps, ["a"])
    assert labelled != known
    study.outcome(study.half, "digits", 6)  # the same step, with another result
    assert made_of(study.store, steps, ["a"]) != labelled
    study.store.remove(steps[1].key)
    assert made_of(study.store, steps, ["a"]) not in (known, labelled)


def test_what_files_of_groups_say_is_always_looked_at(study, steps, tmp_path):
    assert made_of(study.store, steps, [], groups=tmp_path / "groups.csv") == ""
    folder = tmp_path / "photos"
    folder.mkdir()
    step = ErrorParams(model=study.half.key, distribution=f"folder:{folder}")
    assert made_of(study.store, [step], []) != ""
    (folder / "groups.csv").write_text("file,camera\n")
    assert made_of(study.store, [step], []) == ""


@pytest.fixture
def written(study, steps, tmp_path, monkeypatch):
    """A function that writes the report and says whether findings were worked out for it."""

    def write(settings=SETTINGS, source=SOURCE):
        worked = []
        real = subject.all_findings
        monkeypatch.setattr(
            subject, "all_findings", lambda *given, **more: worked.append(1) or real(*given, **more)
        )
        found = report_plan(
            study.store, steps, settings, source, out=tmp_path / "out", data=tmp_path, say=print
        )
        monkeypatch.setattr(subject, "all_findings", real)
        assert found.page.is_file()
        return bool(worked)

    return write


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_unchanged_report_is_left_and_nothing_is_worked_out(written, tmp_path):
    assert written()
    before = files_of(tmp_path / "out")
    assert not written()
    assert files_of(tmp_path / "out") == before
    page = tmp_path / "out" / "index.html"
    page.write_text("changed by hand")
    assert written()
    assert not written()
    assert files_of(tmp_path / "out") == before
    assert written(source=Source("Another title", "a recipe"))


def test_nothing_to_report_is_said_each_time(study, tmp_path):
    for _ in range(2):
        with pytest.raises(UsageError, match="nothing to report"):
            report_plan(study.store, [], SETTINGS, SOURCE, out=tmp_path / "out", data=tmp_path, say=print)


def test_where_torch_is_not_installed_the_rest_counts(study, steps, monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    known = made_of(study.store, steps, [])
    monkeypatch.setattr(own_code, "version", missing)
    digest_of_code.cache_clear()
    assert made_of(study.store, steps, []) not in ("", known)
    digest_of_code.cache_clear()
