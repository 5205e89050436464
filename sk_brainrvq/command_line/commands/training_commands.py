"""``tokenizer fit`` and ``pretrain``."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from sk_brainrvq.command_line.commands.earlier_model import (
    digest_of_inputs,
    refuse_other_model,
    write_digest,
)
from sk_brainrvq.command_line.commands.named_inputs import hold_out_subjects, training_data
from sk_brainrvq.command_line.commands.training_summary import training_summary
from sk_brainrvq.command_line.options.estimator_options import (
    estimator_parameters,
    options_of_estimator,
)
from sk_brainrvq.command_line.options.option_types import MainsOrWeights
from sk_brainrvq.command_line.options.signature_options import WorkOption
from sk_brainrvq.command_line.processes.ranks import is_main_process
from sk_brainrvq.command_line.work_command import WorkCommand, set_resume_hint
from sk_brainrvq.estimators import BrainRVQPretrainer, DDRVQTransformer
from sk_brainrvq.signals import Reading
from sk_brainrvq.signals.reading import other_reading
from sk_brainrvq.training import RandomCrops
from sk_brainrvq.training.random_crops import LARGEST_GAIN_DB

# Recordings hold their rate, names and unit.
_LEFT_OUT = {"sfreq", "ch_names", "unit", "verbose", "warm_start"}
_TYPES = {
    "weights": click.Path(),
    "tokenizer": click.Path(),
    "checkpoint_dir": click.Path(file_okay=False),
    "resume_from": click.Path(exists=True),
    "notch": MainsOrWeights(),
    "validation": click.FloatRange(0, 1, min_open=True, max_open=True),
    "early_stopping": click.IntRange(1),
}
_HELPS = {
    "notch": (
        "Mains frequency in Hz, removed with its harmonics; it cannot be guessed, so recordings "
        "need it. A corpus has already been filtered, and auto uses the frequency that weights "
        "or a tokenizer were trained with."
    ),
    "checkpoint_dir": (
        "Folder of checkpoints; by default OUT/checkpoints. Run the same command again to "
        "continue an unfinished training."
    ),
    "validation": (
        "Share of the subjects to hold out for validation, such as 0.1; no person is on both sides."
    ),
    "early_stopping": (
        "Stop after this many epochs without a better validation loss; needs --validation."
    ),
    "resume_from": (
        "Checkpoint to continue from, instead of the newest one in the checkpoint folder."
    ),
}


def _training_options(
    estimator: type, helps: Mapping[str, str], leave_out: Collection[str] = ()
) -> list[click.Parameter]:
    """Argument and options of a command that fits an estimator."""
    inputs = click.Argument(["inputs"], nargs=-1, required=True, metavar="INPUT...")
    out = WorkOption(
        ["--out"],
        required=True,
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for the result: model.safetensors and config.json.",
        section="Options",
    )
    own = options_of_estimator(
        estimator,
        leave_out={*_LEFT_OUT, *leave_out},
        types=_TYPES,
        helps={**_HELPS, **helps},
        section="Training",
    )
    overwrite = WorkOption(
        ["--overwrite"],
        is_flag=True,
        help="Replace a model in OUT that has other parameters or other training data.",
        section="Options",
    )
    return [inputs, out, overwrite, *own, *_crop_options()]


def _crop_options() -> list[click.Parameter]:
    """Options of ``RandomCrops`` that a command has."""
    crops = WorkOption(
        ["--crops"],
        is_flag=True,
        help=(
            "Train on random crops of 1 to 30 s and of some of the channels, which are harder to "
            "memorise than fixed windows. Use --window 30."
        ),
        section="Training",
    )
    return [crops, *(_of_crops(name, *about) for name, about in _OF_CROPS.items())]


# Options that change crops: their range, and what --help says.
_OF_CROPS = {
    "whitened": (
        click.FloatRange(0, 1),
        "Share of the batches whose crops are cut from signals whitened by person, such as 0.5",
    ),
    "referenced": (
        click.FloatRange(0, 1),
        "Share of the other batches that get another reference, drawn at random",
    ),
    "gain_db": (
        click.FloatRange(0, LARGEST_GAIN_DB),
        "Standard deviation in decibels of a random gain for each crop, such as 6",
    ),
}


def _of_crops(name: str, values: click.ParamType, help_text: str) -> click.Parameter:
    return WorkOption(
        [f"--{name.replace('_', '-')}"],
        type=values,
        default=0.0,
        help=f"{help_text}; needs --crops.",
        section="Training",
    )


@click.command(
    "fit",
    cls=WorkCommand,
    params=_training_options(
        DDRVQTransformer,
        {
            "weights": (
                "Folder of a tokenizer, or hf://OWNER/NAME[@REVISION], to start from instead of "
                "from scratch; used unchanged unless --max-epochs is given."
            ),
        },
    ),
)
def tokenizer_fit(inputs: tuple[str, ...], out: Path, quiet: bool, **settings: Any) -> None:
    r"""Learn a tokenizer, which turns EEG into discrete codes and back.

    INPUT is a corpus (a folder that 'corpus build' made, or its URL), or recordings: files in
    any format that MNE reads, and folders of such files. No labels are needed.

    \b
    Examples:
      sk-brainrvq tokenizer fit corpus --out tokenizer --architecture small
      sk-brainrvq tokenizer fit recordings/ --out tokenizer --l-freq 0.3 --h-freq 75 --notch 50

    The results of the last epoch and the usage of the codebooks are printed at the end. If training
    is stopped, run the same command again to continue. Times are in seconds, frequencies in Hz.
    """
    _fit(DDRVQTransformer, inputs, out, quiet, settings)


@click.command(
    "pretrain",
    cls=WorkCommand,
    params=[
        *_training_options(
            BrainRVQPretrainer,
            {
                "tokenizer": (
                    "Folder of the tokenizer whose codes are predicted, or of a pretrained model "
                    "that holds it, or hf://OWNER/NAME[@REVISION]; by default a tokenizer of the "
                    "same architecture is fitted first."
                ),
                "tokenizer_max_epochs": (
                    "Passes over the input to fit a tokenizer if none is given; 10 by default."
                ),
                "spectrum_weight": (
                    "Weight of a loss beside that of the codes, on the log spectra of patches, "
                    "such as 10; by default that of the weights, or 0."
                ),
                "summary_weight": (
                    "Weight of a loss on spectra by region and log-covariances of whole crops, "
                    "which the class token predicts, such as 15; by default that of the weights, "
                    "or 0."
                ),
                "weights": (
                    "Folder of a pretrained model, or hf://OWNER/NAME[@REVISION], to start from "
                    "instead of from scratch; needs its --tokenizer, which may be the same "
                    "folder, and is used unchanged unless --max-epochs is given."
                ),
            },
            # Use 'tokenizer fit' for a tokenizer that differs from the default.
            leave_out={"quantizer_mode", "targets", "latents", "spatial_filter"},
        ),
        WorkOption(
            ["--tokenizer-out"],
            type=click.Path(file_okay=False, path_type=Path),
            help="Folder to save the tokenizer in separately; the model holds it in any case.",
            section="Options",
        ),
    ],
)
def pretrain(
    inputs: tuple[str, ...],
    out: Path,
    tokenizer_out: Path | None,
    quiet: bool,
    **settings: Any,
) -> None:
    r"""Pretrain an encoder: predict the codes of hidden seconds, coarse to fine.

    INPUT is a corpus (a folder that 'corpus build' made, or its URL), or recordings: files in
    any format that MNE reads, and folders of such files. No labels are needed.

    \b
    Examples:
      sk-brainrvq pretrain corpus --tokenizer tokenizer --out model --validation 0.1
      torchrun --nproc-per-node 4 -m sk_brainrvq pretrain corpus --out model

    The results of the last epoch are printed at the end. If training is stopped, run the same
    command again to continue. Times are in seconds, frequencies in Hz.
    """
    fitted = _fit(BrainRVQPretrainer, inputs, out, quiet, settings)
    if tokenizer_out is not None and is_main_process():
        fitted.tokenizer_weights_.save(tokenizer_out)
        click.echo(f"Its tokenizer is saved separately in {tokenizer_out}, for --tokenizer.")


def _fit(
    estimator_class: Any, inputs: tuple[str, ...], out: Path, quiet: bool, settings: dict[str, Any]
) -> Any:
    """Fit and save; the process with rank 0 prints."""
    data = training_data(inputs, settings["window"], settings["overlap"])
    overwrite = settings.pop("overwrite")
    _check_mains_frequency(data, settings)
    if not isinstance(data, list):
        _refuse_other_reading(data, inputs[0], settings)
    digest = digest_of_inputs(inputs, data, settings)
    # Notice before days of training, not after them, that the folder cannot be made.
    out.mkdir(parents=True, exist_ok=True)
    settings["checkpoint_dir"] = settings["checkpoint_dir"] or str(out / "checkpoints")
    set_resume_hint(partial(_resume_hint, Path(settings["checkpoint_dir"])))
    own = {name: settings.pop(name) for name in _OF_CROPS}
    settings["crops"] = _crops(settings["crops"], own)
    share = settings["validation"]
    if share and isinstance(data, list):
        # The same seed in each run of the command, or training could not continue.
        data, held_out = hold_out_subjects(data, share, settings["random_state"] or 0)
        settings["validation"] = (held_out, None)
    settings["verbose"] = int(is_main_process() and not quiet)
    estimator = estimator_class(**estimator_parameters(settings))
    if not overwrite:
        refuse_other_model(out, estimator, share, digest)
    estimator.fit(data)
    if is_main_process():
        # Paths on this machine and names of recordings do not belong in a model that is passed on.
        estimator.set_params(checkpoint_dir=None, engine__resume_from=None, validation=share)
        estimator.save_pretrained(out)
        write_digest(out, digest)
        variable = "tokenizer" if estimator_class is DDRVQTransformer else "model"
        click.echo(training_summary(estimator, out, variable))
    return estimator


def _crops(wanted: bool, own: dict[str, Any]) -> RandomCrops | None:
    """Crops of --crops and of the options that change them."""
    for name, value in own.items():
        if value and not wanted:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} was given without --crops, which it changes.")
    return RandomCrops(**own) if wanted else None


def _check_mains_frequency(data: Any, settings: dict[str, Any]) -> None:
    """Ask for --notch, like 'corpus build', if nothing determines how recordings are filtered."""
    brings_filters = any(settings.get(name) is not None for name in ("weights", "tokenizer"))
    if isinstance(data, list) and settings["notch"] == "auto" and not brings_filters:
        context = click.get_current_context()
        option = next(param for param in context.command.params if param.name == "notch")
        raise click.MissingParameter(ctx=context, param=option)


def _refuse_other_reading(corpus: Any, place: str, settings: dict[str, Any]) -> None:
    """Raise click.UsageError if options ask for a reading that a corpus was not built with."""
    asked = estimator_parameters(settings)["reading"]
    options = {"bad_channels": "--bad-channels", "read_options": "--read-option"}
    for name in other_reading(corpus.reading, asked):
        raise click.UsageError(
            f"{options[name]} was given, but {place} is a corpus, whose recordings were read when "
            "it was built. Pass the option to 'corpus build', with another --out."
        )
    if asked.on_error != Reading().on_error:
        raise click.UsageError(
            f"--on-error was given, but {place} is a corpus, whose recordings were read when it "
            "was built. Leave the option out."
        )


def _resume_hint(folder: Path) -> str:
    """Sentence on what is saved in a folder of checkpoints."""
    files = list(folder.rglob("*.safetensors"))
    if not files:
        return "There is no checkpoint yet; the same command starts from the beginning."
    newest = max(files, key=lambda path: path.stat().st_mtime)
    written = datetime.fromtimestamp(newest.stat().st_mtime).isoformat(" ", "seconds")
    return f"The last checkpoint is {newest}, of {written}; the same command continues from it."
