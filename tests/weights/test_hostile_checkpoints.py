"""Checkpoints that say what cannot be: refused with a reason, before any memory is taken."""

import copy
import io
import json
import sys
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file
from saved_files import header_of, megabytes_taken, write_header
from weights_factory import make_weights

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights import Weights, load_official
from sk_brainrvq.weights.attached import read_attached

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture
def file(tmp_path):
    return make_weights("classifier").save(tmp_path / "model")


def refused(file, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        Weights(file)
    return str(caught.value)


def changed(file, *path, value):
    header = header_of(file)
    inner = header
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    write_header(file, header)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000 + "]" * 100_000, "[" * 50 + "]" * 50, '{"a": ' + "1" * 5000 + "}", "nonsense"],
    ids=["deep", "deeper than any", "long number", "no JSON"],
)
def test_load__header_that_no_parser_likes__is_a_checkpoint_error(file, text):
    write_header(file, text)
    assert "get it again" in refused(file, "header that sk_brainrvq cannot have written")


@on_linux
def test_load__header_of_a_million_lists__takes_no_memory(file):
    write_header(file, "[" + "[]," * 3_000_000 + "[]]")
    assert megabytes_taken(lambda: refused(file, "more than the")) < 100


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("config", "n_outputs"), "3", "n_outputs is '3'; expected int"),
        (("config", "n_outputs"), True, "n_outputs is True"),
        (("config", "n_outputs"), 10**400, "n_outputs is 1000"),
        (("config", "n_outputs"), -3, "configuration that builds no network"),
        (("config", "head"), ["mean"], "head is"),
        (("config", "dropout"), 7, "dropout is 7; expected a number from 0 to 1"),
        (("config", "dropout"), float("nan"), "dropout is nan"),
        (("config", "encoder"), 5, "encoder is 5; expected a JSON object"),
        (("config", "encoder", "depth"), 10**9, r"depth is 1000000000, for \d+ tensors"),
        (("config", "encoder", "drop_path"), "x", "drop_path is 'x'"),
        (("config", "encoder", "mlp_ratio"), float("inf"), "mlp_ratio is inf"),
        (("config", "encoder", "embed_dim"), 10**8, "instead of"),
        (("config", "rogue"), 1, "'rogue' is not known"),
        (("config",), [], "lacks config"),
        (("kind",), ["encoder"], "expected a network of kind"),
        (("info", "trained_rows"), "40", "trained_rows='40'"),
        (("info", "trained_rows"), [500], "trained_rows="),
        (("info", "trained_patches"), 10**6, "trained_patches=1000000"),
        (("info", "ch_names"), 5, "ch_names=5"),
        (("info", "official"), "no", "official='no'"),
        (("info", "filters"), {"l_freq": "x"}, "filters="),
        (("info", "sfreq"), -1, "sfreq=-1"),
        (("format_version",), -1, "format_version"),
        (("format_version",), True, "format_version"),
    ],
)
def test_load__header_says_what_cannot_be__error_says_what(file, path, value, message):
    changed(file, *path, value=value)
    assert str(file) in refused(file, message)


@on_linux
@pytest.mark.parametrize(
    ("path", "value"), [(("encoder", "embed_dim"), 4000), (("n_outputs",), 10**6)]
)
def test_load__sizes_of_a_large_network__compared_before_memory_is_taken(file, path, value):
    refused_before = lambda: refused(file, "instead of")  # noqa: E731
    changed(file, "config", "n_outputs", value=4)
    refused_before()  # what is imported at first does not count
    changed(file, "config", *path, value=value)
    assert megabytes_taken(refused_before) < 100


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_load__tensor_of_another_type__error_names_it(file, dtype):
    tensors, header = load_file(file), header_of(file)
    tensors["head.bias"] = tensors["head.bias"].to(dtype)
    save_file(tensors, file, metadata={"sk_brainrvq": json.dumps(header)})
    refused(file, r"head\.bias: torch\..* instead of torch\.float32")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_load__tensor_without_numbers__error_names_it(file, value):
    tensors, header = load_file(file), header_of(file)
    tensors["head.bias"][1] = value
    save_file(tensors, file, metadata={"sk_brainrvq": json.dumps(header)})
    refused(file, r"NaN or infinity in head\.bias")


def test_load__bfloat16_tensors__are_read_as_halves_are(file):
    tensors, header = load_file(file), header_of(file)
    halves = {name: tensor.bfloat16() for name, tensor in tensors.items()}
    save_file(halves, file, metadata={"sk_brainrvq": json.dumps(header)})
    loaded = Weights(file).module().state_dict()
    assert all(torch.equal(loaded[name], halves[name].float()) for name in halves)


@pytest.mark.parametrize(
    ("attached", "message"),
    [
        (5, "not have a JSON object as 'attached'"),
        ({"x": 5}, "has no name"),
        ({"x": {"name": "x", "kind": "nothing"}}, "expected a network of kind"),
        ({"x": {"name": "x", "kind": "encoder", "config": {}, "info": {}}}, "encoder is None"),
    ],
)
def test_read_attached__entry_that_describes_no_network__says_so(file, attached, message):
    changed(file, "attached", value=attached)
    with pytest.raises(CheckpointError, match=message):
        read_attached(file)


def test_read_attached__tensors_of_no_entry__says_so(file):
    tensors, header = load_file(file), header_of(file)
    tensors["attached/rogue/x"] = torch.zeros(2)
    save_file(tensors, file, metadata={"sk_brainrvq": json.dumps(header)})
    with pytest.raises(CheckpointError, match="its header does not mention"):
        read_attached(file)


def test_save__header_that_could_not_be_read__is_refused(tmp_path):
    deep = []
    for _ in range(50):
        deep = [deep]
    with pytest.raises(CheckpointError, match="nested more than"):
        make_weights().save(tmp_path, {"deep": deep})
    assert not list(tmp_path.iterdir())


# Published checkpoints


def published():
    state = {"cls_token": torch.zeros(1, 1, 100), "head.weight": torch.zeros(2, 100)}
    state["blocks.0.mlp.fc1.weight"] = torch.zeros(400, 100)
    return state


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("head.weight", 5, "which is a int; expected a plain tensor"),
        ("head.weight", torch.zeros(2, 100).to_sparse(), "expected a plain tensor"),
        ("head.weight", torch.zeros(1).expand(10**6, 10**6), "fewer values than that"),
        ("head.weight", torch.zeros(()), "sizes cannot be determined"),
        ("cls_token", torch.zeros(1, 1, 0), "sizes cannot be determined"),
        ("cls_token", torch.zeros(()), "without which its sizes"),
        ("mask_token", torch.zeros(0, 3), "does not fit"),
        ("blocks.99999999999.x", torch.zeros(1), "depth is 100000000000"),
        ("blocks." + "9" * 5000 + ".x", torch.zeros(1), "sizes cannot be determined"),
    ],
)
def test_load_official__state_that_none_has__is_a_checkpoint_error(name, value, message):
    load = Weights.from_official
    for function in (load, load_official):
        with pytest.raises(CheckpointError, match=message):
            function(copy.copy(published()) | {name: value})


def test_load_official__archive_that_unpacks_to_far_more__is_not_unpacked(tmp_path):
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(10**7)}, buffer)
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(buffer) as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for entry in plain.infolist():
            out.writestr(entry.filename, plain.read(entry))
    with pytest.raises(CheckpointError, match=r"unpacks to .* far more than"):
        load_official(path)
