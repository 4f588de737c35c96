"""The house's rules, read from the sources: who may import whom, how long a file and a function may be."""

import ast
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "rtq").rglob("*.py"))
ALL = {"editor", "models", "decode", "rl", "photos", "interop", "text", "data", "regions", "eval", "train", "agent"}
# folder → what of rtq it may import besides itself; the longest matching path counts
ALLOWED = {
    "editor": set(), "models": set(), "decode": set(), "rl": set(), "eval/metrics": set(),
    "photos": {"editor", "files"}, "interop": {"editor", "files"}, "text": {"editor"},
    "data": {"editor", "text", "decode", "photos", "interop"},
    "rl/rewards": {"editor", "text", "decode", "photos", "interop"},
    "rl/rollout": {"editor", "text", "decode", "photos", "interop", "models"},  # it runs the models it samples from
    "rl/scoring": {"editor", "text", "decode", "models"},  # so does the reward model's half of it
    "rl/grammars": {"text", "decode"},  # what either may write
    "regions": {"editor", "models", "photos"},
    "eval": (ALL - {"train", "agent"}) | {"files"}, "train": ALL - {"agent"}, "agent": ALL - {"train"},
    "main": {"train", "eval"}, "cli": (ALL - {"train"}) | {"cli", "files"}, "__init__": set(),
    "files": set(),  # the standard library only
}
BARE = {"editor", "models", "decode", "rl"}  # run on bare accelerator images
BARE_LIBRARIES = {"jax", "flax", "optax", "dm_pix", "numpy", "ml_dtypes"}  # ml_dtypes: jax is built on it
LAZY_LIBRARIES = BARE_LIBRARIES | {"PIL"}  # inside functions: only who opens a picture file needs Pillow
MAX_LINES, MAX_FUNCTION = 600, 60
EXPERIMENT_LIBRARIES = {"ml_collections"}


def imports(path: pathlib.Path, *, nested: bool = True) -> list[str]:
    """Full dotted names of everything a file imports; `nested`: also inside functions."""
    found = []
    package = path.relative_to(ROOT).with_suffix("").parts
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if nested else tree.body:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[:len(package) - node.level]) if node.level else ""
            module = ".".join(x for x in (base, node.module or "") if x)
            found += [f"{module}.{alias.name}" for alias in node.names]
    return found


def unit(path: pathlib.Path) -> str:
    """"editor", "rl/rewards", "cli", …: the key of `ALLOWED` that governs a file of rtq."""
    parts = path.relative_to(ROOT / "rtq").with_suffix("").parts
    if parts[0] == "cli" or parts[0].startswith("cli_"):
        return "cli"
    deep = "/".join(parts[:2])
    return deep if deep in ALLOWED else parts[0]


def relative(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_keep_to_the_table(path):
    own = unit(path)
    assert own in ALLOWED, f"no rule for {relative(path)}: add its folder to the table"
    home = own.split("/")[0]
    at_start = set(imports(path, nested=False))
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "rtq" and len(parts) > 1:
            target = "cli" if parts[1].startswith("cli") else parts[1]
            assert target == home or target in ALLOWED[own], f"{relative(path)} imports {name}"
        elif home in BARE and parts[0] != "rtq":
            allowed = BARE_LIBRARIES if name in at_start else LAZY_LIBRARIES
            assert parts[0] in allowed or parts[0] in sys.stdlib_module_names, f"{relative(path)} imports {name}"
        assert parts[0] != "tests"


def test_experiments_import_configs_only():
    for path in (ROOT / "experiments").glob("*.py"):
        for name in imports(path):
            assert name.split(".")[0] in EXPERIMENT_LIBRARIES or name.startswith("experiments.common"), name


def test_sizes_of_files_and_functions():
    """No file above 600 lines, no function above 60; `train` may read top to bottom."""
    long = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > MAX_LINES:
            long.append(f"{relative(path)}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name != "train":
                length = node.end_lineno - node.lineno + 1
                if length > MAX_FUNCTION:
                    long.append(f"{relative(path)}: {node.name} has {length} lines")
    assert not long


def test_the_checks_see_something():
    assert len(SOURCES) > 20
    assert "rtq.editor.plan.Plan" in imports(ROOT / "rtq" / "editor" / "__init__.py")
    assert unit(ROOT / "rtq" / "rl" / "rewards.py") == "rl/rewards"
    assert unit(ROOT / "rtq" / "editor" / "plan.py") == "editor"
