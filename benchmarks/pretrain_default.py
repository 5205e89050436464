"""Pretrain a model to be bundled: tokenizer, then encoder, on unlabelled EEG.

The first stage reads EEGMAT; with --decoders-of, it trains only the decoders of a tokenizer, whose
codes stay the same. With --corpus, the encoder is trained on the corpus that make_corpus.py wrote,
from the weights of an earlier stage or, without them, from scratch. Seeded, and resumable: killed
and given again, it goes on where it was. On a GPU where there is one.

    python benchmarks/pretrain_default.py --data FOLDER_WITH_EEGMAT --work FOLDER --out FOLDER
    python benchmarks/pretrain_default.py --corpus FOLDER --weights W --work FOLDER --out FOLDER
"""

import argparse
import json
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import mne
import numpy as np
import torch
from ablated import FULL, OF_ENCODER, VARIANTS, pretrainer_class
from decoders import DecodersOnly, with_spatial_filter
from make_corpus import corpora
from sklearn.base import clone
from skorch.callbacks import Callback
from table.answering import answered, described
from table.options import numbers

from sk_brainrvq import (
    Architecture,
    BrainRVQPretrainer,
    DDRVQTransformer,
    EEGCorpus,
    Engine,
    Filters,
    RandomCrops,
    Weights,
)
from sk_brainrvq.datasets import BENCHMARK_SPLITS, EEGMAT
from sk_brainrvq.datasets.eegmat import CH_NAMES
from sk_brainrvq.files import write_whole

# Subjects 28-31 (validation) and 32-35 (test) stay unseen.
SUBJECTS = BENCHMARK_SPLITS["eegmat"].develop
SEED = 0
# Block whose tokens the embedder takes, the last: default_choices.py, within these subjects.
LAYER = -1
# What the recordings were filtered with when they were published; users' EEG is given the same.
FILTERS = Filters(l_freq=0.5, h_freq=45.0, notch=None, reference=None)
TRAINING = {
    "window": 30.0,  # crops of 1 to 30 s are drawn within
    "batch_size": 4,
    "lr": 1e-3,
    "verbose": 1,
    "filters": FILTERS,
}
TOKENIZER_NAME = "tokenizer-2026.11"
# Crops of about a minute in all to a step: the number of steps is worth most.
TOKENIZER = {"architecture": "small", "max_epochs": 16, "batch_size": 2}
ENCODER = {"architecture": Architecture("small", depth=6), "max_epochs": 20}
# Passes of further rounds, each from the weights of the one before, with a warm-up and a cosine of
# its own (warm restarts: Loshchilov and Hutter, 2017): 20 passes end before codes can be predicted.
FURTHER_ROUNDS = (44,)
# Of a stage on the corpus: steps of up to 1,920 patches, as many as half a minute of 64 channels
# has, so that caps weigh by their channel-hours.
STEPS_PER_EPOCH = 500
# Of the corpus: FEIS asks for non-profit use, and no licence of UCI's data was found.
FREE = ("eegmat", "guinea-bissau", "ssvep", "muse", "physionet")
STAGE: dict[str, Any] = {
    "max_epochs": 12,
    "batch_size": 1,
    "lr": 1e-3,
    "crops": RandomCrops(whitened=0.5),
    "spectrum_weight": 10.0,
    "filters": FILTERS,
    "verbose": 1,
}
QUICK = {"architecture": Architecture("tiny", depth=1), "max_epochs": 1}


def recordings(folder: Path, subjects: Iterable[int]) -> list[mne.io.BaseRaw]:
    """Rest and task of people to develop on, 20 channels, as recorded; labels are not looked at."""
    raws, subjects = [], list(subjects)
    BENCHMARK_SPLITS["eegmat"].check(subjects)
    for recording in EEGMAT().recordings(folder, subjects):
        raw = mne.io.read_raw_edf(recording.path, preload=True, verbose="error")
        names = {name.removeprefix("EEG ").strip(): name for name in raw.ch_names}
        raws.append(raw.pick([names[name] for name in CH_NAMES]))
    return raws


def subjects_without(left_out: str) -> list[int]:
    """Subjects to pretrain on, but for those in a list such as "0,1,2"."""
    try:
        numbers = {int(subject) for subject in left_out.split(",") if subject}
    except ValueError as error:
        raise ValueError(
            f"--leave-out {left_out} was given; expected numbers such as 0,1,2."
        ) from error
    subjects = [subject for subject in SUBJECTS if subject not in numbers]
    if not subjects:
        raise ValueError(f"--leave-out {left_out} was given; no subject is left.")
    return subjects


def halved(weights: Weights, name: str, **facts: object) -> Weights:
    """The weights as half-precision files hold them, with facts about their origin."""
    module = weights.module()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(parameter.half().float())
        for buffer_name, buffer in module.named_buffers():
            # What codebooks average over counts for further training alone; no code moves.
            if buffer_name.endswith(".sums"):
                buffer.copy_(buffer.half().float())
    info = {**weights.info, **facts}
    return Weights.from_module(name, weights.kind, weights.config, module, info)


def pretrain(options: argparse.Namespace) -> None:
    """Pretrain and save both networks."""
    warnings.filterwarnings("ignore", message=".*No electrode position.*")
    subjects = subjects_without(options.leave_out)
    subjects = subjects[:2] if options.quick else subjects
    raws = recordings(options.data, subjects)
    seconds = sum(raw.times[-1] for raw in raws)
    print(f"EEGMAT, {len(subjects)} subjects, {seconds / 60:.0f} minutes without labels")
    common: dict[str, Any] = {
        **TRAINING,
        "crops": RandomCrops(),
        "random_state": options.seed,
        "checkpoint_dir": options.work,
    }
    facts = {"data": "EEGMAT 1.0.0", "subjects": subjects, "seed": options.seed}
    own = QUICK if options.quick else TOKENIZER
    if options.decoders_of:
        # The weights determine the sizes.
        own = {name: value for name, value in own.items() if name != "architecture"}
        own |= {"weights": with_spatial_filter(Weights(options.decoders_of))}
        own |= {"engine": Engine(callbacks=[DecodersOnly()])}
    tokenizer = DDRVQTransformer(**(common | own)).fit(raws)
    codes = halved(tokenizer.weights_, TOKENIZER_NAME, **facts)
    keep(codes, tokenizer.history_, options.out / TOKENIZER_NAME)
    if not (options.tokenizer_only or options.decoders_of):
        keep(*pretrained(codes, raws, options, common, facts), options.out / "default")


def keep(weights: Weights, history: list, folder: Path) -> None:
    """Write weights in half precision, and how they were trained."""
    file = weights.save(folder, half=True)
    (folder / "history.json").write_text(json.dumps(history) + "\n")
    print(f"{weights!r}: {file}, {file.stat().st_size / 1e6:.1f} MB")


def pretrained(
    codes: Weights,
    raws: list,
    options: argparse.Namespace,
    common: dict[str, Any],
    facts: dict[str, Any],
) -> tuple[Weights, list]:
    """The encoder after all its rounds, and its history."""
    pretrainer = BrainRVQPretrainer(codes, **(common | (QUICK if options.quick else ENCODER)))
    pretrainer.fit(raws)
    encoder = halved(pretrainer.weights_, "default", layer=LAYER, **facts)
    history = [*pretrainer.history_]
    for number, n_epochs in enumerate(FURTHER_ROUNDS[: options.rounds - 1], start=1):
        own = {
            "max_epochs": 1 if options.quick else n_epochs,
            "random_state": options.seed + number,
        }
        further = BrainRVQPretrainer(codes, weights=encoder, **(common | own)).fit(raws)
        encoder = halved(further.weights_, "default", layer=LAYER, **facts)
        history += further.history_
    return encoder, history


class Keeper(Callback):
    """Save the network's state after some epochs, so that a curve can be drawn.

    Parameters
    ----------
    folder : Path
    epochs : sequence of int
    """

    def __init__(self, folder: Path, epochs: Sequence[int]):
        self.folder = folder
        self.epochs = epochs

    def file(self, epoch: int) -> Path:
        """File of the state after an epoch."""
        return self.folder / f"epoch-{epoch:02d}.pt"

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Write the state of one of the epochs."""
        epoch = len(net.history)
        if epoch in self.epochs:
            self.folder.mkdir(parents=True, exist_ok=True)
            state = net.module_.state_dict()
            write_whole(self.file(epoch), lambda path: torch.save(state, path))

    def weights(self, like: Weights) -> Iterator[tuple[int, Weights]]:
        """Epochs and their weights, which differ from those at the end in nothing else."""
        for epoch in self.epochs:
            module = like.module()
            module.load_state_dict(torch.load(self.file(epoch), weights_only=True))
            yield epoch, Weights.from_module("", like.kind, like.config, module, like.info)


def free(part: EEGCorpus, every: int = 1) -> EEGCorpus:
    """Windows of datasets on which a model may be trained that anyone may use.

    Of each dataset only every so-many-th person, for a curve over hours.
    """
    datasets = np.array([str(person).split("/")[0] for person in part.subjects])
    chosen = np.zeros(len(part), dtype=bool)
    for dataset in FREE:
        people = np.unique(np.asarray(part.subjects)[datasets == dataset])
        chosen |= np.isin(part.subjects, people[::every])
    return part[chosen]


def further_stage(options: argparse.Namespace) -> None:
    """Train an encoder further on the corpus, and save it."""
    warnings.filterwarnings("ignore", message=".*No electrode position.*")
    parts = [free(part, options.every) for part in corpora(options.corpus, options.half)]
    parts = [part for part in parts if len(part)]
    keeper = Keeper(options.work / options.name, numbers(options.keep_epochs, "--keep-epochs"))
    engine = Engine(
        batch_of="patches",
        steps_per_epoch=2 if options.quick else options.steps,
        callbacks=[keeper],
    )
    own = STAGE | {"max_epochs": 1 if options.quick else options.epochs}
    own["summary_weight"] = options.summary_weight
    own["crops"] = clone(own["crops"]).set_params(
        referenced=options.referenced, gain_db=options.gain_db
    )
    if options.weights is None:
        own |= {"architecture": (QUICK if options.quick else ENCODER)["architecture"]}
    # The settings that name a run do not tell variants apart.
    work = options.work if options.variant == FULL else options.work / options.variant
    pretrainer = pretrainer_class(VARIANTS[options.variant])(
        TOKENIZER_NAME,
        weights=options.weights,
        engine=engine,
        checkpoint_dir=work,
        random_state=options.seed,
        **own,
    ).fit(parts)
    people = sorted({str(person) for part in parts for person in part.subjects})
    facts = {"data": "corpus of make_corpus.py", "subjects": people, "seed": options.seed}
    encoder = halved(pretrainer.weights_, options.name, layer=LAYER, **facts)
    keep(encoder, pretrainer.history_, options.out / options.name)
    for epoch, earlier in keeper.weights(pretrainer.weights_):
        name = f"{options.name}-{epoch:02d}"
        earlier = halved(earlier, name, layer=LAYER, **facts)
        keep(earlier, pretrainer.history_[:epoch], options.out / name)


def do(options: argparse.Namespace) -> None:
    """The stage that was asked for."""
    if (options.data is None) == (options.corpus is None):
        raise ValueError("Pass --data FOLDER_WITH_EEGMAT or --corpus FOLDER, one of the two.")
    if options.corpus is None:
        pretrain(options)
    else:
        further_stage(options)


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    """Options of a stage on a corpus."""
    parser.add_argument("--weights", help="with --corpus: weights to start from")
    parser.add_argument("--name", default="encoder", help="with --corpus: name of the new weights")
    parser.add_argument("--every", type=int, default=1, help="of each dataset every Nth person")
    parser.add_argument("--epochs", type=int, default=STAGE["max_epochs"], help="with --corpus")
    parser.add_argument("--steps", type=int, default=STEPS_PER_EPOCH, help="of each of them")
    parser.add_argument(
        "--keep-epochs", default="", help="with --corpus: epochs to save too, such as 1,2,4"
    )
    parser.add_argument(
        "--variant",
        choices=OF_ENCODER,
        default=FULL,
        help="with --corpus: without one of the claims",
    )
    parser.add_argument("--summary-weight", type=float, help="with --corpus: as of the pretrainer")
    parser.add_argument(
        "--referenced", type=float, default=0.0, help="with --corpus: as of RandomCrops"
    )
    parser.add_argument(
        "--gain-db", type=float, default=0.0, help="with --corpus: as of RandomCrops"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line."""
    parser = described(__doc__)
    parser.add_argument("--data", type=Path, help="folder of EEGMAT's EDF files")
    parser.add_argument("--corpus", type=Path, help="what make_corpus.py was given as --out")
    parser.add_argument("--half", choices=("odd", "even"), help="as given to make_corpus.py")
    add_stage_options(parser)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="folder for the two networks")
    parser.add_argument(
        "--leave-out", default="", help="subjects of 0-27 to leave out, such as 0,1,2: a rotation"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=1 + len(FURTHER_ROUNDS),
        choices=range(1, 2 + len(FURTHER_ROUNDS)),
        help="of the encoder's training; the bundled one has had all",
    )
    parser.add_argument(
        "--tokenizer-only", action="store_true", help="leave the encoder for another time"
    )
    parser.add_argument(
        "--decoders-of",
        help="train only the decoders of these weights, with a spatial filter; codes stay the same",
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--quick", action="store_true", help="tiny networks, one epoch, 2 subjects")
    return answered(parser, argv, do)


if __name__ == "__main__":
    sys.exit(main())
