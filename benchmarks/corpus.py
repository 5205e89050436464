"""Train on a corpus larger than the memory allowed, and compare reading with training.

Writes a corpus of simulated EEG (10 GB by default), drops it from the page cache, and then runs
two tasks, each in a separate process: reading batches in the shuffled order of training, and
training a tokenizer for some steps. Prints windows per second, their ratio, and the largest
resident memory.

    python benchmarks/corpus.py --folder FOLDER [--gigabytes 10] [--steps 60] [--json FILE]
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from sk_brainrvq import DDRVQTransformer, EEGCorpus, Engine, build_corpus
from sk_brainrvq.corpus.index import CorpusIndex
from sk_brainrvq.training.batches import BatchLoader, SegmentDataset, ShuffledBatches

TEN_TWENTY = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2"
CH_NAMES = TEN_TWENTY.split(" ")
SECONDS = 3600
BATCH_SIZE = 6
INDEX = "index.jsonl"


def write_recording(path: Path, seed: int) -> None:
    """One hour of noise with a spectrum like EEG's, 19 channels at 200 Hz."""
    import mne  # not in the processes whose memory is measured

    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(len(CH_NAMES), SECONDS * 200))
    spectrum = np.fft.rfft(noise)
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.shape[1]), 100.0))
    signals = np.fft.irfft(spectrum)
    signals *= 20e-6 / signals.std()
    info = mne.create_info(CH_NAMES, 200.0, "eeg")
    mne.io.RawArray(signals, info, verbose="error").save(path, overwrite=True, verbose="error")


def write_corpus(folder: Path, gigabytes: float) -> EEGCorpus:
    """A corpus of the given size; copies of one built recording, each its own file on disk."""
    out = folder / "corpus"
    if (out / INDEX).exists():
        return EEGCorpus(str(out))
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "sub-000_raw.fif"
    write_recording(source, seed=0)
    build_corpus([source], out, notch=50)
    index = CorpusIndex.from_bytes((out / INDEX).read_bytes(), str(out))
    (first,) = index.recordings
    stored = out / "recordings" / first.id
    size = sum(file.stat().st_size for file in stored.rglob("*") if file.is_file())
    recordings = [first]
    for number in range(1, round(gigabytes * 1e9 / size)):
        copy = replace(
            first,
            id=f"{first.id}-{number:04d}",
            source=f"{first.source}-{number:04d}",
            subject=f"sub-{number:03d}",
        )
        shutil.copytree(stored, out / "recordings" / copy.id)
        recordings.append(copy)
    (out / INDEX).write_bytes(replace(index, recordings=tuple(recordings)).to_bytes())
    source.unlink()
    return EEGCorpus(str(out))


def size_and_evict(folder: Path) -> int:
    """Drop all files from the page cache; return their size in bytes."""
    total = 0
    for file in folder.rglob("*"):
        if file.is_file():
            total += file.stat().st_size
            descriptor = os.open(file, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
    return total


def read(folder: Path, steps: int) -> float:
    """Windows per second when only reading batches."""
    prepared = EEGCorpus(str(folder / "corpus")).prepared()
    dataset = SegmentDataset(prepared)
    batches = ShuffledBatches(dataset, BATCH_SIZE, seed=0, steps_per_epoch=steps)
    start = time.perf_counter()
    n_windows = sum(len(batch) for batch, _ in islice(BatchLoader(dataset, batches), steps))
    return n_windows / (time.perf_counter() - start)


def train(folder: Path, steps: int, architecture: str) -> float:
    """Windows per second when training a tokenizer; the first epoch is a warm-up."""
    tokenizer = DDRVQTransformer(
        architecture=architecture,
        max_epochs=2,
        engine=Engine(steps_per_epoch=steps),
        batch_size=BATCH_SIZE,
        random_state=0,
        device="cpu",
    ).fit(EEGCorpus(str(folder / "corpus")))
    return steps * BATCH_SIZE / tokenizer.history_[-1]["dur"]


def measure(task: str, options: argparse.Namespace) -> dict:
    """Run a task in a fresh process; return its rate and largest resident memory."""
    command = [sys.executable, __file__, "--folder", str(options.folder), "--task", task]
    command += ["--steps", str(options.steps), "--architecture", options.architecture]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[-1])


def main() -> None:
    """Write, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="folder for the corpus")
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--steps", type=int, default=60, help="batches of 6 windows")
    parser.add_argument("--architecture", default="small")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--task", choices=["read", "train"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        if options.task == "read":
            rate = read(options.folder, 20 * options.steps)
        else:
            rate = train(options.folder, options.steps, options.architecture)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps({"windows_per_second": rate, "peak_gib": peak}))
        return
    corpus = write_corpus(options.folder, options.gigabytes)
    size = size_and_evict(options.folder / "corpus")
    print(f"{size / 1e9:.1f} GB, {corpus.hours:.0f} h, {len(corpus)} windows of 10 s, 19 channels")
    rows = {task: measure(task, options) for task in ("read", "train")}
    rows["read after training"] = measure("read", options)
    for name, row in rows.items():
        print(
            f"{name:20} {row['windows_per_second']:8.1f} windows/s   peak {row['peak_gib']:.2f} GiB"
        )
    ratio = rows["read"]["windows_per_second"] / rows["train"]["windows_per_second"]
    print(f"Reading from disk is {ratio:.0f} times as fast as training ({options.architecture}),")
    print(f"on {torch.get_num_threads()} threads.")
    if options.json:
        options.json.write_text(json.dumps({"bytes": size, **rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
