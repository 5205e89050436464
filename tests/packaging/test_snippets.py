"""Python in the pages and in the README: it runs, or stands here with the reason why not."""

import re

import mne
import numpy as np
import pytest
from package_files import ROOT

from sk_brainrvq.datasets import make_eeg

CHECKOUT = ROOT.parent
# Beginnings of the code that no test runs. All else is in doctest blocks or testcode.
NOT_RUN = {
    "from sk_brainrvq.datasets import EEGMAT": "downloads EEGMAT",
    "from sk_brainrvq.datasets import fetch_eegmat": "downloads EEGMAT",
    "y, proba, recordings, subjects =": "needs TUAB, which is given out on request only",
    "from neuralbench import check_model": "needs Python 3.12 and gigabytes of data",
    "from open_eeg_bench import benchmark": "downloads datasets, and runs for hours",
    "import joblib": "needs a scheduler of Dask on another machine",
    "# train.py, for torchrun": "trains in four processes, for hours",
    "from moabb import benchmark": "downloads datasets, and runs for hours",
    'weights = Weights.from_official("pretrained.pth")': "needs a published checkpoint",
    "from sk_brainrvq import BrainRVQClassifier, BrainRVQEmbedder, Weights": "reads from the Hub",
    "facts = {": "needs an account on the Hub",
}


def code_blocks(text):
    """First lines of the Python blocks of a page that are only shown."""
    return re.findall(r"^\.\. code-block:: python\n\n +(.+)$", text, re.MULTILINE)


def test_python_of_the_pages__each_block__run_by_doctest_or_listed_with_a_reason():
    pages = {path.name: path.read_text() for path in CHECKOUT.glob("docs/*.rst")}
    shown = [line for text in pages.values() for line in code_blocks(text)]
    assert {next((key for key in NOT_RUN if line.startswith(key)), line) for line in shown} == set(
        NOT_RUN
    )
    assert len(shown) == len(NOT_RUN)
    assert sum(".. testcode::" in text for text in pages.values()) >= 5


def save_recordings(folder):
    """Files as in the README: 20 s of three people at rest and during a task."""
    eeg = make_eeg(3, 4, duration=5, ch_names=["Fz", "Cz", "Pz", "O1"], random_state=0)
    info = mne.create_info(eeg.ch_names, eeg.sfreq, "eeg")
    folder.mkdir()
    for person in range(3):
        for label, task in enumerate(("rest", "task")):
            windows = eeg.X[(eeg.subjects == person) & (eeg.y == label)]
            raw = mne.io.RawArray(np.hstack(windows) * 1e-6, info, verbose="error")
            raw.export(folder / f"p0{person}_{task}.edf", verbose="error")


@pytest.mark.filterwarnings("ignore:There are fewer than min_windows")
def test_python_of_the_readme__as_it_stands__prints_what_it_says(capsys, tmp_path, monkeypatch):
    save_recordings(tmp_path / "recordings")
    monkeypatch.chdir(tmp_path)
    text = (CHECKOUT / "README.md").read_text()
    simulated, files = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names = {}
    exec(simulated, names)
    said = re.search(r"# \[(.*?)\]", simulated)[1].split()
    printed = capsys.readouterr().out.strip(" []\n").split()
    # One window in 32 may fall on the other side on another processor.
    assert [float(n) for n in printed] == pytest.approx([float(n) for n in said], abs=0.04)
    exec(files, names)
    assert names["scores"].shape == (3,)
    assert ((names["scores"] >= 0) & (names["scores"] <= 1)).all()


def test_links_of_the_readme__to_files__lead_somewhere():
    text = (CHECKOUT / "README.md").read_text()
    linked = [to for to in re.findall(r"\]\(([^)]+)\)", text) if "://" not in to]
    assert len(linked) > 10
    assert [to for to in linked if not (CHECKOUT / to).exists()] == []
