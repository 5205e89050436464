"""What notebooks show: estimators as HTML, and progress bars."""

import re
import subprocess
import sys

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

from sk_brainrvq import (
    Architecture,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    DDRVQTransformer,
    Weights,
)


def test_html__estimator_with_weights__name_and_digest(pretrainer):
    weights = pretrainer.weights_
    page = estimator_html_repr(BrainRVQEmbedder(weights=weights))
    assert weights.digest in page
    assert weights.name in page
    row = re.search(r'class="param">\s*weights.*?class="value">([^<]*)<', page, re.DOTALL)
    # scikit-learn before 1.7 has no table.
    assert row is None or row[1].strip() == f"{weights.name} ({weights.digest[:8]})"


def test_html__weights_of_a_long_name__shortened(pretrainer):
    weights = pretrainer.weights_
    named = Weights.from_module(
        "a-name-of-many-words", weights.kind, weights.config, weights.module(), weights.info
    )
    page = estimator_html_repr(BrainRVQEmbedder(weights=named))
    assert f"a-name-of-many-wor… ({named.digest[:8]})" in page or 'class="param"' not in page


def test_html__fitted_pipeline_and_its_clone__digest_of_each_network(pretrainer, windows):
    weights = pretrainer.weights_
    embedder = BrainRVQEmbedder(weights=weights, sfreq=200, ch_names=windows.ch_names)
    pipeline = make_pipeline(embedder, LogisticRegression()).fit(windows.X, windows.y)
    for shown in (pipeline, clone(pipeline)):
        assert weights.digest in estimator_html_repr(shown)
    tokenizer = pretrainer.tokenizer_weights_
    page = estimator_html_repr(BrainRVQPretrainer(tokenizer=tokenizer, weights=weights))
    assert weights.digest in page
    assert tokenizer.digest in page


# A notebook as tqdm recognises one; of IPython and ipywidgets nothing need be installed.
_NOTEBOOK = """
import sys, types, warnings
warnings.filterwarnings("error", "IProgress")

class ZMQInteractiveShell: pass

ipython = types.ModuleType("IPython")
ipython.get_ipython = ZMQInteractiveShell
sys.modules["IPython"] = ipython
sys.modules["ipykernel.zmqshell"] = types.ModuleType("ipykernel.zmqshell")
sys.modules["ipywidgets"] = None
"""
_BAR = """
from sk_brainrvq.training.callbacks.progress import tqdm
with tqdm(total=2, desc="Tokenizer", dynamic_ncols=True) as bar:
    bar.update(2)
"""


def test_progress__notebook_without_ipywidgets__bar_in_text_without_a_warning():
    result = subprocess.run(
        [sys.executable, "-c", _NOTEBOOK + _BAR], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "IProgress" not in result.stderr
    assert "Tokenizer: 100%" in result.stderr


def test_progress__verbose_fit__steps_of_all_epochs_and_figures(capsys):
    X = np.random.default_rng(0).normal(scale=20, size=(4, 2, 400))
    DDRVQTransformer(
        architecture=Architecture("tiny", codebook_size=8),
        max_epochs=2,
        batch_size=2,
        sfreq=200,
        ch_names=["C3", "C4"],
        random_state=0,
        verbose=1,
    ).fit(X)
    shown = capsys.readouterr().err
    assert "Tokenizer" in shown
    assert "4/4" in shown
    assert "epoch=2/2" in shown


def test_progress__into_a_log__lines_of_epochs_and_not_of_steps(capsys):
    X = np.random.default_rng(0).normal(scale=20, size=(40, 4, 1000))
    recorded = {"sfreq": 200, "ch_names": ["C3", "C4", "O1", "O2"]}
    DDRVQTransformer(
        architecture="tiny", max_epochs=2, batch_size=2, random_state=0, verbose=1, **recorded
    ).fit(X)
    lines = re.findall(r"(\d+)/40 ", capsys.readouterr().err)
    # The bar as it opens, each epoch and the end; a few more where the machine takes long.
    assert [line for line in dict.fromkeys(lines) if line in ("0", "20", "40")] == ["0", "20", "40"]
    assert len(set(lines)) <= 8
