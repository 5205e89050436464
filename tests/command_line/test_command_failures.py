"""What every command does: failures, signals, warnings, configuration files."""

import ast
import os
import re
import signal
import warnings

import click
import pytest
from click.testing import CliRunner

from sk_brainrvq.command_line.options.option_types import NumberOrWord
from sk_brainrvq.command_line.options.signature_options import WorkOption
from sk_brainrvq.command_line.work_command import WorkCommand, set_resume_hint
from sk_brainrvq.exceptions import EEGWarning


def command(work=lambda: None):
    """A command with options of every kind, which prints what it got."""

    @click.command(
        "work",
        cls=WorkCommand,
        params=[
            click.Argument(["inputs"], nargs=-1, required=True),
            WorkOption(["--batch-size"], type=int, default=16),
            WorkOption(["--l-freq"], type=NumberOrWord(["auto", "none"]), default="auto"),
            WorkOption(["--depth"], type=int),
            WorkOption(["--pooling"], type=click.Choice(["mean", "cls"]), default="mean"),
            WorkOption(["--compile/--no-compile"], default=None),
        ],
    )
    def callback(**values):
        work()
        click.echo(repr(values))

    return callback


def invoke(*arguments, work=lambda: None):
    return CliRunner().invoke(command(work), [str(argument) for argument in arguments])


def values(result):
    assert result.exit_code == 0, result.stderr
    return ast.literal_eval(result.stdout)


@pytest.fixture
def config(tmp_path):
    """Writer of a configuration file."""

    def write(text):
        path = tmp_path / "work.yaml"
        path.write_text(text)
        return path

    return write


def fail(error):
    raise error


# Failures


def test_value_error__is_a_message_and_exit_code_1():
    result = invoke("x", work=lambda: fail(ValueError("lr=-1 was given; expected more than 0.")))
    assert result.exit_code == 1
    assert result.stderr == "Error: lr=-1 was given; expected more than 0.\n"
    assert result.stdout == ""


def test_unexpected_error__names_its_type_and_the_way_to_a_traceback():
    result = invoke("x", work=lambda: fail(KeyError("net")))
    assert result.exit_code == 1
    assert result.stderr == "Error: KeyError: 'net' (--debug shows where)\n"


def test_debug__failure__shows_the_traceback_too():
    result = invoke("x", "--debug", work=lambda: fail(ValueError("no good")))
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert result.stderr.endswith("Error: no good\n")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried 2 GiB.")])
def test_out_of_memory__says_what_needs_less(error):
    result = invoke("x", work=lambda: fail(error))
    assert result.exit_code == 1
    assert "A smaller --batch-size needs less memory." in result.stderr


@pytest.fixture
def _ctrl_c():
    """Python's own handler: a shell starts what runs in its background deaf to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c")
@pytest.mark.parametrize(
    ("number", "name", "code"), [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 143)]
)
def test_signal__says_what_is_saved_and_has_its_exit_code(number, name, code):

    def work():
        set_resume_hint(lambda: "The last checkpoint is seven.")
        os.kill(os.getpid(), number)

    result = invoke("x", work=work)
    assert result.exit_code == code
    assert result.stderr.strip() == f"Stopped by {name}. The last checkpoint is seven."


def test_sigterm__after_the_command__is_handled_as_before():
    before = signal.getsignal(signal.SIGTERM)
    inside = []
    invoke("x", work=lambda: inside.append(signal.getsignal(signal.SIGTERM)))
    assert inside != [before]
    assert signal.getsignal(signal.SIGTERM) is before


def test_second_process__failure__says_which_process(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    result = invoke("x", work=lambda: fail(ValueError("no good")))
    assert result.stderr == "Error in process 1 of 4: no good\n"


# Warnings


def warn_twice():
    for message in ("O2 is flat.", "O2 is flat.", "Fz is flat."):
        warnings.warn(message, EEGWarning, stacklevel=1)


def test_warnings__repeated__are_lines_and_each_comes_once():
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        result = invoke("x", work=warn_twice)
    assert result.stderr == "Warning: O2 is flat.\nWarning: Fz is flat.\n"


def test_warnings__of_another_process_than_the_first__are_not_repeated(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert invoke("x", work=warn_twice).stderr == ""


# Configuration files


def test_config__keys_with_either_dash__are_options_and_arguments(config):
    path = config(
        "inputs: [a.edf, b.edf]\nbatch-size: 32\nl_freq: 0.5\npooling: cls\ncompile: yes\n"
    )
    found = values(invoke("--config", path))
    assert found == {
        "inputs": ("a.edf", "b.edf"),
        "batch_size": 32,
        "l_freq": 0.5,
        "depth": None,
        "pooling": "cls",
        "compile": True,
        "quiet": False,
    }


def test_config__and_command_line__the_command_line_wins(config):
    path = config("batch-size: 32\ndepth: 3\ninputs: a.edf\n")
    for arguments in (("--config", path, "--batch-size", 8), ("--batch-size", 8, "--config", path)):
        found = values(invoke(*arguments, "b.edf"))
        assert (found["batch_size"], found["depth"], found["inputs"]) == (8, 3, ("b.edf",))


def test_config__null__is_none_where_none_is_a_choice(config):
    found = values(invoke("x", "--config", config("l-freq: null\ndepth: null\n")))
    assert (found["l_freq"], found["depth"]) == (None, None)


def test_config__numbers_as_yaml_reads_them__are_numbers(config):
    # YAML 1.1 takes 1e-1 as text.
    assert values(invoke("x", "--config", config("l-freq: 1e-1\n")))["l_freq"] == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "bach-size: 3\n",
            r"'bach-size' in .*work.yaml is not an option .* did you mean 'batch-size'",
        ),
        ("colour: red\n", r"'colour' in .*work.yaml is not an option of this command: see --help"),
        ("batch-size: 3\nbatch_size: 4\n", "holds 'batch_size' twice"),
        ("- batch-size\n", "holds a list; expected lines such as 'batch-size: 32'"),
        ("batch-size: [1\n", "is not YAML: .*line 2"),
        ("batch-size: many\n", r"'many' is not a valid integer. \(from .*work.yaml\)"),
        ("pooling: max\n", r"'max' is not one of .*from .*work.yaml"),
        ("config: other.yaml\n", "'config' in .* is not an option"),
    ],
)
def test_config__that_cannot_be_used__is_wrong_usage(config, text, message):
    result = invoke("x", "--config", config(text))
    assert result.exit_code == 2
    assert re.search(message, " ".join(result.stderr.split()))


def test_config__missing_file__is_wrong_usage(tmp_path):
    result = invoke("x", "--config", tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert "none.yaml" in result.stderr


def test_config__empty__changes_nothing(config):
    assert values(invoke("x", "--config", config("# nothing\n")))["batch_size"] == 16
