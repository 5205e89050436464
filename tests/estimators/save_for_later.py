"""Write what `test_saved_by_this_version` loads: run once for a version, and keep what it wrote.

    PYTHONPATH=tests python tests/estimators/save_for_later.py FOLDER

Weights have a pattern that repeats and are halves, so that the files are small.
"""

import json
import sys
import warnings
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from saved_files import CH_NAMES, EEG, LABELS

from sk_brainrvq import (
    Architecture,
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    BrainRVQRegressor,
    DDRVQTransformer,
    Engine,
    Filters,
    RandomCrops,
    Reading,
)

_PERIOD = 97
_USUAL = {"sfreq": 200, "ch_names": CH_NAMES, "random_state": 0, "device": "cpu"}
_TRAINED = {**_USUAL, "max_epochs": 1, "batch_size": 4}
_ENCODER = Architecture("tiny", embed_dim=100, depth=1)
_CODES = Architecture("tiny", embed_dim=100, depth=1, decoder_depth=1, codebook_size=8)
ESTIMATORS = {
    "tokenizer": DDRVQTransformer(
        architecture=_CODES,
        quantizer_dropout=0.5,
        filters=Filters(None, None, None, "average"),
        crops=RandomCrops(longest=2),
        **_TRAINED,
    ),
    "pretrainer": BrainRVQPretrainer(
        architecture=_CODES,
        tokenizer_max_epochs=1,
        engine=Engine("float32", steps_per_epoch=1),
        **_TRAINED,
    ),
    "embedder": BrainRVQEmbedder(
        None,
        architecture=_ENCODER,
        reading=Reading(on_error="skip"),
        **_USUAL | {"random_state": np.random.RandomState(1), "device": torch.device("cpu")},
    ),
    "classifier": BrainRVQClassifier(
        None,
        architecture=_ENCODER,
        head="embedding",
        class_weight={"rest": 1.0, "task": 2.0},
        **_TRAINED,
    ),
    "regressor": BrainRVQRegressor(None, architecture=_ENCODER, head="attention", **_TRAINED),
}


def results(estimator):
    """What an estimator makes of the signals: arrays by the names of its methods."""
    if hasattr(estimator, "predict_proba"):
        return {"predict_proba": estimator.predict_proba(EEG)}
    if hasattr(estimator, "predict"):
        return {"predict": estimator.predict(EEG)}
    made = {"transform": estimator.transform(EEG)}
    if hasattr(estimator, "reconstruct"):
        made["reconstruct"] = estimator.reconstruct(EEG)
    return made


def repeat_values(estimator):
    """Give large tensors a pattern that comes again and again."""
    pattern = torch.from_numpy(np.random.default_rng(1).normal(size=_PERIOD)).float()
    with torch.no_grad():
        for tensor in estimator.net_.module_.state_dict().values():
            if tensor.is_floating_point() and tensor.numel() > 1000:
                values = pattern.repeat(tensor.numel() // _PERIOD + 1)[: tensor.numel()]
                tensor.copy_((values.reshape(tensor.shape) * tensor.std()).half().float())
    return estimator


def _halve(file):
    """Store in half precision where nothing is lost, as ``Weights.save(half=True)`` does."""
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    tensors = load_file(file)
    for name, tensor in tensors.items():
        if tensor.dtype == torch.float32 and torch.equal(tensor.half().float(), tensor):
            tensors[name] = tensor.half()
    save_file(tensors, file, metadata=metadata)
    return json.loads(metadata["sk_brainrvq"])["sk_brainrvq_version"]


def _save(name, estimator, folder):
    with TemporaryDirectory() as temporary:
        file = estimator.save_pretrained(temporary)
        version = _halve(file)
        np.savez_compressed(Path(temporary, "expected.npz"), **results(estimator))
        path = folder / f"{name}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for part in sorted(Path(temporary).iterdir()):
                archive.write(part, part.name)
    print(f"{path}: {path.stat().st_size} bytes, sk_brainrvq {version}")


def _main(folder):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    folder.mkdir(exist_ok=True)
    tokenizer = repeat_values(ESTIMATORS["tokenizer"].fit(EEG))
    # A pretrainer that was given a tokenizer, so that what is attached is small too.
    ESTIMATORS["pretrainer"].set_params(tokenizer=tokenizer.weights_, architecture=_ENCODER)
    for name, estimator in ESTIMATORS.items():
        y = np.arange(6.0) if name == "regressor" else LABELS
        _save(name, repeat_values(estimator.fit(EEG, y)), folder)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
