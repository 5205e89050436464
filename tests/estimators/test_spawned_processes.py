"""Processes that begin from nothing, as on Windows and macOS, in place of copies of this one."""

import multiprocessing

import numpy as np
from corpus_files import build, write_recording
from tiny import fitted, make_eeg

from sk_brainrvq import EEGCorpus


def test_spawned_process__estimator_and_corpus__do_the_same_there(tmp_path):
    build([write_recording(tmp_path / "sub-01_eeg.fif")], tmp_path / "corpus")
    corpus = EEGCorpus(tmp_path / "corpus")
    embedder, tokenizer = fitted("embedder"), fitted("tokenizer")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        features, codes, window = (
            waiting.get(120)
            for waiting in (
                pool.apply_async(embedder.transform, [make_eeg()]),
                pool.apply_async(tokenizer.transform, [make_eeg()]),
                pool.apply_async(corpus.__getitem__, [0]),
            )
        )
    np.testing.assert_allclose(features, embedder.transform(make_eeg()), atol=1e-5)
    np.testing.assert_array_equal(codes, tokenizer.transform(make_eeg()))
    np.testing.assert_array_equal(window, corpus[0])
