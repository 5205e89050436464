"""Checkpoints of the published code: layouts, full sizes, what is refused."""

import argparse
import json
import re
from collections import Counter

import numpy as np
import pytest
import torch

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.nn import DualDomainTokenizer, EncoderClassifier, MaskedCodeModel
from sk_brainrvq.nn.encoder import DropPath
from sk_brainrvq.weights import Weights, load_official

KINDS = ("tokenizer", "masked_pretraining", "classifier")


class Tricks:
    """A class no checkpoint has any business holding."""


def published_state(reference_folder, kind):
    with np.load(reference_folder / f"{kind}.npz") as archive:
        return {
            key.removeprefix("weights/"): torch.tensor(archive[key])
            for key in archive.files
            if key.startswith("weights/")
        }


@pytest.fixture(params=KINDS)
def state(request, reference_folder):
    """Published tensors of each network in turn."""
    return published_state(reference_folder, request.param)


@pytest.fixture
def classifier_state(reference_folder):
    return published_state(reference_folder, "classifier")


def assert_same_module(one, two):
    assert type(one) is type(two)
    for (name, tensor), other in zip(
        one.state_dict().items(), two.state_dict().values(), strict=True
    ):
        assert torch.equal(tensor, other), name


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("tokenizer", DualDomainTokenizer),
        ("pretraining", MaskedCodeModel),
        ("classifier", EncoderClassifier),
    ],
)
def test_full_size__published_base_models__every_tensor_is_loaded_or_ignored(
    reference_folder, kind, expected
):
    shapes = json.loads((reference_folder / "state_dict_shapes.json").read_text())[kind]
    # A number of its own for each tensor shows where it went.
    numbers = {name: float(i) for i, name in enumerate(shapes, start=1)}
    state = {name: torch.full(shape, numbers[name]) for name, shape in shapes.items()}
    module = load_official(state)
    assert isinstance(module, expected)
    assert not module.training

    ignored = set(module.ignored_tensors)
    assert ignored <= shapes.keys()
    # Flags become booleans; running sums follow from codewords and counts.
    flags = {name for name in shapes if name.endswith("initted")}
    given = {n: v for n, v in numbers.items() if n not in ignored | flags}
    loaded = {
        name: tensor
        for name, tensor in module.state_dict().items()
        if not name.endswith((".sums", ".initialized"))
    }
    assert all((tensor == tensor.flatten()[0]).all() for tensor in loaded.values())
    assert Counter(t.flatten()[0].item() for t in loaded.values()) == Counter(given.values())
    n_given = sum(state[name].numel() for name in given)
    assert sum(tensor.numel() for tensor in loaded.values()) == n_given


@pytest.mark.parametrize(
    ("kind", "patterns"),
    [
        ("tokenizer", (".embedding.cluster_size", ".embedding.embed_avg")),
        ("pretraining", ("student.lm_head.", "token_embed_t.2.", "token_embed_f.2.")),
        ("classifier", ()),
    ],
)
def test_full_size__ignored_tensors__are_those_never_trained(reference_folder, kind, patterns):
    shapes = json.loads((reference_folder / "state_dict_shapes.json").read_text())[kind]
    module = load_official({name: torch.zeros(shape) for name, shape in shapes.items()})
    expected = [name for name in shapes if any(pattern in name for pattern in patterns)]
    assert sorted(module.ignored_tensors) == sorted(expected)


def test_settings__of_the_published_networks__are_taken(reference_folder):
    tokenizer, pretraining, classifier = (
        load_official(published_state(reference_folder, kind)) for kind in KINDS
    )
    assert [q.mode for q in tokenizer.quantizers] == ["official", "official"]
    assert tokenizer.targets.phase_width == 200
    assert pretraining.level_weights == (1, 0.5, 0.25)
    assert tokenizer.encoder.class_position == "zero"
    assert pretraining.encoder.class_position == "first_channel"
    assert classifier.encoder.class_position == "zero"
    for module in (tokenizer, pretraining, classifier):
        rates = [part.rate for part in module.modules() if isinstance(part, DropPath)]
        assert rates
        assert set(rates) == {0}
    assert all(q.quantizer_dropout == 0 for q in tokenizer.quantizers)


def test_pth_file__namespace_beside_the_weights__is_read(state, tmp_path):
    path = tmp_path / "checkpoint.pth"
    allowed = set(torch.serialization.get_safe_globals())
    arguments = argparse.Namespace(lr=5e-4, model="base", names=["a"])
    torch.save({"model": state, "args": arguments, "epoch": 19}, path)
    assert_same_module(load_official(path), load_official(state))
    assert set(torch.serialization.get_safe_globals()) == allowed, "allowed for the one call alone"


def test_pth_file__state_dict_alone__is_read(state, tmp_path):
    torch.save(state, tmp_path / "state.pth")
    assert_same_module(load_official(str(tmp_path / "state.pth")), load_official(state))


def test_pth_file__any_other_class__is_refused(classifier_state, tmp_path):
    path = tmp_path / "checkpoint.pth"
    torch.save({"model": classifier_state, "extra": Tricks()}, path)
    with pytest.raises(CheckpointError, match=r"(?s)objects other than tensors and.*Tricks"):
        load_official(path)


@pytest.mark.parametrize("content", [b"", b"not a pickle", None])
def test_pth_file__truncated_or_of_another_kind__error_says_so(classifier_state, tmp_path, content):
    path = tmp_path / "checkpoint.pth"
    torch.save(classifier_state, path)
    path.write_bytes(path.read_bytes()[:3000] if content is None else content)
    with pytest.raises(CheckpointError, match=r"checkpoint\.pth cannot be read"):
        load_official(path)


def test_pth_file__absent__error_says_so(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.pth is not a file"):
        load_official(tmp_path / "gone.pth")


@pytest.mark.parametrize("key", ["model", "state_dict", "module"])
def test_mapping__weights_under_a_usual_key__are_found(classifier_state, key):
    module = load_official({"epoch": 3, key: classifier_state})
    assert_same_module(module, load_official(classifier_state))


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod."]
)
def test_prefixes__of_ddp_and_compile__are_taken_off(state, prefix):
    wrapped = {prefix + name: tensor for name, tensor in state.items()}
    assert_same_module(load_official(wrapped), load_official(state))


@pytest.mark.parametrize("name", ["head.rogue", "encoder.rogue", "blocks.0.rogue", "rogue"])
def test_state__surplus_tensor__is_named(state, name):
    state[name] = torch.zeros(3)
    with pytest.raises(CheckpointError, match=r"Surplus: .*rogue"):
        load_official(state)


def test_state__surplus_quantizer_buffer__is_named(reference_folder):
    state = published_state(reference_folder, "tokenizer")
    state["quantize_t.layers.0.embedding.rogue"] = torch.zeros(3)
    with pytest.raises(CheckpointError, match=r"Surplus: quantize_t\.layers\.0\.embedding\.rogue"):
        load_official(state)


def test_state__tensor_missing__is_named(classifier_state):
    del classifier_state["blocks.1.norm1.weight"]
    with pytest.raises(CheckpointError, match=r"Missing: encoder\.blocks\.1\.norm1\.weight"):
        load_official(classifier_state)


def test_state__tensor_misshapen__is_named_with_both_shapes(classifier_state):
    classifier_state["pos_embed"] = torch.zeros(1, 64, 100)
    with pytest.raises(
        CheckpointError, match=r"pos_embed: \(1, 64, 100\) instead of \(1, 129, 100\)"
    ):
        load_official(classifier_state)


def test_state__any_one_tensor_missing__is_a_checkpoint_error(state):
    ignored = load_official(state).ignored_tensors
    wrong = []
    # The first and the last of those that differ in numbers only, such as a block's.
    names = [name for name in state if name not in ignored]
    first = {re.sub(r"\d+", "", name): name for name in reversed(names)}
    last = {re.sub(r"\d+", "", name): name for name in names}
    for name in {*first.values(), *last.values()}:
        try:
            load_official({key: tensor for key, tensor in state.items() if key != name})
            wrong.append(f"{name}: loaded")
        except CheckpointError:
            pass
        except Exception as error:
            wrong.append(f"{name}: {type(error).__name__}")
    assert wrong == []


@pytest.mark.parametrize("source", [{}, {"weight": torch.zeros(2)}, {"model": {}}])
def test_state__of_no_known_network__error_says_what_was_expected(source):
    with pytest.raises(CheckpointError, match=r"tokenizer.*pretraining.*classifier"):
        load_official(source)


def test_pth_file__no_dictionary__error_names_what_it_holds(tmp_path):
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="holds a list; expected a dictionary"):
        load_official(tmp_path / "list.pth")


def test_weights_from_official__pth_file__give_the_same_module(state, tmp_path):
    torch.save({"model": state, "args": argparse.Namespace()}, tmp_path / "base.pth")
    weights = Weights.from_official(tmp_path / "base.pth")
    assert weights.name == "base"
    assert weights.info["official"] is True
    assert_same_module(weights.module(), load_official(state))
    again = Weights(weights.save(tmp_path / "ours"))
    assert again.digest == weights.digest
    assert_same_module(again.module(), load_official(state))
