"""``corpus build``, ``corpus info`` and ``corpus verify``."""

from typing import Any

import click

from sk_brainrvq.command_line.commands.named_inputs import find_recordings
from sk_brainrvq.command_line.options.option_types import MainsFrequency, Names
from sk_brainrvq.command_line.options.read_options import read_option
from sk_brainrvq.command_line.options.signature_options import WorkOption, options_of
from sk_brainrvq.command_line.work_command import (
    WorkCommand,
    WorkError,
    none_usable,
    set_resume_hint,
)
from sk_brainrvq.corpus import EEGCorpus, build_corpus

_BUILD_OPTIONS = options_of(
    build_corpus,
    leave_out={"files", "out", "read_options", "verbose"},
    types={"notch": MainsFrequency(), "reference": Names(), "subject": click.STRING},
    helps={
        "n_jobs": "Number of processes; -1 uses every core. One by default.",
        "notch": "Mains frequency in Hz, removed with its harmonics; it cannot be guessed.",
        "reference": (
            "Reference to subtract from all channels: average, a channel, or several channels, "
            "whose mean is subtracted. As recorded by default."
        ),
        "subject": "Regular expression with the group (?P<subject>...) and, if wanted, "
        "(?P<session>...), searched for in the path. By default the names of BIDS, of the Temple "
        "University corpora and of EEGMAT are recognised, and any other file is its own subject.",
    },
)
# Shorter than any recording worth keeping, so that all of a corpus is inspected.
_SHORTEST_WINDOW = 1.0


@click.command(
    "build",
    cls=WorkCommand,
    params=[
        click.Argument(["inputs"], nargs=-1, required=True, metavar="INPUT..."),
        WorkOption(
            ["--out"],
            required=True,
            type=click.Path(file_okay=False),
            help="Folder of the corpus; recordings that are already in it are kept.",
        ),
        *_BUILD_OPTIONS,
        read_option(),
        WorkOption(["--strict"], is_flag=True, help="Fail if a recording cannot be used."),
    ],
)
def build(inputs: tuple[str, ...], out: str, strict: bool, quiet: bool, **settings: Any) -> None:
    r"""Read recordings into a corpus for training, which may be larger than memory.

    INPUT are recordings in any format that MNE reads, and folders of such files. They are filtered,
    resampled to 200 Hz and stored in chunks. Recordings that cannot be used are listed with the
    reason and left out. Run the command again after a crash, or with more recordings: recordings
    that are stored are not read again.

    \b
    Examples:
      sk-brainrvq corpus build recordings/ --out corpus --notch 50 --n-jobs 4
      sk-brainrvq corpus build *.edf --out corpus --notch 60 --reject-amplitude 500

    Frequencies are in Hz, amplitudes in microvolts.
    """
    set_resume_hint(lambda: "What is stored is complete; run the same command again to continue.")
    recordings = find_recordings(inputs)
    settings["read_options"] = settings.pop("read_option")
    report = build_corpus(recordings, out, **settings, verbose=int(not quiet))
    click.echo(str(report).splitlines()[0])
    for source, reason in report.failed:
        click.echo(f"Left out: {source}: {reason}", err=True)
    if report.built + report.kept == 0:
        raise WorkError(f"{none_usable(len(recordings))}.")
    if report.failed and strict:
        raise WorkError(
            f"{len(report.failed)} of {len(recordings)} recordings could not be used, and "
            "--strict was given. The corpus holds the others."
        )


@click.command(
    "info",
    cls=WorkCommand,
    has_progress=False,
    params=[
        click.Argument(["corpus"], metavar="CORPUS"),
        *(
            option
            for option in options_of(EEGCorpus, leave_out={"location"})
            if option.name in ("window", "overlap")
        ),
    ],
)
def info(corpus: str, window: float, overlap: float) -> None:
    r"""Show what a corpus holds: recordings, subjects, hours, windows, montages, filters.

    CORPUS is a folder that 'corpus build' made, or its URL.

    \b
    Example:
      sk-brainrvq corpus info corpus
    """
    click.echo(EEGCorpus(corpus, window=window, overlap=overlap).info())


@click.command(
    "verify",
    cls=WorkCommand,
    has_progress=False,
    params=[click.Argument(["corpus"], metavar="CORPUS")],
)
def verify(corpus: str) -> None:
    r"""Read a corpus through and list what is damaged.

    CORPUS is a folder that 'corpus build' made, or its URL. The exit code is 1 if anything is
    damaged.

    \b
    Example:
      sk-brainrvq corpus verify corpus
    """
    problems = EEGCorpus(corpus, window=_SHORTEST_WINDOW).verify()
    for problem in problems:
        click.echo(problem, err=True)
    places = "place" if len(problems) == 1 else "places"
    if problems:
        raise WorkError(f"{corpus} is damaged in {len(problems)} {places}, listed above.")
    click.echo(f"{corpus} is undamaged.")
