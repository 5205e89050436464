"""``inspect``: shows how recordings would be read, before anything is computed."""

import json
from typing import Any

import click

from sk_brainrvq.command_line.commands.named_inputs import find_recordings
from sk_brainrvq.command_line.options.estimator_options import (
    estimator_parameters,
    options_of_estimator,
)
from sk_brainrvq.command_line.options.setting_checks import check_settings
from sk_brainrvq.command_line.options.signature_options import WorkOption
from sk_brainrvq.command_line.work_command import WorkCommand, WorkError
from sk_brainrvq.estimators import BrainRVQEmbedder
from sk_brainrvq.inspection import RecordingReport, RecordingReports, inspect_recording

_OPTIONS = options_of_estimator(
    BrainRVQEmbedder,
    # Parameters that do not affect how a recording is read.
    leave_out={
        *("architecture", "random_state", "sfreq", "ch_names", "unit", "verbose", "on_error"),
        *("pooling", "layer", "spectrum", "covariance", "tokens", "center_by", "min_windows"),
    },
    types={"weights": click.Path()},
    helps={
        "weights": (
            "Folder of a model, or hf://OWNER/NAME[@REVISION], whose filters and trained "
            "electrodes are used."
        )
    },
)


@click.command(
    "inspect",
    cls=WorkCommand,
    has_progress=False,
    params=[
        click.Argument(["recordings"], nargs=-1, required=True, metavar="RECORDING..."),
        WorkOption(
            ["--json", "as_json"],
            is_flag=True,
            help=("Print a JSON array with one object per recording."),
        ),
        *_OPTIONS,
    ],
)
def inspect(recordings: tuple[str, ...], as_json: bool, **settings: Any) -> None:
    r"""Show how recordings would be read: a dry run that writes nothing.

    RECORDING are files in any format that MNE reads, and folders of such files. The output shows
    the channels that count as EEG with position and amplitude, those that are left out and why,
    rate, filters, annotations, windows, tokens, time and memory. Of recordings with the same
    channels, the first is shown in full, and the others only where they differ from it.

    \b
    Examples:
      sk-brainrvq inspect new.edf
      sk-brainrvq inspect recordings/ --window 5 --json > recordings.json

    The exit code is 1 if a recording cannot be used.
    """
    files = find_recordings(recordings)
    embedder = BrainRVQEmbedder(**estimator_parameters(settings))
    check_settings(embedder)
    reports = RecordingReports()
    for file in files:
        report = inspect_recording(file, embedder)
        assert isinstance(report, RecordingReport)
        reports.append(report)
        if not as_json:
            click.echo(f"{reports.page(len(reports) - 1)}\n")
    if as_json:
        click.echo(json.dumps([report.as_dict() for report in reports], indent=2))
    elif len(reports) > 1:
        click.echo(reports.summary())
    failed = sum(report.error is not None for report in reports)
    if failed:
        which = "The recording" if len(files) == 1 else f"{failed} of {len(files)} recordings"
        raise WorkError(f"{which} cannot be used, for the reasons above.")
