"""Fitted estimators on disk: safetensors with JSON, pickle and joblib."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from tiny import CH_NAMES, NAMES, apply, fit, fitted, make_eeg, make_labels, tiny

import sk_brainrvq
from sk_brainrvq import Weights
from sk_brainrvq.exceptions import CheckpointError

PLAIN = ["n_features_in_", "n_channels_in_", "ch_names_in_", "history_", "classes_"]
ARRAYS = ["codebook_usage_", "perplexity_"]

_LOAD = """
import pickle, sys
import joblib, numpy as np, torch
torch.set_num_threads(1)
assert not torch.cuda.is_available()
folder = sys.argv[1]
X = np.load(f"{folder}/X.npy")
for name in sys.argv[2:]:
    with open(f"{folder}/{name}.pickle", "rb") as file:
        estimators = pickle.load(file), joblib.load(f"{folder}/{name}.joblib")
    for number, estimator in enumerate(estimators):
        apply = getattr(estimator, "predict_proba", None) or estimator.transform
        np.save(f"{folder}/{name}_{number}.npy", apply(X))
        assert estimator.net_.device == "cpu", estimator.net_.device
"""


def in_a_process_without_cuda(folder, names):
    command = [sys.executable, "-c", _LOAD, str(folder), *names]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def assert_same_fit(loaded, original):
    assert type(loaded) is type(original)
    assert loaded.weights_.digest == original.weights_.digest
    assert loaded.weights_.info == original.weights_.info
    for name in PLAIN:
        assert hasattr(loaded, name) == hasattr(original, name)
        value = getattr(original, name, None)
        if isinstance(value, np.ndarray):
            assert getattr(loaded, name).dtype == value.dtype
            value = value.tolist()
            assert getattr(loaded, name).tolist() == value
        else:
            assert getattr(loaded, name, None) == value
    for name in ARRAYS:
        if hasattr(original, name):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(original, name))
    X = make_eeg(seed=8)
    np.testing.assert_array_equal(apply(loaded, X), apply(original, X))


@pytest.mark.parametrize("of", ["folder", "file"])
@pytest.mark.parametrize("name", NAMES)
def test_from_pretrained__folder_or_file__same_fit(name, of, tmp_path):
    original = fitted(name)
    file = original.save_pretrained(tmp_path / "model")
    loaded = type(original).from_pretrained(file if of == "file" else str(tmp_path / "model"))
    assert_same_fit(loaded, original)
    assert repr(loaded.get_params()) == repr(original.get_params())


@pytest.mark.parametrize("name", NAMES)
def test_from_pretrained__file_alone__suffices(name, tmp_path):
    original = fitted(name)
    file = original.save_pretrained(tmp_path)
    moved = file.rename(tmp_path / "elsewhere.safetensors")
    (tmp_path / "config.json").unlink()
    assert_same_fit(type(original).from_pretrained(moved), original)


def test_from_pretrained__tokenizer__codes_and_signals_as_before(tmp_path):
    tokenizer = fitted("tokenizer")
    tokenizer.save_pretrained(tmp_path)
    loaded = type(tokenizer).from_pretrained(tmp_path)
    X = make_eeg(seed=8)
    np.testing.assert_array_equal(loaded.reconstruct(X), tokenizer.reconstruct(X))
    codes = tokenizer.transform(X)
    np.testing.assert_array_equal(
        loaded.inverse_transform(codes, n_levels=2), tokenizer.inverse_transform(codes, n_levels=2)
    )
    assert loaded.score(X) == tokenizer.score(X)


def test_from_pretrained__pretrainer__keeps_its_tokenizer_and_score(tmp_path):
    tokenizer = fitted("tokenizer").weights_
    for number, original in enumerate(
        [fitted("pretrainer"), tiny("pretrainer", tokenizer=tokenizer).fit(make_eeg())]
    ):
        original.save_pretrained(tmp_path / str(number))
        loaded = type(original).from_pretrained(tmp_path / str(number))
        assert loaded.tokenizer_weights_ == original.tokenizer_weights_
        assert loaded.score(make_eeg()) == original.score(make_eeg())
        assert loaded.tokenizer is None or loaded.tokenizer == tokenizer
        loaded.fit(make_eeg())


@pytest.mark.parametrize("name", NAMES)
def test_from_pretrained__with_weights__parameter_holds_the_loaded_ones(name, tmp_path):
    source = {"tokenizer": "tokenizer", "pretrainer": "pretrainer"}.get(name, "pretrainer")
    params = {"weights": fitted(source).weights_}
    if name == "pretrainer":
        params["tokenizer"] = fitted(source).tokenizer_weights_
    original = fit(tiny(name, **params), make_eeg())
    original.save_pretrained(tmp_path)
    loaded = type(original).from_pretrained(tmp_path)
    assert loaded.weights == original.weights_
    assert_same_fit(loaded, original)


@pytest.mark.parametrize("labels", [["rest", "task"], [3, 7], [False, True], [-1.0, 1.0]])
def test_from_pretrained__classifier__classes_of_any_kind(labels, tmp_path):
    original = tiny("classifier").fit(make_eeg(), np.array(labels)[[0, 1] * 6])
    original.save_pretrained(tmp_path)
    loaded = type(original).from_pretrained(tmp_path)
    assert_same_fit(loaded, original)
    assert loaded.predict(make_eeg()).tolist() == original.predict(make_eeg()).tolist()
    assert loaded.predict(make_eeg()).dtype == original.predict(make_eeg()).dtype


def test_from_pretrained__class_weight_and_tuples__come_back(tmp_path):
    params = {"class_weight": {"rest": 1, "task": 3.5}, "ch_names": tuple(CH_NAMES)}
    original = tiny("classifier", **params).fit(make_eeg(), make_labels())
    original.save_pretrained(tmp_path)
    loaded = type(original).from_pretrained(tmp_path)
    assert {name: loaded.get_params()[name] for name in params} == params
    fit(loaded, make_eeg())


def test_from_pretrained__2d_data_with_feature_names__comes_back(tmp_path):
    import pandas as pd

    X = pd.DataFrame(make_eeg(n_channels=1)[:, 0]).add_prefix("sample")
    original = tiny("embedder", ch_names=["Cz"]).fit(X)
    original.save_pretrained(tmp_path)
    loaded = type(original).from_pretrained(tmp_path)
    assert loaded.feature_names_in_.tolist() == original.feature_names_in_.tolist()
    np.testing.assert_array_equal(loaded.transform(X), original.transform(X))


@pytest.mark.parametrize("name", NAMES)
def test_from_pretrained__of_another_estimator__names_both(name, tmp_path):
    fitted(name).save_pretrained(tmp_path)
    other = type(fitted("tokenizer" if name != "tokenizer" else "embedder"))
    message = f"holds {type(fitted(name)).__name__}, not a {other.__name__}"
    with pytest.raises(CheckpointError, match=message):
        other.from_pretrained(tmp_path)


def test_from_pretrained__weights_without_an_estimator__says_so(tmp_path):
    fitted("embedder").weights_.save(tmp_path)
    with pytest.raises(CheckpointError, match="weights without an estimator"):
        type(fitted("embedder")).from_pretrained(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_save_pretrained__folder__holds_tensors_and_json_and_no_pickle(name, tmp_path):
    file = fitted(name).save_pretrained(tmp_path / "deep" / "model")
    found = sorted(path.name for path in file.parent.iterdir())
    assert found == ["config.json", "model.safetensors"]
    config = json.loads((file.parent / "config.json").read_text())
    assert config["sk_brainrvq_version"] == sk_brainrvq.__version__
    assert config["estimator"] == type(fitted(name)).__name__
    fitted_values = dict(map(tuple, config["fitted"]["values"]))
    assert fitted_values["ch_names_in_"] == CH_NAMES
    # A safetensors file starts with the length of its JSON header; a pickle does not.
    content = file.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    own = {key for key in header if not key.startswith(("__metadata__", "attached/"))}
    assert own == set(fitted(name).net_.module_.state_dict())
    # What a pretrainer's score needs, its tokenizer, goes along.
    attached = {key.split("/")[1] for key in header if key.startswith("attached/")}
    assert attached == ({"tokenizer_weights_"} if name == "pretrainer" else set())
    for pickled in (b"\x80\x04\x95", b"\x80\x05\x95", b"\x80\x02ctorch"):
        assert pickled not in content[: 8 + int.from_bytes(content[:8], "little")]


@pytest.mark.parametrize("kind", [Path, str])
def test_save_pretrained__weights_from_a_path__no_path_of_this_machine(kind, tmp_path):
    file = fitted("tokenizer").weights_.save(tmp_path / "tokenizer")
    estimator = tiny("embedder", weights=kind(file)).fit(make_eeg())
    estimator.save_pretrained(tmp_path / "embedder")
    loaded = type(estimator).from_pretrained(tmp_path / "embedder")
    assert str(tmp_path) not in (tmp_path / "embedder" / "config.json").read_text()
    assert_same_fit(loaded, estimator)


@pytest.mark.parametrize("column", [np.array, pd.Index, pd.Series, pd.array, tuple])
def test_save_pretrained__ch_names_of_any_container__come_back(column, tmp_path):
    embedder = tiny("embedder", ch_names=column(CH_NAMES)).fit(make_eeg())
    embedder.save_pretrained(tmp_path)
    loaded = type(embedder).from_pretrained(tmp_path)
    assert list(loaded.ch_names) == CH_NAMES == loaded.ch_names_in_
    np.testing.assert_array_equal(loaded.transform(make_eeg()), embedder.transform(make_eeg()))


def test_save_pretrained__ch_names_as_bytes__come_back(tmp_path):
    names = [name.encode() for name in CH_NAMES]
    for given in (names, np.array(names)):
        tiny("embedder", ch_names=given).fit(make_eeg()).save_pretrained(tmp_path)
        assert list(type(fitted("embedder")).from_pretrained(tmp_path).ch_names) == names


def test_save_pretrained__unwritable_parameter__says_to_pickle(tmp_path):
    estimator = tiny("embedder").fit(make_eeg())
    estimator.window = object()
    with pytest.raises(TypeError, match="object cannot be saved as JSON; use pickle"):
        estimator.save_pretrained(tmp_path)


def test_save_pretrained__onto_a_file__says_to_give_a_folder(tmp_path):
    path = tmp_path / "model.bin"
    path.write_text("")
    with pytest.raises(CheckpointError, match="is a file; pass a folder"):
        fitted("embedder").save_pretrained(path)


@pytest.mark.parametrize("name", NAMES)
def test_saved_estimator__as_weights_of_an_embedder__same_encoder(name, tmp_path):
    original = fitted(name)
    original.save_pretrained(tmp_path)
    from_path = tiny("embedder", weights=str(tmp_path)).fit_transform(make_eeg())
    from_value = tiny("embedder", weights=original.weights_).fit_transform(make_eeg())
    np.testing.assert_array_equal(from_path, from_value)
    assert Weights(tmp_path) == original.weights_


def test_pickle_and_joblib__loaded_in_a_process_without_cuda__identical_outputs(tmp_path):
    X = make_eeg(seed=8)
    np.save(tmp_path / "X.npy", X)
    for name in NAMES:
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(fitted(name)))
        joblib.dump(fitted(name), tmp_path / f"{name}.joblib")
    of_cuda = tiny("embedder").fit(make_eeg())
    of_cuda.device = "cuda"
    (tmp_path / "of_cuda.pickle").write_bytes(pickle.dumps(of_cuda))
    joblib.dump(of_cuda, tmp_path / "of_cuda.joblib")
    in_a_process_without_cuda(tmp_path, [*NAMES, "of_cuda"])
    for name in [*NAMES, "of_cuda"]:
        original = fitted("embedder" if name == "of_cuda" else name)
        for number in range(2):
            result = np.load(tmp_path / f"{name}_{number}.npy")
            np.testing.assert_array_equal(result, apply(original, X))


@pytest.mark.parametrize("name", NAMES)
def test_pickle__round_trip__same_fit(name):
    assert_same_fit(pickle.loads(pickle.dumps(fitted(name))), fitted(name))


@pytest.mark.parametrize("name", NAMES)
def test_pickle__twice__same_bytes(name):
    assert pickle.dumps(fitted(name)) == pickle.dumps(fitted(name))


@pytest.mark.parametrize("name", NAMES)
def test_pickle__unfitted__round_trip(name):
    loaded = pickle.loads(pickle.dumps(tiny(name)))
    assert repr(loaded.get_params()) == repr(tiny(name).get_params())
    assert not hasattr(loaded, "net_")
