"""The root of the command line."""

import sys

import click

from sk_brainrvq import __version__
from sk_brainrvq.command_line.groups import LazyGroup
from sk_brainrvq.system_info import show_versions

_GROUPS = "sk_brainrvq.command_line.app"
_COMMANDS = "sk_brainrvq.command_line.commands"
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

app = LazyGroup(
    "sk-brainrvq",
    help="""Learn from EEG and turn EEG into features, from the shell.

    From recordings in any format that MNE reads to features of each window:

    \b
      sk-brainrvq inspect recordings/new.edf
      sk-brainrvq corpus build recordings/ --out corpus --notch 50
      sk-brainrvq tokenizer fit corpus --out tokenizer
      sk-brainrvq pretrain corpus --tokenizer tokenizer --out model
      sk-brainrvq embed new/*.edf --weights model --out features.npz

    For help on a command: sk-brainrvq COMMAND --help. With several processes: torchrun
    --nproc-per-node 4 -m sk_brainrvq pretrain ...

    Exit codes: 0 success, 1 failure, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM.
    """,
    context_settings=_SETTINGS,
    places={
        "inspect": (
            f"{_COMMANDS}.inspect_command:inspect",
            "Show how a recording would be read; nothing is written.",
        ),
        "corpus": (
            f"{_GROUPS}:corpus",
            "Turn recordings into a corpus, which may be larger than memory.",
        ),
        "tokenizer": (f"{_GROUPS}:tokenizer", "Learn to turn EEG into discrete codes."),
        "pretrain": (
            f"{_COMMANDS}.training_commands:pretrain",
            "Learn an encoder without labels.",
        ),
        "embed": (f"{_COMMANDS}.embed_command:embed", "Turn recordings into a table of features."),
    },
)
click.version_option(__version__, prog_name="sk-brainrvq")(app)


def _show_versions(context: click.Context, _: click.Parameter, is_given: bool) -> None:
    if is_given:
        show_versions()
        context.exit()


click.option(
    "--show-versions",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_versions,
    help="Show versions and hardware, for bug reports, and exit.",
)(app)

corpus = LazyGroup(
    "corpus",
    help="Turn recordings into a corpus: EEG channels, filtered, resampled and stored in chunks.",
    context_settings=_SETTINGS,
    places={
        "build": (f"{_COMMANDS}.corpus_commands:build", "Read recordings into a corpus."),
        "info": (f"{_COMMANDS}.corpus_commands:info", "Show what a corpus holds."),
        "verify": (f"{_COMMANDS}.corpus_commands:verify", "Check that a corpus is undamaged."),
    },
)

tokenizer = LazyGroup(
    "tokenizer",
    help="Turn EEG into discrete codes of its waveform and its spectrum.",
    context_settings=_SETTINGS,
    places={"fit": (f"{_COMMANDS}.training_commands:tokenizer_fit", "Learn a tokenizer.")},
)


def main() -> None:
    """Run the command line and exit."""
    try:
        sys.exit(app.main(prog_name="sk-brainrvq", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:  # Ctrl-C before a command has started
        sys.exit(130)
