from prunekit import __version__
from prunekit.engine import doctor


def found(tmp_path):
    return {each.what: each for each in doctor.examine(tmp_path / "store", tmp_path / "data")}


def test_versions_and_places_are_named(tmp_path):
    every = found(tmp_path)
    assert every["prunekit"].value == __version__
    assert str(tmp_path / "store") in every["store"].value
    assert every["torch"].ok


def test_a_missing_package_says_how_to_get_it(tmp_path, monkeypatch):
    versions = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda package: None if package == "timm" else versions(package))
    timm = found(tmp_path)["timm"]
    assert (timm.ok, timm.remedy) == (False, "pip install timm")


def test_a_file_where_the_store_should_be_is_named(tmp_path):
    (tmp_path / "store").write_text("")
    store = found(tmp_path)["store"]
    assert "is not a folder" in store.remedy


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "LITTLE_SPACE", 2**62)
    assert not found(tmp_path)["data"].ok
