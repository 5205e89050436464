"""Networks out of Python: run as another program would, by the file and its manifest alone."""

import json
import sys

import mne
import numpy as np
import onnxruntime
import pytest
import torch
from tiny import CH_NAMES, make_eeg, make_labels, tiny

from sk_brainrvq import Architecture, Weights
from sk_brainrvq.nn.summaries import band_covariances, log_covariances, place_logarithms
from sk_brainrvq.weights._export.traced_networks import TokenizerCodes

SMALL = Architecture("tiny", depth=1)
FILTERS = {"l_freq": 0.5, "h_freq": 45.0, "notch": None, "reference": None}


@pytest.fixture(scope="module")
def embedder():
    """With weights that know which rows were trained, and with which filters."""
    plain = tiny("embedder", architecture=SMALL).fit(make_eeg()).weights_
    info = {"trained_rows": [1, 40, 42, 68, 82], "filters": FILTERS, "layer": -1}
    weights = Weights.from_tensors("trained", "encoder", plain.config, info, plain.tensors())
    return tiny("embedder", weights=weights, architecture=None, filters=None).fit(make_eeg())


@pytest.fixture(scope="module")
def exported(embedder, tmp_path_factory):
    """An ONNX session, and the manifest."""
    path = tmp_path_factory.mktemp("onnx") / "new" / "model.onnx"
    about = json.loads(embedder.weights_.export(path).read_text())
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]), about


def inputs(about, microvolts, names):
    """What the manifest says to hand over, for epochs at 200 Hz."""
    scaled = microvolts * about["before"]["multiply_microvolts_by"]
    patches = scaled.reshape(*scaled.shape[:2], -1, about["before"]["patch_samples"])
    electrodes = np.zeros((len(names), 129), np.float32)
    for row, name in zip(electrodes, names, strict=True):
        for column, weight in about["electrodes"]["columns"][name.upper()].items():
            row[int(column)] = weight
    return {"x": patches.astype(np.float32), "electrodes": electrodes}


def test_export__onnx__gives_tokens_of_transform_at_any_size(embedder, exported):
    session, about = exported
    # F3 and T8 have no trained row of their own, and are mixtures.
    for names, n_epochs, seconds in (
        (CH_NAMES, 2, 3),
        (["Cz"], 1, 1),
        (["F3", "T8", "O2", "C3", "Fp1", "Cz", "P3"], 5, 30),
    ):
        x = make_eeg(n_epochs, len(names), 200 * seconds)
        (tokens,) = session.run(None, inputs(about, x, names))
        own = tiny("embedder", weights=embedder.weights_, architecture=None, ch_names=names)
        wanted = own.set_params(pooling="none", filters=None).fit_transform(x)
        assert np.allclose(tokens[:, 1:].reshape(wanted.shape), wanted, rtol=0, atol=1e-4)


def test_export__manifest__says_what_goes_before(embedder, exported):
    _, about = exported
    assert about["weights"]["digest"] == embedder.weights_.digest
    assert about["inputs"]["x"]["shape"] == ["batch", "channels", "seconds", 200]
    assert about["inputs"]["electrodes"]["shape"] == ["channels", 129]
    assert about["before"]["filters"] == FILTERS
    assert (about["before"]["sfreq"], about["before"]["most_seconds"]) == (200, 30)
    columns = about["electrodes"]["columns"]
    assert {"CZ", "T3", "T7", "FP1-F7"} <= set(columns)
    assert columns["C3"] == {"40": 1.0}
    assert len(columns["F3"]) > 1
    assert all(abs(sum(row.values()) - 1) < 1e-4 for row in columns.values())
    assert about["format"] == "ONNX"
    assert about["opset"] >= 18


def test_export__pt2_of_a_classifier__gives_probabilities_of_any_montage(tmp_path):
    model = tiny("classifier", head="mean", architecture=SMALL).fit(make_eeg(4), make_labels(4))
    path = tmp_path / "model.pt2"
    about = json.loads(model.weights_.export(path).read_text())
    assert (about["before"]["fewest_seconds"], about["before"]["most_seconds"]) == (1, 30)
    program = torch.export.load(path).module()
    for names, x in ((CH_NAMES, make_eeg(3, 4, 1000)), (["CZ", "O2"], make_eeg(1, 2, 600))):
        given = {name: torch.from_numpy(v) for name, v in inputs(about, x, names).items()}
        found = program(given["x"], given["electrodes"]).softmax(1).detach().numpy()
        info = mne.create_info(names, 200, "eeg")
        epochs = mne.EpochsArray(x * 1e-6, info, verbose="error")
        assert np.allclose(found, model.predict_proba(epochs), atol=1e-4)


def test_logarithms__of_few_channels__same_in_an_exported_network():
    # Exported ones take covariances at all places; others those of the channels, which is faster.
    x = torch.from_numpy(make_eeg(2) / 100).reshape(2, 4, 3, 200)
    at_places = torch.rand(4, 19, generator=torch.Generator().manual_seed(0)).double().softmax(0)
    found = place_logarithms(x, at_places, by_band=True)
    whole = log_covariances(band_covariances(x, at_places).flatten(0, -3)).reshape(2, -1)
    assert torch.allclose(found, whole, atol=1e-6)


def test_codes__as_exported__those_of_the_tokenizer():
    x = torch.from_numpy(make_eeg(3) / 100).float().reshape(3, 4, 3, 200)
    electrodes = torch.eye(129)[[1, 40, 82, 68]]
    published = {"quantizer_mode": "official", "targets": "published"}
    for design in ({}, {"latents": "shared"}, published):
        sizes = Architecture("tiny", depth=1, codebook_size=16, **design)
        tokenizer = tiny("tokenizer", architecture=sizes).fit(make_eeg()).net_.module_.eval()
        with torch.no_grad():
            found = TokenizerCodes(tokenizer)(x, electrodes)
        assert (found == tokenizer.encode(x, electrodes)).all()
        assert len(found.unique()) > 4


def test_export__what_a_format_cannot_hold__a_sentence(embedder, tmp_path, monkeypatch):
    weights = embedder.weights_
    classifier = tiny("classifier", head="embedding", architecture=SMALL)
    classifier = classifier.fit(make_eeg(4), make_labels(4)).weights_
    config = {**classifier.config, "aligned": True}
    tensors = classifier.tensors()
    for name in ("head.centre", "head.scale", "head.linear.weight"):
        tensors[name] = torch.cat([tensors[name], tensors[name][..., :506]], -1)
    centred = Weights.from_tensors("centred", "classifier", config, {}, tensors)
    for given, name, words in (
        (weights, "model.tflite", r"ends in '.onnx' or in '.pt2'"),
        (weights, "model", r"ends in '.onnx' or in '.pt2'"),
        (classifier, "model.onnx", "ONNX has no eigendecomposition.*Or write a .pt2 file"),
        (centred, "model.pt2", "fitted with center_by='subject' and head='embedding'"),
    ):
        with pytest.raises(ValueError, match=words):
            given.export(tmp_path / name)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[onnx\]"'):
        weights.export(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
