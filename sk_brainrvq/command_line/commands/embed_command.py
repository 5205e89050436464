"""``embed``: turns recordings into a table of features."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from sk_brainrvq.command_line.commands.embedded_parts import Embedded, joined, read_part, write_part
from sk_brainrvq.command_line.commands.feature_table import SUFFIXES, FeatureTable, join_tables
from sk_brainrvq.command_line.commands.named_inputs import find_recordings
from sk_brainrvq.command_line.options.estimator_options import (
    estimator_parameters,
    options_of_estimator,
)
from sk_brainrvq.command_line.options.setting_checks import check_settings
from sk_brainrvq.command_line.options.signature_options import WorkOption
from sk_brainrvq.command_line.processes.meeting import await_parts, follow, lead, part_file
from sk_brainrvq.command_line.processes.ranks import is_main_process, rank, world_size
from sk_brainrvq.command_line.work_command import WorkCommand, WorkError, none_usable, say
from sk_brainrvq.corpus.finding import subject_rule
from sk_brainrvq.estimators import BrainRVQEmbedder
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.extras import how_to_install
from sk_brainrvq.signals import window_starts
from sk_brainrvq.signals.reading import checked_reading
from sk_brainrvq.signals.sources.headers.edf_gaps import on_the_clock
from sk_brainrvq.signals.sources.mne_epochs import is_mne_epochs
from sk_brainrvq.signals.sources.recording_files import read_recording

_POOLINGS = ("mean", "region", "channel", "mean_std", "cls", "mean_cls")


class _Spectrum(click.Choice):
    """A pooling of spectra, or None for "none"."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None:
            return None
        chosen = super().convert(value, param, ctx)
        return None if chosen == "none" else chosen


class _Covariance(click.Choice):
    """Covariances by band, over all frequencies, or none, as the embedder takes them."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if isinstance(value, bool):
            return value
        chosen = super().convert(value, param, ctx)
        return {"all": True, "none": False}.get(chosen, chosen)


COVARIANCE = _Covariance(["bands", "all", "none"])
SPECTRUM = _Spectrum(["region", "mean", "channel", "none"])
_OPTIONS = options_of_estimator(
    BrainRVQEmbedder,
    # Options for random encoders and arrays; SubjectCentering centres people across files.
    leave_out={
        *("architecture", "random_state", "sfreq", "ch_names", "unit", "verbose"),
        *("center_by", "min_windows"),
    },
    types={
        "weights": click.Path(),
        "pooling": click.Choice(_POOLINGS),
        "spectrum": SPECTRUM,
        "covariance": COVARIANCE,
    },
    defaults={"on_error": "warn"},
    helps={
        "weights": (
            "Folder of a model from 'pretrain' or 'tokenizer fit', or of a saved classifier; or "
            "hf://OWNER/NAME[@REVISION]."
        ),
        "pooling": (
            "How to pool the tokens. mean: mean over all patches, a fixed size for any montage. "
            "region: mean over time in 11 regions of the scalp. channel: mean over time for each "
            "channel; all recordings need the channels of the first. mean_std: mean and standard "
            "deviation over all patches. cls: the class token. mean_cls: the mean, then the class "
            "token."
        ),
        "layer": (
            "Index of the block whose output is pooled, from 0; -1 is the last. By default the "
            "block that the weights recommend, or the last."
        ),
        "spectrum": (
            "How to pool the log amplitude spectra that follow the tokens; none leaves them out."
        ),
        "covariance": (
            "How signals vary together: the log-covariance of the signals at the 19 positions of "
            "the 10-20 system, for each of five bands, over all frequencies, or none."
        ),
        "on_error": (
            "What to do about a recording that cannot be used: raise stops with an error and "
            "writes nothing, warn lists it, writes the others and exits with 1, skip only counts "
            "it."
        ),
    },
)


@click.command(
    "embed",
    cls=WorkCommand,
    params=[
        click.Argument(["recordings"], nargs=-1, required=True, metavar="RECORDING..."),
        WorkOption(
            ["--out"],
            required=True,
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE.npz|FILE.parquet",
            help="File for the features; it appears only when it is complete.",
            section="Options",
        ),
        *_OPTIONS,
        WorkOption(
            ["--subject"],
            metavar="REGEX",
            help=(
                "Regular expression that finds the subject in a path, such as "
                "'(?P<subject>p[0-9]+)'; by default the names of BIDS, of the Temple University "
                "corpora and of EEGMAT are recognised, and any other file is its own subject."
            ),
        ),
    ],
)
def embed(
    recordings: tuple[str, ...],
    out: Path,
    subject: str | None,
    quiet: bool,
    **settings: Any,
) -> None:
    r"""Turn recordings into a table of features, one row per window.

    RECORDING are files in any format that MNE reads, and folders of such files. By default,
    recordings are filtered as in the training of the weights.

    \b
    Examples:
      sk-brainrvq embed recordings/ --out features.npz
      sk-brainrvq embed recordings/ --weights model --out features.npz
      sk-brainrvq embed *.edf --weights model --out features.parquet --pooling mean_std
      torchrun --nproc-per-node 4 -m sk_brainrvq embed recordings/ --weights model --out f.npz

    \b
    The table holds
      features       (n_windows, n_features), float32
      source         recording of each window
      start          seconds from the beginning of the recording
      subject        by the name of the file, or --subject
      session        the same; empty where unknown
      feature_names  of each feature; columns in a parquet file

    Windows that overlap an annotation beginning with BAD or EDGE have no row. Recordings that
    cannot be used are listed with the reason (--on-error). Features are not centred by person: use
    SubjectCentering in Python with the table's features and subjects. Several processes divide the
    recordings among them; the result is the same as that of one process.
    """
    _check_output(out)
    files = find_recordings(recordings)
    settings["device"] = _device_of_process(settings["device"])
    on_error = settings.pop(
        "on_error"
    )  # only for the command: the embedder gets one file at a time
    parameters = estimator_parameters(settings)
    check_settings(BrainRVQEmbedder(**parameters))
    job = _Job(files, parameters, on_error, subject, quiet or not is_main_process())
    if world_size() == 1:
        done = job.run(range(len(files)))
        _finish(done, files, out, on_error)
        _report_left_out(done, files, on_error)
    elif is_main_process():
        with lead(out) as folder:
            parts = [job.run(_share(len(files)))]
            parts += [read_part(path) for path in await_parts(folder, world_size())]
            done = joined(parts)
            _finish(done, files, out, on_error)
        # Only after the others know that the table is written.
        _report_left_out(done, files, on_error)
    else:
        with follow(out, rank()) as folder:
            write_part(job.run(_share(len(files))), part_file(folder, rank()))


def _check_output(out: Path) -> None:
    if out.suffix not in SUFFIXES:
        raise click.UsageError(
            f"--out {out} has the ending {out.suffix!r}; expected {' or '.join(SUFFIXES)}."
        )
    if not out.parent.is_dir():
        raise click.UsageError(
            f"--out {out}: there is no folder {out.parent}. Make it first, or pass another --out."
        )
    if out.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise WorkError(
                f"Parquet files need pyarrow: {how_to_install('table', 'pandas pyarrow')}; "
                f"or write --out {out.with_suffix('.npz')}"
            ) from error


def _device_of_process(device: str) -> str:
    """A separate GPU for each process on a machine."""
    local = os.environ.get("LOCAL_RANK")
    if device != "auto" or local is None:
        return device
    import torch

    count = torch.cuda.device_count()
    return f"cuda:{int(local) % count}" if count else device


def _share(n_recordings: int) -> range:
    """Numbers of the recordings that this process embeds."""
    return range(rank(), n_recordings, world_size())


@dataclass(frozen=True)
class _Job:
    """Embedding of some of the recordings."""

    files: Sequence[str]
    settings: dict[str, Any]
    on_error: str
    subject: str | None
    silent: bool

    def run(self, numbers: Sequence[int]) -> Embedded:
        """Embed the recordings with these numbers."""
        from tqdm import tqdm

        rule, embedder = subject_rule(self.subject), self._fitted()
        done = Embedded()
        for number in tqdm(numbers, desc="Embedding", unit="recording", disable=self.silent):
            try:
                done.tables[number] = self._table(embedder, rule, self.files[number])
            except InvalidEEGError as error:
                if self.on_error == "raise":
                    raise WorkError(f"{self.files[number]}: {error}") from error
                done.left_out[number] = str(error)
        return done

    def _fitted(self) -> BrainRVQEmbedder:
        """Embedder fitted on the first usable recording, the same in every process."""
        reasons: dict[str, str] = {}
        for file in self.files:
            try:
                embedder = BrainRVQEmbedder(**self.settings)
                return embedder.fit(
                    read_recording(file, checked_reading(embedder.reading).read_options)
                )
            except InvalidEEGError as error:
                if self.on_error == "raise":
                    raise WorkError(f"{file}: {error}") from error
                reasons[file] = str(error)
        raise _none_usable(reasons)

    @staticmethod
    def _table(embedder: BrainRVQEmbedder, rule: Any, file: str) -> FeatureTable:
        recording = read_recording(file, checked_reading(embedder.reading).read_options)
        features = np.asarray(embedder.transform(recording), dtype=np.float32)
        subject, session = rule(file)
        n_windows = len(features)
        return FeatureTable(
            features,
            np.full(n_windows, file),
            np.full(n_windows, subject),
            np.full(n_windows, session),
            _starts(recording, embedder.window, embedder.overlap),
            embedder.get_feature_names_out().astype(str),
        )


def _starts(recording: Any, window: float, overlap: float) -> np.ndarray:
    """Start of each window or epoch, in seconds from the beginning of the recording."""
    if is_mne_epochs(recording):
        return recording.events[:, 0] / recording.info["sfreq"] + recording.tmin
    return on_the_clock(recording, window_starts(recording, window, overlap))


def _none_usable(reasons: Mapping[str, str]) -> WorkError:
    """Error for no usable recording; recordings with the same reason share a line."""
    files: dict[str, list[str]] = {}
    for file, reason in reasons.items():
        files.setdefault(reason.replace(file, "it"), []).append(file)
    listed = "\n".join(
        f"  {names[0]}: {reasons[names[0]]}"
        if len(names) == 1
        else f"  {names[0]} and {len(names) - 1} more: {reason}"
        for reason, names in files.items()
    )
    return WorkError(f"{none_usable(len(reasons))}:\n{listed}")


def _finish(done: Embedded, files: Sequence[str], out: Path, on_error: str) -> None:
    """List the recordings that were left out, and write the table."""
    reasons = {files[number]: reason for number, reason in done.left_out.items()}
    if not done.tables:
        raise _none_usable(reasons)
    if on_error == "warn":
        for file, reason in reasons.items():
            say(f"Left out: {file}: {reason}")
    table = join_tables(list(done.tables.values()))
    table.save(out)
    n_windows, n_features = table.features.shape
    reader = "pandas.read_parquet" if out.suffix == ".parquet" else "numpy.load"
    recordings = "1 recording" if len(done.tables) == 1 else f"{len(done.tables)} recordings"
    click.echo(
        f"{n_windows} windows of {recordings}, with {n_features} features each, are in {out}. In "
        f"Python: {reader}({str(out)!r})"
    )


def _report_left_out(done: Embedded, files: Sequence[str], on_error: str) -> None:
    """Fail if recordings could not be used, or only count them if that was asked for."""
    n_left_out = len(done.left_out)
    if not n_left_out:
        return
    if on_error == "skip":
        were = "recording was" if n_left_out == 1 else "recordings were"
        click.echo(f"{n_left_out} {were} left out, of {len(files)}.")
        return
    raise WorkError(
        f"{n_left_out} of {len(files)} recordings could not be used, as listed above; the others "
        "are in the file. With --on-error skip this is not a failure."
    )
