import inspect

import pytest

from prunekit.cli.flags import field_flag, metavar, options, read_fields
from prunekit.cli.models import resolve_all
from prunekit.cli.output import emit
from prunekit.errors import UsageError
from prunekit.params import STEPS, NoiseParams, TrainParams
from prunekit.store.store import Store


@pytest.mark.parametrize("kind", STEPS)
def test_every_field_is_a_flag_that_says_what_it_is(kind):
    for name, field in STEPS[kind].model_fields.items():
        annotation, default = field_flag(name, field)
        option = annotation.__metadata__[0]
        names = [
            option.default,
            *option.param_decls,
        ]  # typer reads the first name as a default until it is bound
        assert any(str(each).startswith("--" + name.replace("_", "-")) for each in names)
        assert field.description in option.help
        assert (default is inspect.Parameter.empty) == field.is_required()


def test_values_are_named_by_their_type():
    fields = TrainParams.model_fields
    assert metavar(fields["epochs"].annotation) == "INT"
    assert metavar(fields["lr"].annotation) == "FLOAT"
    assert metavar(fields["schedule"].annotation) == "multistep|step|poly|cosine|constant"
    assert metavar(fields["milestones"].annotation) == "INT,..."
    assert metavar(fields["clip_norm"].annotation) == "FLOAT"


def test_flags_are_fields_and_lists_split_at_commas():
    given = {"levels": "0, 0.1,0.2", "images": "20", "clip": True, "seed": None}
    fields = read_fields(NoiseParams, given)
    params = NoiseParams.read(fields | {"model": "a", "to": "b"})
    assert (params.levels, params.images, params.clip, params.seed) == ((0.0, 0.1, 0.2), 20, True, 0)
    assert params.key == NoiseParams(model="a", to="b", levels=(0, 0.1, 0.2), images=20, clip=True).key


def test_a_device_that_is_none_is_refused_also_where_nothing_is_computed():
    with pytest.raises(UsageError, match="'banana': unknown; allowed are cpu, cuda"):
        options({"device": "banana"})


@pytest.mark.parametrize("line", ['{"kee": 1}', "{", '{"key": 3}', "[" * 5000 + "{"])
def test_a_line_on_stdin_that_names_no_model_is_one_line(line, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", iter([line]))
    with pytest.raises(UsageError) as caught:
        resolve_all(Store(tmp_path), ["-"])
    assert "\n" not in str(caught.value)


def test_rows_are_json_lines_away_from_a_terminal(capsys):
    emit([{"key": "a", "error": 0.5}, {"key": "b", "error": None}])
    assert capsys.readouterr().out == '{"key": "a", "error": 0.5}\n{"key": "b", "error": null}\n'


def test_a_terminal_gets_a_table_in_percent(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    emit([{"key": "a", "error": 0.125, "name": "[red]x"}], columns=("key", "error", "name"))
    out = capsys.readouterr().out
    assert "12.50 %" in out
    assert "[red]x" in out
