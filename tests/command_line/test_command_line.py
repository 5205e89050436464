"""The root: help that comes quickly and teaches, and words that were nearly right."""

import subprocess
import sys

import click
import pytest
from command_runs import run, run_alone

import sk_brainrvq
from sk_brainrvq.command_line.app import app

COMMANDS = [
    ("corpus", "build"),
    ("corpus", "info"),
    ("corpus", "verify"),
    ("tokenizer", "fit"),
    ("pretrain",),
    ("embed",),
]


def test_help__without_a_command__loads_no_heavy_library():
    code = """
import sys
sys.argv = ["sk-brainrvq", "--help"]
try:
    from sk_brainrvq.command_line import main
    main()
except SystemExit as end:
    assert end.code == 0
heavy = {"torch", "mne", "skorch", "sklearn", "scipy", "numpy", "zarr", "yaml"}
print(sorted(heavy & set(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    lines = result.stdout.splitlines()
    assert lines[-1] == "[]"
    for name in ("corpus", "tokenizer", "pretrain", "embed"):
        assert any(line.split()[:1] == [name] for line in lines)


@pytest.mark.parametrize("group", [(), ("corpus",), ("tokenizer",)])
def test_group__without_a_command__shows_its_help_and_exits_2(group):
    result = run(*group)
    assert result.exit_code == 2
    assert "Commands:" in result.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help__of_each_command__has_an_example_and_common_options(command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert f"sk-brainrvq {' '.join(command)} " in result.output.split("Options:")[0]
    assert "Example" in result.output
    for option in ("--config", "--debug", "--help"):
        assert option in result.output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help__of_each_option__says_what_it_does(command):
    found = app
    for name in command:
        found = found.get_command(None, name)
    options = [option for option in found.params if isinstance(option, click.Option)]
    assert len(options) > 1
    assert [option.name for option in options if not option.help] == []


def test_version__printed():
    result = run("--version")
    assert result.exit_code == 0
    assert sk_brainrvq.__version__ in result.output


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("tokeniser", "fit"), "Did you mean 'tokenizer'?"),
        (("pretrian",), "Did you mean 'pretrain'?"),
        (("corpus", "biuld"), "Did you mean 'build'?"),
        (("corpus", "xyzzy"), "The commands are build, info, verify"),
    ],
)
def test_unknown_command__says_which_was_meant(words, meant):
    result = run(*words)
    assert result.exit_code == 2
    assert meant in result.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("embed", "x.edf", "--out", "f.npz", "--bach-size", "3"), "--batch-size"),
        (("tokenizer", "fit", "x.edf", "--out", "f", "--max_epochs", "3"), "--max-epochs"),
        (("corpus", "build", "x.edf", "--out", "f", "--nocth", "50"), "--notch"),
        (("pretrain", "x.edf", "--out", "f", "--architecture", "medium"), "'small'"),
    ],
)
def test_unknown_option_or_choice__says_which_was_meant(words, meant):
    result = run(*words)
    assert result.exit_code == 2
    assert meant in result.stderr


def test_module__run_as_a_program__exit_codes_reach_the_shell(tmp_path):
    code, out, err = run_alone("corpus", "bild")
    assert (code, out) == (2, "")
    assert "Did you mean 'build'?" in err
    assert "Traceback" not in err
    code, _, err = run_alone("corpus", "info", tmp_path)
    assert code == 1
    assert err.startswith("Error: ")
    assert "Traceback" not in err
