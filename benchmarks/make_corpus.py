"""Pretraining data of seven public datasets in one corpus: the example for a corpus of your own.

Run it once for each dataset; if killed, it resumes when run again. People whom benchmarks score
once or never read are left out. The command prints what is left out, with the reason.

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

# For the whole corpus: one model, one band.
BAND = {"l_freq": 0.5, "h_freq": 45.0, "notch": None}
# Peak to peak in microvolts: above the range, electrodes were off; below it, they were dead.
REJECT = {"reject_amplitude": 1000.0, "reject_flat": 0.1}
SUBJECT = r"/(?P<subject>[a-z-]+/[\w-]+)_(?P<session>[\w-]+)_raw\.fif$"
# Seconds of a training window: as long as the pieces of a dataset and the artefacts in them allow.
# Windows of 30 s would lose a quarter of Guinea-Bissau's good seconds.
WINDOWS = {"guinea-bissau": 10.0, "muse": 4.0, "feis": 1.0, "uci": 1.0}
LONGEST = 30.0


def pieces_of(
    source: Source, folder: Path, people: object, left_out: Counter[str]
) -> Iterator[Piece]:
    """Pieces of a dataset; what is left out is counted by reason, and printed once."""
    for found in source.read(folder, people):
        if isinstance(found, LeftOut):
            if not left_out[found.why]:
                print(f"left out: {found.what}: {found.why}", flush=True)
            left_out[found.why] += 1
        else:
            yield found


def without_mains(signals: NDArray, sfreq: float, mains: float | None) -> NDArray:
    """Remove the mains frequency and its harmonics from signals."""
    import mne

    if mains is None:
        return signals
    return mne.filter.notch_filter(
        signals, sfreq, np.arange(mains, sfreq / 2 - 1, mains), verbose="error"
    )


def write_piece(piece: Piece, path: Path, mains: float | None) -> None:
    """Write a FIF file in single precision; it appears only when complete."""
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
    """Convert what is missing, and add it to the corpus."""
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
    """Folder of the corpus."""
    return out / (f"corpus-without-{half}" if half else "corpus")


def corpora(out: Path, half: str | None = None) -> list[EEGCorpus]:
    """Data to pass to ``fit``: each dataset in windows as long as its pieces allow.

    Parameters
    ----------
    out : Path
        Output folder that was given to the command.
    half : {"odd", "even"}, optional

    Returns
    -------
    list of EEGCorpus
        With ``Engine(batch_of="patches")`` datasets are weighted by channel-hours.
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
    """Print people, hours and channel-hours of each dataset, and its hours in windows."""
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
    """Look for people who must not be in the corpus, or are there twice; return 1 if any."""
    inside = set(EEGCorpus(corpus_folder(out, half), window=1.0).subjects)
    problems = []
    for subject in sorted(inside):
        name, person = subject.split("/")
        if not wanted(name, half)(person):
            problems.append(f"{subject} is in the corpus and must not be")

    for shared in find_shared_signals(_all_signals(folders)):
        problems.append(f"{' and '.join(shared.people)} share {shared.seconds} stretches of EEG")
    print(
        "\n".join(problems) or f"no leak: {len(inside)} people, each once, nobody who was held back"
    )
    return 1 if problems else 0


def _all_signals(folders: dict[str, Path]) -> Iterator[tuple[str, NDArray, float]]:
    """People who may and who must not be in the corpus, read only for the comparison."""
    for name, folder in folders.items():
        inside, outside = wanted(name), scored_once(name)
        # EEGMAT's checksums identify its files, so those of people held back stay closed.
        asked = (inside,) if name == "eegmat" else (inside, outside)
        for who in asked:
            for piece in SOURCES[name].read(folder, who):
                if isinstance(piece, Piece):
                    yield f"{name}/{piece.person}", piece.microvolts, piece.sfreq


def do(options: argparse.Namespace) -> str | int | None:
    """Run the command that was asked for."""
    if options.dataset == "summary":
        return summary(options.out, options.half)
    if options.data is None:
        raise ValueError("--data is missing; expected the folder with the dataset's files.")
    if options.dataset == "check":
        return check(folders(options.data, [*SOURCES]), options.out, options.half)
    add(SOURCES[options.dataset], Path(options.data), options.out, options.half)
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run; report a user's mistake in one line."""
    parser = described(__doc__)
    parser.add_argument("dataset", choices=[*SOURCES, "summary", "check"])
    parser.add_argument("--data", help="folder with the dataset's files, as published")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for converted files and the corpus"
    )
    parser.add_argument(
        "--half",
        choices=("odd", "even"),
        help="separate corpus without the people in the odd or even folds of the benchmarks",
    )
    warnings.filterwarnings("ignore", message=".*are not in .*")
    return answered(parser, argv, do)


if __name__ == "__main__":
    sys.exit(main())
