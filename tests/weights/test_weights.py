"""Weights as values, and checkpoints on disk."""

import copy
import pickle

import joblib
import pytest
import torch
from sklearn.base import clone
from weights_factory import CONFIGS, INFO, make_weights, tensors_of

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights import Weights, resolve_weights
from sk_brainrvq.weights.modules import KINDS, build_module


def assert_same_tensors(one, two):
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        assert tensor.dtype == two[name].dtype
        assert torch.equal(tensor, two[name])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("from_file", [False, True])
def test_save_and_load__each_kind__everything_equal(kind, from_file, tmp_path):
    weights = make_weights(kind)
    file = weights.save(tmp_path / "deep" / "model")
    loaded = Weights(file if from_file else file.parent)
    assert_same_tensors(tensors_of(loaded), tensors_of(weights))
    assert loaded.digest == weights.digest
    assert loaded.config == weights.config
    assert loaded.info == INFO
    assert loaded.kind == kind
    assert loaded == weights
    assert sorted(p.name for p in file.parent.iterdir()) == ["config.json", "model.safetensors"]


def test_load__file_moved_away_from_its_json__is_enough(tmp_path):
    weights = make_weights("tokenizer")
    alone = weights.save(tmp_path / "model").rename(tmp_path / "alone.safetensors")
    assert Weights(alone).digest == weights.digest
    assert Weights(alone).info == INFO


def test_module__of_loaded_weights__computes_the_same(tmp_path):
    weights = make_weights("tokenizer")
    x, electrodes = torch.randn(2, 3, 4, 200), torch.tensor([1, 2, 3])
    expected = weights.module().encode(x, electrodes)
    module = Weights(weights.save(tmp_path)).module()
    assert not module.training
    assert torch.equal(module.encode(x, electrodes), expected)


def test_encoder__of_each_kind__is_the_one_inside():
    x, electrodes = torch.randn(2, 3, 4, 200), torch.tensor([1, 2, 3])
    for kind in ("tokenizer", "pretraining", "classifier"):
        weights = make_weights(kind)
        expected = weights.module().encoder(x, electrodes)
        torch.testing.assert_close(weights.encoder()(x, electrodes), expected)


def test_encoder__time_rows_never_trained__repeat_the_last_trained_one():
    weights = make_weights()
    table, stored = weights.encoder().time_embed[0], weights.module().time_embed[0]
    assert torch.equal(table[:5], stored[:5])
    assert torch.equal(table[5:], stored[4].expand(25, -1))


def test_attributes__set_or_deleted__error():
    weights = make_weights()
    for name in ("digest", "name", "_tensors", "anything"):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(weights, name, "other")
    with pytest.raises(AttributeError, match="immutable"):
        del weights.digest


def test_what_it_hands_out__changed__leaves_the_weights_alone():
    torch.manual_seed(0)
    source = build_module("classifier", CONFIGS["classifier"])
    weights = Weights.from_module("x", "classifier", CONFIGS["classifier"], source, INFO)
    before = copy.deepcopy(tensors_of(weights))
    weights.config["n_outputs"] = 99
    weights.info["ch_names"].append("Cz")
    with torch.no_grad():
        for module in (source, weights.module(), weights.encoder()):
            for parameter in module.parameters():
                parameter.fill_(7)
    assert weights.config == CONFIGS["classifier"]
    assert weights.info == INFO
    assert_same_tensors(tensors_of(weights), before)


def test_copies__of_any_kind__are_the_same_object():
    weights = make_weights()
    assert copy.copy(weights) is weights
    assert copy.deepcopy({"weights": weights})["weights"] is weights
    assert clone(weights, safe=False) is weights
    assert not hasattr(weights, "get_params")


@pytest.mark.parametrize("kind", KINDS)
def test_pickle__round_trip__gives_equal_weights(kind, tmp_path):
    weights = make_weights(kind)
    joblib.dump(weights, tmp_path / "weights.joblib")
    for other in (pickle.loads(pickle.dumps(weights)), joblib.load(tmp_path / "weights.joblib")):
        assert other.digest == weights.digest
        assert repr(other) == repr(weights)
        assert hash(other) == hash(weights)
        assert other.info == INFO
        assert_same_tensors(tensors_of(other), tensors_of(weights))


def test_pickle__twice__gives_the_same_bytes():
    # joblib.Memory and scikit-learn's caches hash the pickle.
    weights = make_weights("tokenizer")
    once = pickle.loads(pickle.dumps(weights))
    assert joblib.hash(once) == joblib.hash(weights)


def test_digest__one_changed_number__changes_it_and_the_repr():
    weights = make_weights("tokenizer")
    module = weights.module()
    for name, tensor in tensors_of(weights).items():
        changed = module.state_dict()[name]
        if tensor.dtype == torch.bool:
            changed.logical_not_()
        else:
            changed.view(-1)[-1] += 1
        other = Weights.from_module("study", "tokenizer", weights.config, module, INFO)
        assert other.digest != weights.digest, name
        assert other != weights
        assert repr(other) != repr(weights)
        changed.copy_(tensor)
    assert Weights.from_module("study", "tokenizer", weights.config, module, INFO) == weights


def test_digest__same_content_under_another_name__stays():
    one, two = make_weights(name="one"), make_weights(name="two")
    assert one.digest == two.digest
    assert one == two
    assert len({one, two}) == 1
    assert repr(one) == f"Weights('one', kind='encoder', digest='{one.digest}')"


class FittedEstimator:
    def get_params(self):
        return {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (FittedEstimator(), r"tokenizer= was given a FittedEstimator.*tokenizer=fitted\.weights_"),
        (3, r"tokenizer=3 was given; expected 'default', None, a path or a Weights"),
        ("no/such/folder", "No checkpoint at no/such/folder"),
    ],
)
def test_resolve__unusable_value__error_says_what_to_pass(value, message):
    with pytest.raises(CheckpointError, match=message):
        resolve_weights(value, KINDS, "tokenizer")


def test_resolve__wrong_kind__error_names_both(tmp_path):
    weights = make_weights("classifier")
    weights.save(tmp_path)
    for given in (weights, tmp_path, str(tmp_path)):
        with pytest.raises(CheckpointError, match=r"kind 'classifier'; expected one of tokenizer"):
            resolve_weights(given, ("tokenizer",), "tokenizer")


def test_resolve__usable_value__gives_weights(tmp_path):
    weights = make_weights()
    weights.save(tmp_path)
    assert resolve_weights(None, KINDS, "weights") is None
    assert resolve_weights(weights, KINDS, "weights") is weights
    assert resolve_weights(tmp_path, KINDS, "weights") == weights
    assert resolve_weights(str(tmp_path), KINDS, "weights") == weights


def test_resolve__path_of_a_pretrainer__stands_for_its_tokenizer_where_that_alone_serves(tmp_path):
    model, tokenizer = make_weights("pretraining"), make_weights("tokenizer")
    model.save(tmp_path, attached={"tokenizer_weights_": tokenizer})
    for path in (tmp_path, str(tmp_path), tmp_path / "model.safetensors"):
        assert resolve_weights(path, ("tokenizer",), "tokenizer") == tokenizer
        assert resolve_weights(path, KINDS, "weights") == model
    with pytest.raises(CheckpointError, match=r"kind 'pretraining'.*classifier, encoder"):
        resolve_weights(tmp_path, ("classifier", "encoder"), "weights")


def test_resolve__pretraining_weights_for_a_tokenizer__error_says_where_it_is(tmp_path):
    weights = make_weights("pretraining")
    weights.save(tmp_path)
    for given in (weights, tmp_path):
        with pytest.raises(
            CheckpointError, match=r"one of tokenizer\..*tokenizer=pretrainer\.tokenizer_weights_"
        ):
            resolve_weights(given, ("tokenizer",), "tokenizer")
