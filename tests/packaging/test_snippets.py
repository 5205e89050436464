"""Python in the pages and in the README: it runs, or stands here with the reason why not."""

import re

import pytest
from package_files import ROOT

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


def test_python_of_the_readme__as_it_stands__prints_what_it_says(capsys):
    text = (CHECKOUT / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})
        said = re.search(r"# \[(.*?)\]", block)[1].split()
        printed = capsys.readouterr().out.strip(" []\n").split()
        # One window in 32 may fall on the other side on another processor.
        assert [float(n) for n in printed] == pytest.approx([float(n) for n in said], abs=0.04)
