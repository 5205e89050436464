"""Python in the pages and in the README: it runs, or stands here with the reason why not."""

import re

import mne
from package_files import ROOT
from tiny import make_eeg, make_labels

CHECKOUT = ROOT.parent
# Beginnings of the code that no test runs. All else is in doctest blocks or testcode.
NOT_RUN = {
    "from sk_brainrvq.datasets import EEGMAT": "downloads EEGMAT",
    "y, proba, recordings, subjects =": "needs TUAB, which is given out on request only",
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


def test_python_of_the_readme__each_block__runs():
    text = (CHECKOUT / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    info = mne.create_info(["C3", "C4"], 200, "eeg")
    epochs = mne.EpochsArray(make_eeg(6, 2) * 1e-6, info, verbose="error")
    for block in blocks:
        names = {"epochs": epochs, "labels": make_labels(6)}
        exec(block, names)
        assert names["pipeline"].predict(epochs).shape == (6,)
