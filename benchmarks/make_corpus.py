"""Pretraining data of seven public datasets in one corpus: the example for a corpus of your own.

Give it once for each dataset; killed and given again, it goes on. People on whom benchmarks are
scored once, or who are never read, stay out. What is left out is printed, with the reason.

    python benchmarks/make_corpus.py eegmat --data FOLDER --out FOLDER
    python benchmarks/make_corpus.py guinea-bissau --data FOLDER --out FOLDER [--half odd]
    python benchmarks/make_corpus.py summary --out FOLDER
    python benchmarks/make_corpus.py check --data eegmat=FOLDER,ssvep=FOLDER --out FOLDER
"""

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from corpora.pieces import LeftOut, Piece, Source, scored_once, wanted
from corpora.readers import SOURCES
from numpy.typing import NDArray
from table.answering import answered, described
from table.options import folders

from sk_brainrvq import EEGCorpus, build_corpus
from sk_brainrvq.datasets import find_shared_signals
from sk_brainrvq.files import write_whole

# Of the whole corpus: one model, one band.
BAND = {"l_freq": 0.5, "h_freq": 45.0, "notch": None}
# Peak to peak in microvolts: beyond, electrodes were off; below, they were dead.
REJECT = {"reject_amplitude": 1000.0, "reject_flat": 0.1}
SUBJECT = r"/(?P<subject>[a-z-]+/[\w-]+)_(?P<session>[\w-]+)_raw\.fif$"
# Seconds that a window of training has: as long as the pieces of a dataset and the artefacts in
# them allow. In windows of 30 s a quarter of Guinea-Bissau's good seconds would be lost.
WINDOWS = {"guinea-bissau": 10.0, "muse": 4.0, "feis": 1.0, "uci": 1.0}
LONGEST = 30.0


def pieces_of(
    source: Source, folder: Path, people: object, left_out: Counter[str]
) -> Iterator[Piece]:
    """Pieces of a dataset; what is not among them is counted by reason, and printed once."""
    for found in source.read(folder, people):
        if isinstance(found, LeftOut):
            if not left_out[found.why]:
                print(f"left out: {found.what}: {found.why}", flush=True)
            left_out[found.why] += 1
        else:
            yield found


def without_mains(signals: NDArray, sfreq: float, mains: float | None) -> NDArray:
    """Signals without the mains and its harmonics."""
    import mne

    if mains is None:
        return signals
    return mne.filter.notch_filter(
        signals, sfreq, np.arange(mains, sfreq / 2 - 1, mains), verbose="error"
    )


def write_piece(piece: Piece, path: Path, mains: float | None) -> None:
    """A FIF file in single precision, there only when it is whole."""
    import mne

    signals = without_mains(piece.microvolts, piece.sfreq, mains)
    info = mne.create_info(list(piece.ch_names), piece.sfreq, "eeg")
    raw = mne.io.RawArray(1e-6 * signals, info, verbose="error")

    def write(beside: Path) -> None:
        whole = beside.with_name("part_raw.fif")
        raw.save(whole, fmt="single", overwrite=True, verbose="error")
        whole.replace(beside)

    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, write)


def add(source: Source, folder: Path, out: Path, half: str | None) -> None:
    """Convert what is not converted yet, and add it to the corpus."""
    print(f"{source.title}: {source.licence} ({source.read_where}); {source.url}", flush=True)
    begin, left_out, n_new, files = time.monotonic(), Counter(), 0, []
    place = out / "files" / source.name
    for piece in pieces_of(source, folder, wanted(source.name, half), left_out):
        path = place / f"{piece.person}_{piece.session}_raw.fif"
        files.append(path)
        if not path.exists():
            write_piece(piece, path, source.mains)
            n_new += 1
    if not files:
        raise ValueError(f"{folder} holds nothing of {source.title} that may be used.")
    for why, n in left_out.items():
        print(f"left out in all: {n} ({why})")
    print(f"{len(files)} pieces, {n_new} of them new; {time.monotonic() - begin:.0f} s", flush=True)
    report = build_corpus(files, corpus_folder(out, half), subject=SUBJECT, **BAND, **REJECT)
    print(f"{report}\n{time.monotonic() - begin:.0f} s")


def corpus_folder(out: Path, half: str | None) -> Path:
    """Where the corpus is."""
    return out / (f"corpus-without-{half}" if half else "corpus")


def corpora(out: Path, half: str | None = None) -> list[EEGCorpus]:
    """What to hand to ``fit``: each dataset in windows as long as its pieces allow.

    Parameters
    ----------
    out : Path
        As given to the command.
    half : {"odd", "even"}, optional

    Returns
    -------
    list of EEGCorpus
        With ``Engine(batch_of="patches")`` datasets weigh by channel-hours.
    """
    place = corpus_folder(out, half)
    parts = []
    for window in sorted({LONGEST, *WINDOWS.values()}, reverse=True):
        whole = EEGCorpus(place, window=window)
        own = np.array([WINDOWS.get(s.split("/")[0], LONGEST) == window for s in whole.subjects])
        if own.any():
            parts.append(whole[own])
    return parts


def summary(out: Path, half: str | None) -> str:
    """People, hours and channel-hours of each dataset, and what of it is in windows."""
    parts = corpora(out, half)
    rows = ["dataset | people | hours | channels | channel-hours | share | in windows (hours)"]
    rows.append("|".join(["---"] * 7))
    recordings = EEGCorpus(corpus_folder(out, half), window=1.0).recordings
    total = sum(r.duration * len(r.ch_names) for r in recordings) / 3600
    for name in SOURCES:
        own = [r for r in recordings if r.subject.split("/")[0] == name]
        if not own:
            continue
        hours = sum(r.duration for r in own) / 3600
        area = sum(r.duration * len(r.ch_names) for r in own) / 3600
        used = sum(
            part.window * sum(s.split("/")[0] == name for s in part.subjects) for part in parts
        )
        channels = sorted({len(r.ch_names) for r in own})
        people = len({r.subject for r in own})
        rows.append(
            f"{name} | {people} | {hours:.2f} | {', '.join(map(str, channels))} | {area:.1f} | "
            f"{area / total:.0%} | {used / 3600:.2f}"
        )
    rows.append(f"all | | | | {total:.1f} | |")
    return "\n".join(f"| {row} |" if "---" not in row else f"|{row}|" for row in rows)


def check(folders: dict[str, Path], out: Path, half: str | None) -> int:
    """Whether someone is in the corpus who must not be, or is there under two names; 1 if so."""
    inside = set(EEGCorpus(corpus_folder(out, half), window=1.0).subjects)
    problems = []
    for subject in sorted(inside):
        name, person = subject.split("/")
        if not wanted(name, half)(person):
            problems.append(f"{subject} is in the corpus and must not be")

    for shared in find_shared_signals(_all_signals(folders)):
        problems.append(f"{' and '.join(shared.people)} share {shared.seconds} stretches of EEG")
    print("\n".join(problems) or f"no leak: {len(inside)} people, each once, nobody kept back")
    return 1 if problems else 0


def _all_signals(folders: dict[str, Path]) -> Iterator[tuple[str, NDArray, float]]:
    """Whoever may be in the corpus, and whoever must not: read to be compared, and no more."""
    for name, folder in folders.items():
        inside, outside = wanted(name), scored_once(name)
        # EEGMAT's own sums tell its files apart, so those of people kept back stay closed.
        asked = (inside,) if name == "eegmat" else (inside, outside)
        for who in asked:
            for piece in SOURCES[name].read(folder, who):
                if isinstance(piece, Piece):
                    yield f"{name}/{piece.person}", piece.microvolts, piece.sfreq


def do(options: argparse.Namespace) -> str | int | None:
    """What a command was asked for."""
    if options.dataset == "summary":
        return summary(options.out, options.half)
    if options.data is None:
        raise ValueError("--data is missing; expected the folder with the dataset's files.")
    if options.dataset == "check":
        return check(folders(options.data, [*SOURCES]), options.out, options.half)
    add(SOURCES[options.dataset], Path(options.data), options.out, options.half)
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line; a user's mistake is one line."""
    parser = described(__doc__)
    parser.add_argument("dataset", choices=[*SOURCES, "summary", "check"])
    parser.add_argument("--data", help="folder with the dataset's files, as published")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of converted files and corpus"
    )
    parser.add_argument(
        "--half",
        choices=("odd", "even"),
        help="a corpus of its own, without the people of the odd or even folds of the benchmarks",
    )
    warnings.filterwarnings("ignore", message=".*are not in .*")
    return answered(parser, argv, do)


if __name__ == "__main__":
    sys.exit(main())
