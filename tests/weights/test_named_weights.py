"""Weights by name: the table of the bundled ones, and those of the authors in the cache folder."""

from datetime import date

import pandas as pd
import pytest
import torch
from test_official import published_state
from weights_factory import make_weights

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights import Weights, load_official, resolve_weights
from sk_brainrvq.weights.checkpoint import BUNDLED, BUNDLED_NAMES
from sk_brainrvq.weights.modules import KINDS
from sk_brainrvq.weights.resolving import tokenizer_of


def test_list__bundled_weights__one_row_per_name_that_says_what_they_are():
    table = pd.DataFrame(Weights.list()).set_index("name")
    assert list(table.index) == list(BUNDLED_NAMES) == sorted(p.name for p in BUNDLED.iterdir())
    for name, row in table.iterrows():
        weights = Weights(name)
        assert (row["kind"], row["digest"]) == (weights.kind, weights.digest)
        assert row["size"] == (BUNDLED / name / "model.safetensors").stat().st_size
        assert date.fromisoformat(row["date"]) >= date(2026, 11, 1)
        assert row["licence"] == "bsd-3-clause"
        assert weights.info["data"] in row["data"]


def test_list__printed__a_table_with_aligned_columns():
    lines = repr(Weights.list()).splitlines()
    assert lines[0].split() == ["name", "kind", "digest", "date", "licence", "data", "size"]
    assert [line.split()[0] for line in lines[1:]] == list(BUNDLED_NAMES)
    assert {line.index("2026-11-") for line in lines[1:]} == {lines[0].index("date")}
    assert lines[1].endswith("8.6 MB")


@pytest.fixture
def official(tmp_path, monkeypatch):
    """The folder that "official" looks into, on Linux."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "sk_brainrvq" / "official"
    folder.mkdir(parents=True)
    return folder


def test_official__checkpoints_in_the_cache_folder__the_one_that_serves(official, reference_folder):
    published = {"tokenizer": "tokenizer", "pretraining": "masked_pretraining"}
    states = {kind: published_state(reference_folder, name) for kind, name in published.items()}
    for kind, state in states.items():
        torch.save({"model": state}, official / f"any name of {kind}.pth")
    for kinds, expected in ((KINDS, "pretraining"), (("tokenizer",), "tokenizer")):
        found = resolve_weights("official", kinds, "weights")
        assert found.kind == expected
        assert found.info["official"]
        module = load_official(states[expected])
        for name, tensor in module.state_dict().items():
            assert torch.equal(found.tensors()[name], tensor)
    assert tokenizer_of("official") == "official"
    # What is there by that name goes first.
    make_weights().save("official")
    assert resolve_weights("official", KINDS, "weights") == make_weights()


def test_official__none_or_several__says_where_and_what_to_do(official, reference_folder):
    with pytest.raises(
        CheckpointError, match=rf"{official} has no network .* no .pth file. The aut"
    ):
        resolve_weights("official", KINDS, "weights")
    state = published_state(reference_folder, "tokenizer")
    torch.save(state, official / "a.pth")
    with pytest.raises(CheckpointError, match=r"of kind pretraining, but a.pth \(tokenizer\)"):
        resolve_weights("official", ("pretraining",), "weights")
    torch.save(state, official / "b.pth")
    with pytest.raises(
        CheckpointError, match=r"several networks of kind 'tokenizer': a.pth, b.pth"
    ):
        resolve_weights("official", ("tokenizer",), "tokenizer")
    (official / "b.pth").write_bytes(b"truncated")
    with pytest.raises(CheckpointError, match=r"b.pth cannot be read as a published checkpoint"):
        resolve_weights("official", ("tokenizer",), "tokenizer")
