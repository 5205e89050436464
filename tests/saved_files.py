"""Saved estimators of the smallest size, and files that say other things than they should."""

import json
from functools import cache
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sk_brainrvq import (
    Architecture,
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    BrainRVQRegressor,
    DDRVQTransformer,
)

CH_NAMES = ["Fp1", "C3", "O2"]
EEG = np.random.default_rng(0).normal(scale=20, size=(6, 3, 400))
LABELS = np.array(["rest", "task"] * 3)
_USUAL = {"sfreq": 200, "ch_names": CH_NAMES, "random_state": 0, "device": "cpu"}
_ENCODER = Architecture("tiny", embed_dim=100, depth=1)
_CODES = Architecture("tiny", embed_dim=100, depth=1, decoder_depth=1, codebook_size=8)
SMALL = {
    "tokenizer": (DDRVQTransformer, {"architecture": _CODES, "max_epochs": 1}),
    "pretrainer": (
        BrainRVQPretrainer,
        {"architecture": _CODES, "max_epochs": 1, "tokenizer_max_epochs": 1},
    ),
    "embedder": (BrainRVQEmbedder, {"weights": None, "architecture": _ENCODER}),
    "classifier": (
        BrainRVQClassifier,
        {"weights": None, "architecture": _ENCODER, "max_epochs": 1},
    ),
    "regressor": (
        BrainRVQRegressor,
        {"weights": None, "architecture": _ENCODER, "max_epochs": 1},
    ),
}


def small(name, **params):
    """A new fitted estimator."""
    estimator_class, defaults = SMALL[name]
    estimator = estimator_class(**{**_USUAL, **defaults, **params})
    return estimator.fit(EEG, np.arange(6.0) if name == "regressor" else LABELS)


@cache
def fitted_small(name):
    """A fitted estimator that tests share: leave it as it is."""
    return small(name)


def header_of(file):
    """What a checkpoint says of itself."""
    with safe_open(file, framework="pt") as opened:
        return json.loads(opened.metadata()["sk_brainrvq"])


def write_header(file, header):
    """Say something else with the same tensors; text is written as it is."""
    text = header if isinstance(header, str) else json.dumps(header)
    save_file(load_file(file), file, metadata={"sk_brainrvq": text})


def megabytes_taken(function):
    """Resident memory that a call takes beyond what there is; Linux only."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    function()
    return (_resident("VmHWM") - before) / 1024


def _resident(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
