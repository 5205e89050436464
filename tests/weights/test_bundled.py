"""The bundled default model: there, small, offline, and for EEG of any kind."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sk_brainrvq
from sk_brainrvq import (
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    CodeHistogram,
    DDRVQTransformer,
    Weights,
)
from sk_brainrvq.datasets import BENCHMARK_SPLITS, load_eegmat, make_eeg
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.signals.electrodes import ELECTRODE_NAMES
from sk_brainrvq.weights import bundled_weights, resolve_weights
from sk_brainrvq.weights.resolving import tokenizer_of

BUNDLED = Path(sk_brainrvq.__file__).parent / "weights" / "bundled"
NAMES = ["small-2026.12", "tokenizer-2026.11"]
FILTERS = {"l_freq": 0.5, "h_freq": 45.0, "notch": None, "reference": None}


@pytest.mark.parametrize("name", NAMES)
def test_bundled__files__below_ten_megabytes_with_a_card(name):
    files = {path.name: path for path in (BUNDLED / name).iterdir()}
    assert {"model.safetensors", "config.json", "README.md"} <= files.keys()
    assert sum(path.stat().st_size for path in files.values()) < 10e6
    card = files["README.md"].read_text()
    for word in ("EEGMAT", "Open Data Commons Attribution", "Zyma", "00-27", "Limits"):
        assert word in card


def test_bundled__encoder_of_four_datasets__has_seen_only_people_to_develop_on():
    weights = bundled_weights("small-2026.12")
    seen = {}
    for subject in weights.info["subjects"]:
        dataset, _, person = subject.partition("/")
        seen.setdefault(dataset, set()).add(person)
    assert {name: len(people) for name, people in seen.items()} == {
        "eegmat": 28,
        "guinea-bissau": 49,
        "ssvep": 6,
        "muse": 67,
    }
    for name, split in BENCHMARK_SPLITS.items():
        assert {int(person) for person in seen[name]} <= set(split.develop)
    assert weights.info["filters"] == FILTERS
    # The cap of EEGMAT, and the electrodes that EPOC, Muse and the occipital cap add to it.
    rows = {ELECTRODE_NAMES[row - 1] for row in weights.info["trained_rows"]}
    tokenizer = bundled_weights("tokenizer-2026.11")
    before = {ELECTRODE_NAMES[row - 1] for row in tokenizer.info["trained_rows"]}
    assert rows - before == {
        *("AF3", "AF4", "FC5", "FC6", "AF7", "AF8", "TP9", "TP10"),
        *("OZ", "POZ", "PO3", "PO4", "PO7", "PO8"),
    }
    assert before < rows
    card = (BUNDLED / "small-2026.12" / "README.md").read_text()
    for word in ("CC BY 4.0", "CC0", "MIT", "150 people", "tokenizer-2026.11"):
        assert word in card


def test_bundled__encoder_of_four_datasets__is_trained_further_with_its_tokenizer():
    eeg = make_eeg(n_subjects=1, n_windows=2, duration=2, random_state=0)
    pretrainer = BrainRVQPretrainer(
        "small-2026.12",
        weights="small-2026.12",
        max_epochs=1,
        sfreq=eeg.sfreq,
        ch_names=eeg.ch_names,
        random_state=0,
    ).fit(eeg.X)
    assert pretrainer.tokenizer_weights_ == bundled_weights("tokenizer-2026.11")
    assert pretrainer.weights_.config == bundled_weights("small-2026.12").config
    assert tokenizer_of(bundled_weights("small-2026.12")) == "small-2026.12"
    with pytest.raises(CheckpointError, match=r"tokenizer='small-2026\.12'"):
        BrainRVQPretrainer(weights="small-2026.12", sfreq=eeg.sfreq).fit(eeg.X)


def test_bundled_tokenizer__origin__is_recorded():
    weights = bundled_weights("tokenizer-2026.11")
    assert weights.name == "tokenizer-2026.11"
    info = weights.info
    assert info["subjects"] == list(range(28))
    assert info["filters"] == FILTERS
    assert info["trained_patches"] == 30
    # 19 electrodes, and A1 and A2 in a pair.
    assert len(info["trained_rows"]) == 21


def test_bundled__by_name__unless_something_of_that_name_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        assert Weights(name) == bundled_weights(name) == Weights(BUNDLED / name)
        assert Weights(name).name == name
        assert Weights(name).digest in repr(BrainRVQEmbedder(Weights(name)).get_params())
    assert Weights("default") == Weights("small-2026.12")
    assert Weights("default").name == "small-2026.12"
    bundled_weights("tokenizer-2026.11").save(tmp_path / "default")
    assert Weights("default").kind == "tokenizer"
    with pytest.raises(CheckpointError, match="or one of the bundled 'default', 'small-2026"):
        Weights("defualt")
    with pytest.raises(CheckpointError, match=r"or that file\.$"):
        Weights("models/defualt")


def test_bundled__by_name__moabbs_key_follows_the_content():
    from moabb.analysis.results import get_pipeline_digest

    weights = Weights("default")
    assert clone(BrainRVQEmbedder(weights)).weights is weights
    assert pickle.loads(pickle.dumps(weights)) == weights
    module = weights.module()
    next(module.parameters()).data.view(-1)[0] += 1
    updated = Weights.from_module(weights.name, weights.kind, weights.config, module, weights.info)
    now, again, later = (
        get_pipeline_digest("epochs", make_pipeline(BrainRVQEmbedder(each)))
        for each in (weights, bundled_weights("small-2026.12"), updated)
    )
    assert now == again != later


def test_default__as_a_parameter__stands_for_the_part_that_fits():
    encoder = resolve_weights("default", ("pretraining", "encoder"), "weights")
    assert encoder is bundled_weights("default")
    assert encoder.kind == "pretraining"
    assert encoder is resolve_weights("default", ("pretraining", "tokenizer"), "weights")
    assert encoder is resolve_weights("small-2026.12", ("pretraining",), "weights")
    tokenizer = resolve_weights("default", ("tokenizer",), "tokenizer")
    assert tokenizer == bundled_weights("tokenizer-2026.11")
    with pytest.raises(CheckpointError, match=r"'small'.*expected one of 'default', 'small-2026"):
        bundled_weights("small")
    with pytest.raises(CheckpointError, match="expected one of classifier"):
        resolve_weights("default", ("classifier",), "weights")


def test_default__in_a_process_without_network__embeds_in_three_lines():
    code = """
import socket, sys
class NoNetwork(socket.socket):
    def connect(self, address):
        raise OSError(f"no network: {address}")
socket.socket = NoNetwork
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import make_eeg
eeg = make_eeg(2, 4, random_state=0).to_epochs()
pipeline = make_pipeline(BrainRVQEmbedder(), LogisticRegression(max_iter=1000))
print(pipeline.fit(eeg, eeg.events[:, 2]).predict(eeg).shape)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.stdout.strip() == "(8,)", done.stderr


@pytest.mark.parametrize("seconds", [0.5, 1, 5, 31])
@pytest.mark.parametrize("n_channels", [1, 3, 64])
def test_default__any_length_and_montage__finite_features_of_one_size(seconds, n_channels):
    import mne

    names = mne.channels.make_standard_montage("biosemi64").ch_names[-n_channels:]
    rng = np.random.default_rng(0)
    X = rng.normal(scale=20, size=(2, n_channels, round(200 * seconds)))
    embedder = BrainRVQEmbedder(sfreq=200, ch_names=names)
    features = embedder.fit_transform(X)
    assert features.shape == (2, len(embedder.get_feature_names_out()))
    assert np.isfinite(features).all()
    assert np.abs(features).max() < 100


def test_default__every_estimator__takes_it():
    eeg = make_eeg(2, 4, random_state=0)
    recording = {"sfreq": eeg.sfreq, "ch_names": eeg.ch_names}
    codes = DDRVQTransformer(weights="default", **recording).fit_transform(eeg.X)
    assert codes.shape == (8, 19, 5, 2, 3)
    counts = CodeHistogram(codebook_size=512).fit_transform(codes)
    assert counts.sum() == codes.size
    pretrainer = BrainRVQPretrainer("default", weights="default", **recording).fit(eeg.X)
    embedder = BrainRVQEmbedder(**recording)
    np.testing.assert_allclose(
        pretrainer.transform(eeg.X), embedder.fit_transform(eeg.X), atol=1e-5
    )
    classifier = BrainRVQClassifier(max_epochs=1, random_state=0, **recording).fit(eeg.X, eeg.y)
    assert classifier.predict(eeg.X).shape == (8,)


def test_default_tokenizer__real_eeg_it_has_not_seen__explained_better_at_each_level(
    eegmat_folder,
):
    windows = load_eegmat(eegmat_folder, [29])
    tokenizer = DDRVQTransformer(
        weights="default", sfreq=windows.sfreq, ch_names=windows.ch_names, filters=None
    ).fit(windows.X[:2])
    scores = [tokenizer.score(windows.X[::4], n_levels=levels) for levels in (1, 2, 3)]
    assert 0.2 < scores[0] < scores[1] < scores[2]


def test_default_pretraining__real_eeg_it_has_not_seen__beats_the_most_frequent_code(
    eegmat_folder,
):
    windows = load_eegmat(eegmat_folder, [29])
    recording = {"sfreq": windows.sfreq, "ch_names": windows.ch_names}
    codes = DDRVQTransformer(weights="default", **recording).fit_transform(windows.X)
    scored = np.arange(len(codes)) % 6 == 0
    guesses = []  # of the code that is most frequent in the other windows
    for domain, level in np.ndindex(codes.shape[-2:]):
        of_level = codes[..., domain, level]
        most_frequent = np.bincount(of_level[~scored].ravel()).argmax()
        guesses.append((of_level[scored] == most_frequent).mean())
    pretrainer = BrainRVQPretrainer("default", weights="default", **recording)
    assert pretrainer.fit(windows.X[:2]).score(windows.X[scored]) > 2 * np.mean(guesses)


def test_default__simulated_task__new_subjects_are_told_apart():
    eeg = make_eeg(4, 16, effect=0.8, random_state=0)
    seen = eeg.subjects < 2
    embedder = BrainRVQEmbedder(sfreq=eeg.sfreq, ch_names=eeg.ch_names)
    model = make_pipeline(embedder, StandardScaler(), LogisticRegression(C=0.01))
    model.fit(eeg.X[seen], eeg.y[seen])
    scores = model.decision_function(eeg.X[~seen])
    assert roc_auc_score(eeg.y[~seen], scores) > 0.9
