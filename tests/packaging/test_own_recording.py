"""The example for a colleague's own file: it runs from top to bottom on an EDF file of theirs."""

import re

import matplotlib
import matplotlib.pyplot
import mne
import numpy as np
from package_files import ROOT

EXAMPLE = ROOT.parent / "examples" / "gallery" / "plot_own_edf.py"


def edf(folder, names, sfreq, seconds):
    """Path of a small EDF file as MNE and edfio write it, EEG of 20 microvolts."""
    rng = np.random.default_rng(0)
    signals = rng.normal(scale=20e-6, size=(len(names), int(sfreq * seconds)))
    raw = mne.io.RawArray(signals, mne.create_info(names, sfreq, "eeg"), verbose="error")
    path = folder / "own recording.edf"
    raw.export(path, verbose="error")
    return path


def test_own_edf__as_a_colleague_has_it__runs_and_keeps_a_table(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    matplotlib.use("Agg")
    # Decorated names, a heart channel, a name that nobody knows, a rate that is not the network's.
    path = edf(tmp_path, ["EEG Fz-REF", "EEG C3-REF", "EEG Odd", "EKG"], 256, 22)
    text = EXAMPLE.read_text()
    cells = re.split(r"^# %%\n", text, flags=re.MULTILINE)[1:]
    assert len(cells) == 10
    (line,) = re.findall(r"^file = None.*$", text, re.MULTILINE)
    exec(compile(text.replace(line, f"file = {str(path)!r}"), EXAMPLE.name, "exec"), {})
    matplotlib.pyplot.close("all")
    printed = capsys.readouterr().out
    assert "3 of 4 count as EEG" in printed
    (table,) = tmp_path.glob("*/features.npz")
    kept = np.load(table, allow_pickle=True)
    assert kept["features"].shape == (4, len(kept["names"]))
    assert kept["seconds"].tolist() == [0, 5, 10, 15]
    assert np.isfinite(kept["features"]).all()
