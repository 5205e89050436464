"""The source distribution and the wheel made from it, without network: what they hold."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser

import pytest
from package_files import ROOT

import sk_brainrvq

CHECKOUT = ROOT.parent
NAME = f"sk_brainrvq-{sk_brainrvq.__version__}"
LEFT_OUT = (".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", ".*_cache")
DATA = {
    "sk_brainrvq/py.typed",
    "sk_brainrvq/datasets/eegmat_sha256.txt",
    "sk_brainrvq/datasets/physionet_mi_sha256.txt",
    "sk_brainrvq/datasets/guinea_bissau_git_sha1.txt",
    "sk_brainrvq/datasets/ssvep_git_sha1.txt",
    *(
        f"sk_brainrvq/weights/bundled/{model}/{file}"
        for model in ("small-2026.12", "tokenizer-2026.11")
        for file in ("README.md", "config.json", "model.safetensors")
    ),
}
BESIDE = {
    *("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "README.md", "RELEASING.md"),
    *("SECURITY.md", "Makefile", "constraints.txt", "pyproject.toml", "setup.py"),
    *("docs/conf.py", "docs/install.rst", "docs/_ext/markdown.py", "docs/_static/sk_brainrvq.css"),
    *("examples/quickstart.py", "examples/gallery/README.txt", "benchmarks/table.py"),
    *(
        f"benchmarks/results/{dataset}.{ending}"
        for dataset in ("eegmat", "guinea-bissau", "ssvep")
        for ending in ("csv", "npz")
    ),
    *(f"benchmarks/results/mutants/seed{seed}.csv" for seed in (0, 1)),
    *("benchmarks/results/explanations.csv", "benchmarks/results/montage_transfer.json"),
    *(
        f"benchmarks/results/encoders/{name}.json"
        for name in (
            "tokens",
            "curves",
            "codes",
            "half",
            "claims",
            "class_token",
            "half_class_token",
        )
    ),
    *(
        f"benchmarks/results/codes_{name}.json"
        for name in ("eegmat", "guinea_bissau", "once", "512x8", "64x3", "twenty_passes")
    ),
    *("tests/conftest.py", "tests/package_files.py", "tests/packaging/test_distributions.py"),
}


def build(kind, source, out):
    """Build with setuptools in a folder, as pip and build do without isolation."""
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    command = [sys.executable, "-c", code, str(out)]
    result = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return next(out.glob("*.tar.gz" if kind == "sdist" else "*.whl"))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """What an sdist unpacks to, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(CHECKOUT, folder / "source", ignore=shutil.ignore_patterns(*LEFT_OUT))
    sdist = build("sdist", folder / "source", folder)
    with tarfile.open(sdist) as archive:
        # The keyword filter="data" is of Python 3.11.4 and later.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        archive.extractall(folder)
    held = files_in(folder / NAME)
    return held, build("wheel", folder / NAME, folder)


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def modules():
    return {path.relative_to(CHECKOUT).as_posix() for path in ROOT.rglob("*.py")}


def test_sdist__unpacked__holds_all_that_building_and_testing_take(built):
    held, _ = built
    assert modules() | DATA | BESIDE <= held
    tests = files_in(CHECKOUT / "tests")
    assert {f"tests/{name}" for name in tests if "__pycache__" not in name} <= held
    assert not [
        name for name in held if name.startswith("benchmarks/results/") and name not in BESIDE
    ]
    strays = ("__pycache__", ".venv", "docs/_build", "docs/gallery", "docs/api/", "build/", "dist/")
    assert [name for name in held if name.startswith(strays) or name.endswith(".pyc")] == []


def test_wheel__files__the_package_its_data_and_nothing_else(built):
    _, wheel = built
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        weights = "sk_brainrvq/weights/bundled/small-2026.12/model.safetensors"
        assert archive.read(weights) == (CHECKOUT / weights).read_bytes()
    assert held == modules() | DATA


def test_wheel__metadata__name_licence_keywords_and_command(built):
    _, wheel = built
    with zipfile.ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read(f"{NAME}.dist-info/METADATA").decode())
        commands = archive.read(f"{NAME}.dist-info/entry_points.txt").decode()
    assert metadata["Version"] == sk_brainrvq.__version__
    assert {"EEG", "scikit-learn"} <= set(metadata["Keywords"].split(","))
    assert metadata.get_all("Project-URL")
    assert "sk-brainrvq = sk_brainrvq.command_line:main" in commands
    # MNE brings matplotlib: an extra for it would be empty.
    assert "viz" not in metadata.get_all("Provides-Extra")
