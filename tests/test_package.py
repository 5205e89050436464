"""The package as a whole: what it exports and who imports whom."""

import subprocess
import sys

import pytest
from package_files import FILES, ROOT, imports

import sk_brainrvq

# Who may know whom, besides themselves.
ARROWS = {
    "nn": set(),
    "signals": set(),
    "corpus": {"signals"},
    "recordings": {"signals"},
    "training": {"nn", "signals"},
    "weights": {"nn", "signals"},
    "estimators": {"nn", "signals", "training", "weights"},
    "explain": {"estimators", "nn", "recordings", "signals", "training"},
    "inspection": {"estimators", "signals"},
    "streaming": {"estimators", "signals"},
    "command_line": {"corpus", "estimators", "inspection", "signals", "training", "weights"},
}


def part_of(path):
    """Subpackage that a file belongs to; "" for those of the package itself."""
    parts = path.relative_to(ROOT).parts
    return parts[0] if len(parts) > 1 else ""


def known_parts(path):
    """Subpackages that a file imports."""
    names = [name.split(".") for name, _ in imports(path)]
    folders = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    return {name[1] for name in names if name[0] == "sk_brainrvq" and len(name) > 1} & folders


def run_python(code):
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_import__fresh_process__loads_no_heavy_library():
    code = """
import sys
import sk_brainrvq
heavy = {"torch", "mne", "skorch", "sklearn", "scipy", "numpy", "matplotlib", "safetensors"}
print(sorted(({"click"} | heavy) & set(sys.modules)))
print(sk_brainrvq.__version__)
"""
    loaded, version = run_python(code).splitlines()
    assert loaded == "[]"
    assert version == sk_brainrvq.__version__


def test_using_an_estimator__fresh_process__loads_neither_mne_nor_matplotlib():
    code = """
import sys
from sk_brainrvq import DDRVQTransformer
extras = {"mne", "matplotlib", "braindecode", "moabb", "zarr", "peft", "dask", "huggingface_hub"}
print(sorted(extras & set(sys.modules)))
"""
    assert run_python(code).strip() == "[]"


def test_dir__package__lists_public_names():
    expected = {
        "Architecture",
        "BrainRVQClassifier",
        "BrainRVQEmbedder",
        "BrainRVQModule",
        "BrainRVQPretrainer",
        "BrainRVQRegressor",
        "CodeHistogram",
        "DDRVQTransformer",
        "EEGCorpus",
        "Engine",
        "Filters",
        "RandomCrops",
        "Reading",
        "Recordings",
        "Weights",
        "__version__",
        "build_corpus",
        "window_table",
    }
    assert expected <= set(dir(sk_brainrvq))
    assert expected <= set(sk_brainrvq.__all__)
    for name in expected:
        assert getattr(sk_brainrvq, name) is not None


def test_getattr__unknown_name__raises_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'BrainRVQClusterer'"):
        sk_brainrvq.BrainRVQClusterer  # noqa: B018


@pytest.mark.parametrize("part", ARROWS)
def test_imports__between_subpackages__follow_the_arrows(part):
    files = [path for path in FILES if part_of(path) == part]
    assert len(files) > 1
    strangers = {
        (str(path.relative_to(ROOT)), known)
        for path in files
        for known in known_parts(path) - ARROWS[part] - {part}
    }
    assert strangers == set()


def test_imports__nn__knows_torch_and_the_standard_library_only():
    allowed = {"torch", "sk_brainrvq"} | sys.stdlib_module_names
    strangers = {
        (path.name, name)
        for path in FILES
        if part_of(path) == "nn"
        for name, _ in imports(path)
        if name.split(".")[0] not in allowed
    }
    assert strangers == set()


def test_imports__skorch__in_training_only():
    users = {part_of(path) for path in FILES for name, _ in imports(path) if "skorch" in name}
    assert users == {"training"}


def test_imports__datasets_and_viz__known_to_nobody_else():
    strangers = {
        (str(path.relative_to(ROOT)), known)
        for path in FILES
        for known in known_parts(path) & {"datasets", "viz"}
        if part_of(path) != known
    }
    assert strangers == set()


def test_imports__extras__only_where_they_are_used():
    extras = {"matplotlib", "braindecode", "moabb", "zarr", "fsspec", "peft", "accelerate"}
    extras |= {"huggingface_hub"}
    extras |= {"mne_lsl", "onnx", "onnxruntime", "onnxscript"}
    extras |= {"captum"}
    strangers = {
        (str(path.relative_to(ROOT)), name)
        for path in FILES
        for name, at_module_level in imports(path)
        if at_module_level and name.split(".")[0] in extras
        if not (name.split(".")[0] == "matplotlib" and part_of(path) == "viz")
        if not (name.split(".")[0] == "moabb" and path.name.startswith("moabb_"))
    }
    assert strangers == set()
