"""Small EDF files and the command line in this process and in others."""

import os
import subprocess
import sys

import mne
import numpy as np
from click.testing import CliRunner
from process_tools import Child

from sk_brainrvq.command_line.app import app, main

NAMES = ["Fp1", "C3", "Cz", "O2"]
SMALL = (
    *("--architecture", "tiny", "--codebook-size", "16", "--window", "2", "--device", "cpu"),
    *("--notch", "none"),
)
EMBED_OPTIONS = ("--window", 2, "--overlap", 0.5, "--device", "cpu", "-q")


def save_recording(path, n_seconds=8.0, sfreq=200.0, names=NAMES, seed=0):
    """Noise of 20 microvolts as an EDF file."""
    rng = np.random.default_rng(seed)
    signals = rng.normal(scale=20e-6, size=(len(names), int(n_seconds * sfreq)))
    raw = mne.io.RawArray(signals, mne.create_info(list(names), sfreq, "eeg"), verbose="error")
    mne.export.export_raw(path, raw, overwrite=True, verbose="error")
    return path


def run(*arguments):
    """Result of a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def begin(*arguments, **environment):
    """The command in a process of its own that has imported everything already."""
    return Child(_main, [*map(str, arguments)], environment=environment)


def _main(arguments):
    sys.argv[1:] = arguments
    main()


def start(*arguments, **environment):
    """The command as a program of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "sk_brainrvq", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def run_alone(*arguments, **environment):
    """Exit code, stdout and stderr of the command as a program of its own."""
    process = start(*arguments, **environment)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err
