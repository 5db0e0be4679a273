"""Small files of small functions, no pickle and no eval: the habits that a program can check."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "src").rglob("*.py"))
FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}
GUARDED = "models/unpickle.py"  # the one place that may call torch.load, with weights_only=True
FORBIDDEN_MODULES = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml"}


def name(path):
    return str(path.relative_to(ROOT / "src" / "prunekit"))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_has_at_most_350_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_function_has_at_most_40_lines(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in functions
        if node.end_lineno - node.lineno >= 40
    ] == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_nothing_unpickles_or_evaluates(path):
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_NAMES:
            found.append(node.func.id)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "np.load", "numpy.load"):
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            guarded = (
                name(path) == GUARDED and given.get("weights_only") == "True"
                if ast.unparse(node.func) == "torch.load"
                else given.get("allow_pickle") == "False"
            )
            if not guarded:
                found.append(ast.unparse(node))
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
            found += [module for module in modules if module.partition(".")[0] in FORBIDDEN_MODULES]
    assert found == []


def test_torch_load_is_called_in_one_place():
    calls = [path for path in FILES if "torch.load(io" in path.read_text(encoding="utf-8")]
    assert [name(path) for path in calls] == [GUARDED]


def test_source_names_no_machine():
    texts = {name(path): path.read_text(encoding="utf-8") for path in FILES}
    assert [
        path for path, text in texts.items() if "/root/" in text or "/home/" in text or "/tmp/" in text
    ] == []
