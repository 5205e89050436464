"""Checkpoint files: spoilt ones, foreign ones, and writes that fail."""

import os
import subprocess
import sys
import textwrap

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from weights_factory import make_weights

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights import Weights


@pytest.fixture
def saved(tmp_path):
    """A checkpoint to spoil: its file, tensors and header."""
    file = make_weights("classifier").save(tmp_path / "model")
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    return file, load_file(file), metadata


@pytest.mark.parametrize("kept", [0, 5, 200, -1])
def test_load__truncated_file__error_says_so(saved, kept):
    file, _, _ = saved
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is truncated"):
        Weights(file)


def test_load__file_of_another_kind__error_says_so(tmp_path):
    file = tmp_path / "notes.safetensors"
    file.write_text("not a checkpoint " * 50)
    with pytest.raises(CheckpointError, match="truncated or not a safetensors file"):
        Weights(file)


def test_load__other_programs_safetensors__error_says_so(saved):
    file, tensors, _ = saved
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="safetensors file of another program"):
        Weights(file)


def test_load__newer_format__error_says_upgrade(saved):
    file, tensors, metadata = saved
    newer = metadata["sk_brainrvq"].replace('"format_version": 1', '"format_version": 99')
    save_file(tensors, file, metadata={"sk_brainrvq": newer})
    with pytest.raises(CheckpointError, match=r"format version 99.*Upgrade sk_brainrvq"):
        Weights(file)


@pytest.mark.parametrize("header", ['{"format_version": 1}', '{"kind": "decoder"}'])
def test_load__header_without_a_known_network__error_lists_kinds(saved, header):
    file, tensors, _ = saved
    save_file(tensors, file, metadata={"sk_brainrvq": header})
    with pytest.raises(CheckpointError, match="expected a network of kind tokenizer"):
        Weights(file)


@pytest.mark.parametrize("header", ["{", "[]", '{"kind": "encoder"}'])
def test_load__broken_header__is_a_checkpoint_error(saved, header):
    file, tensors, _ = saved
    save_file(tensors, file, metadata={"sk_brainrvq": header})
    with pytest.raises(CheckpointError, match="model"):
        Weights(file)


def test_load__tensors_missing_surplus_and_misshapen__all_are_listed(saved):
    file, tensors, metadata = saved
    del tensors["head.bias"], tensors["encoder.norm.weight"]
    tensors["head.rogue"] = torch.zeros(2)
    tensors["head.weight"] = torch.zeros(7, 100)
    save_file(tensors, file, metadata=metadata)
    with pytest.raises(CheckpointError) as caught:
        Weights(file)
    message = str(caught.value)
    assert "Missing: encoder.norm.weight" in message
    assert "Missing: head.bias" in message
    assert "Surplus: head.rogue" in message
    assert "Shape: head.weight: (7, 100) instead of (3, 100)" in message
    assert "does not fit a EncoderClassifier" in message


def test_load__nothing_there__error_says_what_was_expected(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(CheckpointError, match=r"No checkpoint at .*expected a folder"):
            Weights(path)


def test_save__into_a_file__error_says_so(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(CheckpointError, match="taken is a file; pass a folder"):
        make_weights().save(tmp_path / "taken")


def test_save__rename_fails__old_checkpoint_stays_whole(tmp_path, monkeypatch):
    old = make_weights(seed=0)
    old.save(tmp_path)

    def refuse(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no space left"):
        make_weights(seed=1).save(tmp_path)
    assert Weights(tmp_path).digest == old.digest
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_save__disk_full_halfway__old_checkpoint_stays_whole(tmp_path):
    pytest.importorskip("resource", reason="limits on file size are POSIX")
    old = make_weights("encoder")
    old.save(tmp_path)
    script = f"""
        import resource, torch
        from sk_brainrvq.weights import Weights
        weights = Weights({str(tmp_path)!r})
        module = weights.module()
        torch.nn.init.ones_(module.cls_token)
        new = Weights.from_module("new", "encoder", weights.config, module, {{}})
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            new.save({str(tmp_path)!r})
        except OSError as error:
            print("refused:", new.digest != weights.digest, error)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.startswith("refused: True")
    assert Weights(tmp_path).digest == old.digest
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_save__over_an_older_one__the_new_one_is_read(tmp_path):
    make_weights(seed=0).save(tmp_path)
    new = make_weights(seed=1)
    new.save(tmp_path)
    assert Weights(tmp_path).digest == new.digest
