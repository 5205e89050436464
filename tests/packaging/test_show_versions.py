"""Versions and hardware, as a bug report names them."""

import platform
import subprocess
import sys
from importlib.metadata import version

import sk_brainrvq


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def facts(text):
    """Values by their names."""
    return dict(line.split(maxsplit=1) for line in text.splitlines() if line.startswith("  "))


def test_show_versions__here__what_is_installed(capsys):
    assert sk_brainrvq.show_versions() is None
    shown = facts(capsys.readouterr().out)
    assert shown["sk_brainrvq"] == sk_brainrvq.__version__
    assert shown["python"].startswith(platform.python_version())
    assert shown["platform"] == platform.platform()
    for name in ("numpy", "scipy", "scikit-learn", "torch", "skorch", "mne"):
        assert shown[name] == version(name)
    assert shown["threads"].endswith("between")
    assert shown["zarr"] == version("zarr")


def test_show_versions__command__the_same(capsys):
    sk_brainrvq.show_versions()
    printed = facts(run(sys.executable, "-m", "sk_brainrvq", "--show-versions"))
    here = facts(capsys.readouterr().out)
    assert {**printed, "threads": ""} == {**here, "threads": ""}


def test_show_versions__broken_pytorch__the_rest_is_shown():
    code = (
        "import sys; sys.modules['torch'] = None; import sk_brainrvq; sk_brainrvq.show_versions()"
    )
    printed = run(sys.executable, "-c", code)
    assert "failed, ModuleNotFoundError" in printed
    assert facts(printed)["mne"] == version("mne")
