"""Walks the four packages: nothing reads what could run as code."""

import ast

import pytest

PACKAGES = ("hpo", "trainer", "storage", "config")
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "pandas"}
HARMLESS = {("pickle", "UnpicklingError")}
RUNNERS = {"eval", "exec", "compile", "__import__", "execfile"}
YAML_LOADS = {"load_all", "full_load", "full_load_all", "unsafe_load", "unsafe_load_all"}


def modules(root):
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def faults(tree):
    """What in a module's code could run what it reads, as text with the line."""
    for node in ast.walk(tree):
        found = None
        if isinstance(node, ast.Import):
            found = {alias.name.partition(".")[0] for alias in node.names} & PICKLES
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = {(node.module, alias.name) for alias in node.names}
            found = node.module.partition(".")[0] in PICKLES and names - HARMLESS
        elif isinstance(node, ast.Call):
            found = _call_fault(node)
        if found:
            yield f"line {node.lineno}: {ast.unparse(node)}"


def _call_fault(node):
    function = ast.unparse(node.func)
    last = function.rpartition(".")[2]
    keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
    if function in {"torch.load", "load_state_dict_from_url"} or last == "read_pickle":
        return keywords.get("weights_only") != "True"
    if function in RUNNERS or function in {"os.system", "os.popen"}:
        return True
    if function == "yaml.load":
        return not keywords.get("Loader", "").endswith("_Loader")
    if function.startswith("yaml.") and last in YAML_LOADS:
        return True
    if function in {"np.load", "numpy.load"}:
        return keywords.get("allow_pickle") != "False"
    return (
        keywords.get("trust_remote_code", "False") != "False"
        or keywords.get("shell", "False") != "False"
        or keywords.get("weights_only", "True") != "True"
    )


def test_no_module_reads_what_could_run(root):
    found = [f"{path}: {fault}" for path, tree in modules(root) for fault in faults(tree)]
    assert found == []


def test_nobody_speaks_of_remote_code_at_all(root):
    for path, tree in modules(root):
        for node in ast.walk(tree):
            named = isinstance(node, ast.keyword) and node.arg == "trust_remote_code"
            spelled = isinstance(node, ast.Constant) and node.value == "trust_remote_code"
            assert not named, path
            assert not spelled, path


def test_the_yaml_loader_is_a_safe_one():
    import yaml

    from config.yaml_text import _Loader

    assert issubclass(_Loader, yaml.SafeLoader)
    assert not [tag for tag in _Loader.yaml_constructors if tag and "python" in tag]
    assert not [tag for tag in _Loader.yaml_multi_constructors if tag and "python" in tag]


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib.externals",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.load(text)",
        "yaml.unsafe_load(text)",
        "np.load(path)",
        "AutoTokenizer.from_pretrained(name, trust_remote_code=True)",
        "BartModel.from_pretrained(name, weights_only=False)",
        "eval(text)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_the_walk_would_find_it(source):
    assert list(faults(ast.parse(source)))


def test_the_walk_lets_tensors_through():
    for source in ("torch.load(path, weights_only=True)", "from pickle import UnpicklingError"):
        assert not list(faults(ast.parse(source)))
