"""Load randomly damaged files: models, unfinished trainings, indexes of corpora.

Every file must load, or be refused with a CheckpointError, a ResumeError (a TrainingDivergedError
where the numbers do not allow training) or an InvalidCorpusError; loading must take at most 100 MB
of memory beyond the size of the file; a loaded estimator must have no other attributes than a saved
one. Prints the outcome for each kind of damage.

    python benchmarks/fuzz_loading.py [--mutations 2000] [--seed 0] [--json FILE]
"""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mutated_files import MUTATIONS, mutated

from sk_brainrvq import (
    Architecture,
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    BrainRVQRegressor,
    DDRVQTransformer,
    Engine,
    Filters,
    Weights,
)
from sk_brainrvq.corpus import EEGCorpus, build_corpus
from sk_brainrvq.exceptions import (
    CheckpointError,
    InvalidCorpusError,
    ResumeError,
    TrainingDivergedError,
)

NAMES = ["Fp1", "C3", "O2"]
X = np.random.default_rng(0).normal(scale=20, size=(6, 3, 400))
Y = np.array(["rest", "task"] * 3)
CLASSES = {
    cls.__name__: cls
    for cls in (
        BrainRVQClassifier,
        BrainRVQEmbedder,
        BrainRVQPretrainer,
        BrainRVQRegressor,
        DDRVQTransformer,
    )
}
MOST_MEGABYTES = 100
# Mutations per process: memory is measured for each, and a crash loses no more than these.
_BATCH = 100
_SECONDS = 60
# Files of a training that is resumed: the checkpoint, and the settings of the run.
_TRAINING = ("epoch-000001.safetensors", "configuration.json")
_REFUSALS = (CheckpointError, ResumeError, TrainingDivergedError, InvalidCorpusError)


def fitted_estimators() -> dict[str, Any]:
    """One small estimator of each class."""
    sizes = {"embed_dim": 100, "depth": 1}
    encoder = Architecture("tiny", **sizes)
    codes = Architecture("tiny", **sizes, decoder_depth=1, codebook_size=8, codebook_dim=4)
    usual = {"sfreq": 200, "ch_names": NAMES, "device": "cpu", "random_state": 0}
    trained = {**usual, "max_epochs": 1}
    generator = {"random_state": np.random.RandomState(0)}
    estimators = [
        DDRVQTransformer(architecture=codes, **trained),
        BrainRVQPretrainer(architecture=codes, tokenizer_max_epochs=1, **trained),
        BrainRVQEmbedder(None, architecture=encoder, **usual | generator),
        BrainRVQClassifier(
            None,
            architecture=encoder,
            class_weight={"rest": 1.0, "task": 2.0},
            filters=Filters(None, None, None, ["C3"]),
            **trained,
        ),
        BrainRVQRegressor(None, architecture=encoder, engine=Engine("float32"), **trained),
    ]
    targets = {"BrainRVQRegressor": np.arange(6.0)}
    return {
        type(estimator).__name__: estimator.fit(X, targets.get(type(estimator).__name__, Y))
        for estimator in estimators
    }


def write_originals(folder: Path) -> None:
    """Files to damage: an estimator of each class, a published checkpoint, a training, an index."""
    for name, estimator in fitted_estimators().items():
        (estimator.save_pretrained(folder / name)).rename(folder / f"{name}.safetensors")
        if name == "BrainRVQClassifier":
            torch.save(_published(estimator.weights_), folder / "published.pth")
    _write_training(folder)
    _write_corpus(folder)


def going_on(**params: Any) -> DDRVQTransformer:
    """A tokenizer whose training of two epochs can stop after the first."""
    codes = Architecture(
        "tiny", embed_dim=100, depth=1, decoder_depth=1, codebook_size=8, codebook_dim=4
    )
    given = {"sfreq": 200, "ch_names": NAMES, "device": "cpu", "random_state": 0}
    stopping = {"max_epochs": 2, "validation": 0.34, "early_stopping": 2}
    return DDRVQTransformer(architecture=codes, **given, **stopping, **params)


def _write_training(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as runs:
        going_on(checkpoint_dir=runs).fit(X)
        (run,) = Path(runs).iterdir()
        for name in _TRAINING:
            (folder / name).write_bytes((run / name).read_bytes())


def _published(weights: Weights) -> dict[str, torch.Tensor]:
    """A classifier's state as the research code names it, with its mean head."""
    state = {}
    for name, tensor in weights.module().state_dict().items():
        inner = name.removeprefix("encoder.")
        if name.startswith("encoder.") and ".spectrum." not in name:
            state["fc_" + inner if inner.startswith("norm.") else inner] = tensor
    return {**state, "head.weight": torch.zeros(2, 100), "head.bias": torch.zeros(2)}


def _write_corpus(folder: Path) -> None:
    import mne  # not in the processes whose memory is measured

    for number in range(3):
        info = mne.create_info(NAMES, 200.0, "eeg")
        signals = np.random.default_rng(number).normal(scale=2e-5, size=(3, 200 * 30))
        raw = mne.io.RawArray(signals, info, verbose="error")
        raw.save(folder / f"sub-{number}_eeg.fif", verbose="error")
    (folder / "broken_eeg.fif").write_bytes(b"no recording")
    build_corpus(folder, folder / "corpus", notch=50)
    (folder / "index.jsonl").write_bytes((folder / "corpus" / "index.jsonl").read_bytes())


def load(path: Path) -> Any:
    """Load a file by the kind of content that its name states."""
    name = path.name.split(".")[0]
    if name == "published":
        return Weights.from_official(path)
    if name == "index":
        return EEGCorpus(path.parent)
    if path.name in _TRAINING:
        engine = Engine(resume_from=path.parent / _TRAINING[0])
        with tempfile.TemporaryDirectory() as runs:
            return going_on(engine=engine, checkpoint_dir=runs).fit(X)
    return CLASSES[name].from_pretrained(path)


def use(loaded: Any) -> None:
    """Use what was loaded; a ValueError may report parameters that make no sense."""
    try:
        if isinstance(loaded, Weights):
            loaded.module()
        elif isinstance(loaded, EEGCorpus):
            _ = loaded.info(), loaded.subjects, loaded.digest, loaded.filters
        elif hasattr(loaded, "predict"):
            loaded.predict(X[:2])
        else:
            loaded.transform(X[:2])
    except ValueError:
        pass


def strange_attributes(loaded: Any, original: Any) -> list[str]:
    """Attributes that no saved estimator has."""
    if not hasattr(loaded, "get_params"):
        return []
    known = {*vars(original), *type(loaded)._plain_attributes, *type(loaded)._attached_weights}
    strange = vars(loaded).keys() - known
    for mine, other in zip(_of_training(loaded), _of_training(original), strict=True):
        strange |= mine - other
    return sorted(strange)


def _of_training(estimator: Any) -> list[set[str]]:
    """Names in the state of an estimator's optimizer and callbacks."""
    net = estimator.net_
    held = [vars(callback) for _, callback in getattr(net, "callbacks_", [])]
    held += [vars(part["lr_scheduler_"]) for part in held if "lr_scheduler_" in part]
    return [set(part) for part in (*held, *getattr(net.optimizer_, "param_groups", []))]


def outcome(path: Path, original: Any, used: bool = True) -> str:
    """Outcome of loading a file; only "refused" and "loaded" are acceptable."""
    step = "loading"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = load(path)
            strange = strange_attributes(loaded, original)
            if strange:
                return f"sets {strange}"
            step = "use"
            if used:
                use(loaded)
    except _REFUSALS as error:
        return "refused" if len(str(error)) > 20 else f"refused without a reason: {error}"
    except Exception as error:
        return f"{step}: {type(error).__name__}: {str(error)[:160]}"
    return "loaded"


class Peak:
    """Peak growth of resident memory during a load, on Linux."""

    def __enter__(self) -> "Peak":
        Path("/proc/self/clear_refs").write_text("5")
        self.before = self._read("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.megabytes = (self._read("VmHWM") - self.before) / 1024

    @staticmethod
    def _read(name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name))


def spoilt(folder: Path, seed: int, numbers: range) -> Iterator[tuple[int, str, Path]]:
    """Yield each mutation's number, kind and file; the file lasts until the next one."""
    names = sorted(path.name for path in folder.iterdir() if _is_original(path))
    names += ["index.jsonl", _TRAINING[0]]
    for number in numbers:
        rng = np.random.default_rng([seed, number])
        name = names[number % len(names)]
        kind, content = mutated(rng, name, (folder / name).read_bytes())
        with tempfile.TemporaryDirectory() as where:
            path = Path(where, name)
            for other in _TRAINING:
                if name in _TRAINING:
                    Path(where, other).write_bytes((folder / other).read_bytes())
            path.write_bytes(content)
            yield number, kind, path


def run_batch(folder: Path, seed: int, numbers: range) -> None:
    """Load some mutated files; print one JSON line for each."""
    originals = {path.name: load(path) for path in folder.iterdir() if _is_original(path)}
    for original in originals.values():
        use(original)
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError("took too long")))
    for number, kind, path in spoilt(folder, seed, numbers):
        signal.alarm(_SECONDS)
        with Peak() as peak:
            result = outcome(path, originals[path.name], used=False)
        signal.alarm(0)
        beyond = peak.megabytes - path.stat().st_size / 2**20
        if result == "loaded":
            result = outcome(path, originals[path.name])
        row = {"number": number, "kind": kind, "file": path.name, "outcome": result}
        print(json.dumps({**row, "megabytes": round(beyond, 1)}), flush=True)


def _is_original(path: Path) -> bool:
    return path.suffix in (".safetensors", ".pth", ".jsonl", ".json")


def run(n_mutations: int, seed: int) -> list[dict[str, Any]]:
    """Rows of all mutations, each batch from a separate process; a crash gives a row too."""
    rows = []
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_originals(Path(name))
        for first in range(0, n_mutations, _BATCH):
            last = min(first + _BATCH, n_mutations)
            command = [sys.executable, __file__, "--batch", name, str(first), str(last)]
            command += ["--seed", str(seed)]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False)
            found = [json.loads(line) for line in io.StringIO(done.stdout.decode())]
            if len(found) < last - first:
                row = {"number": first + len(found), "kind": "crash", "file": "?", "megabytes": 0.0}
                found.append({**row, "outcome": f"process ended with {done.returncode}"})
            rows += found
    return rows


def print_table(rows: list[dict[str, Any]]) -> bool:
    """Print one line per kind of damage, then the faults; return whether there are none."""
    by_kind = defaultdict(list)
    for row in rows:
        by_kind[row["kind"]].append(row)
    print(f"{'damage':<34}{'files':>7}{'refused':>9}{'loaded':>8}{'other':>7}{'most MB':>9}")
    for kind, group in [*sorted(by_kind.items()), ("all", rows)]:
        refused = sum(row["outcome"] == "refused" for row in group)
        loaded = sum(row["outcome"] == "loaded" for row in group)
        most = max(row["megabytes"] for row in group)
        other = len(group) - refused - loaded
        print(f"{kind:<34}{len(group):>7}{refused:>9}{loaded:>8}{other:>7}{most:>9.1f}")
    wrong = [
        row
        for row in rows
        if row["outcome"] not in ("refused", "loaded") or row["megabytes"] > MOST_MEGABYTES
    ]
    for row in wrong:
        print(json.dumps(row))
    return not wrong


def main() -> int:
    """Run the command; return its exit status, 1 if there are faults."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--batch", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.batch:
        folder, first, last = arguments.batch
        torch.set_num_threads(1)
        warnings.simplefilter("ignore")
        run_batch(Path(folder), arguments.seed, range(int(first), int(last)))
        return 0
    rows = run(arguments.mutations, arguments.seed)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))
    print(f"{len(MUTATIONS)} kinds of damage, seed {arguments.seed}, memory beyond the file's size")
    return 0 if print_table(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
