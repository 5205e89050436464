"""Small weights of every kind."""

import torch

from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.modules import build_module

ENCODER = {"embed_dim": 100, "depth": 1}
CONFIGS = {
    "tokenizer": {
        **ENCODER,
        "decoder_depth": 1,
        "codebook_size": [8, 6],
        "codebook_dim": 4,
        "n_quantizers": 2,
    },
    "pretraining": {"encoder": ENCODER, "codebook_size": 8, "n_quantizers": 2},
    "classifier": {"encoder": ENCODER, "n_outputs": 3},
    "encoder": {"encoder": ENCODER},
}
INFO = {"ch_names": ["C3", "C4"], "trained_rows": [40, 44], "trained_patches": 5, "sfreq": 200.0}


def make_weights(kind="encoder", seed=0, info=INFO, name="study"):
    torch.manual_seed(seed)
    module = build_module(kind, CONFIGS[kind])
    return Weights.from_module(name, kind, CONFIGS[kind], module, info)


def tensors_of(weights):
    return weights.module().state_dict()
