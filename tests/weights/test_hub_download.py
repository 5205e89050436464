"""Weights from a Hub on this computer: pinned, cached, checked, and refused with a sentence."""

import importlib
import json
import pickle
import re
import sys
import warnings
from pathlib import Path

import pytest
from hub_server import Repository
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from saved_files import header_of, write_header
from weights_factory import make_weights

from sk_brainrvq.exceptions import CheckpointError, EEGWarning
from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.hub.hub_address import HubAddress

CARD = b"---\nlicense: mit\n---\n# A model\n"
CONFIG, TENSORS = "config.json", "model.safetensors"


@pytest.fixture
def files(tmp_path):
    """The files of a model, as ``save`` writes them, with a card."""
    folder = make_weights().save(tmp_path / "saved").parent
    return {name: (folder / name).read_bytes() for name in (CONFIG, TENSORS)} | {"README.md": CARD}


def refused(address, **options):
    """What is said of an address that cannot be loaded."""
    with pytest.raises(CheckpointError) as error:
        Weights(address, **options)
    return str(error.value)


def test_load__newest_branch_tag_or_commit__is_the_saved_model_and_names_its_commit(hub, files):
    sha = hub.add("lab/model", {**files, "pytorch_model.bin": b"code"})
    hub.repositories["lab/model"].refs["v1"] = sha
    named = ["hf://lab/model", "hf://lab/model@main", "hf://lab/model@v1", f"hf://lab/model@{sha}"]
    loaded = [*map(Weights, named), Weights(Path("hf://lab/model"))]
    loaded += [Weights.from_hub("lab/model"), Weights.from_hub("hf://lab/model", "v1")]
    for weights in loaded:
        assert weights == make_weights()
        assert weights.info == make_weights().info
        assert weights.name == f"hf://lab/model@{sha}"
        assert sha in repr(weights)
        assert weights.digest in repr(weights)
    fetched = {line.rsplit("/", 1)[1] for line in hub.asked_for("resolve")}
    assert fetched == {CONFIG, TENSORS}
    # The tensors themselves came down once.
    assert len(hub.asked_for("/blobs/")) == 1


def test_load__pinned_and_in_the_cache__asks_nobody(hub, files):
    hub.add("lab/model", files)
    weights = Weights("hf://lab/model")
    hub.asked.clear()
    assert Weights(weights.name) == weights
    assert pickle.loads(pickle.dumps(weights)) == weights
    small = pickle.dumps(Weights(weights.name, in_pickle=False))
    assert len(small) < 1000
    assert pickle.loads(small) == weights
    assert hub.asked == []


def test_load__branch_that_has_moved__another_model_beside_the_pinned_one(hub, files, tmp_path):
    hub.add("lab/model", files)
    before = Weights("hf://lab/model")
    other = make_weights(seed=1)
    hub.repositories["lab/model"].commit({TENSORS: other.save(tmp_path).read_bytes()})
    assert Weights("hf://lab/model") == other
    assert Weights(before.name) == before != other


def test_load__no_such_repository_revision_or_right__a_sentence_each(hub, files, monkeypatch):
    hub.add("lab/model", files)
    hub.add("lab/secret", files, private=True)
    hub.add("lab/gated", files, gated=True)
    assert Weights("hf://lab/secret") == make_weights()
    told = {
        "hf://lab/none": r"no model 'lab/none' on http://127\S+ that you may read. Check the spell",
        "hf://lab/model@v9": r"lab/model has no branch, tag or commit 'v9'; .*'hf://lab/model' is",
        "hf://lab/gated": r"gated: its authors ask .*http://\S+/lab/gated, and log in with `hf",
    }
    for address, message in told.items():
        assert re.search(message, refused(address)), address
    monkeypatch.setenv("HF_TOKEN", "")
    message = refused("hf://lab/secret@main")
    assert re.search("'lab/secret' .* if it is private, log in .* or set HF_TOKEN", message)


def test_load__repositories_without_a_model_of_ours__a_sentence_and_no_large_file(hub, files):
    newer = json.dumps({**json.loads(files[CONFIG]), "format_version": 99}).encode()
    for name, content in {
        "pickles": {"pytorch_model.bin": b"", "model.PKL": b"", "README.md": CARD},
        "text": {"README.md": CARD},
        "bert": {CONFIG: b'{"architectures": ["BertModel"]}', TENSORS: files[TENSORS]},
        "newer": {**files, CONFIG: newer},
        "damaged": {**files, CONFIG: b"{"},
    }.items():
        hub.add(f"lab/{name}", content)
    hub.repositories["lab/empty"] = Repository()
    told = {
        "pickles": r"only pickles \(pytorch_model.bin, model.PKL\), and reading a pickle runs .*fr",
        "text": r"but README.md, so it is not a model of sk_brainrvq. Publish",
        "empty": r"holds no model.safetensors, but no file, so it is not a model of sk_brainrvq",
        "bert": r"is a model of another program: its config.json lacks the 'kind' or",
        "newer": r"hf://lab/newer has format version 99, .* Upgrade sk_brainrvq to read it",
        "damaged": r"hf://lab/damaged has a header that sk_brainrvq cannot have written",
    }
    for name, message in told.items():
        assert re.search(message, refused(f"hf://lab/{name}")), name
    assert hub.asked_for(TENSORS) == []


def test_load__tensors_that_are_newer_or_of_another_program__named_by_their_address(hub, tmp_path):
    file = make_weights().save(tmp_path / "newer")
    write_header(file, {**header_of(file), "format_version": 99})
    newer = file.read_bytes()
    save_file(load_file(file), file, metadata={})
    sha = hub.add("lab/newer", {TENSORS: newer})
    assert f"hf://lab/newer@{sha} has format version 99" in refused("hf://lab/newer")
    hub.add("lab/other", {TENSORS: file.read_bytes()})
    assert "is a safetensors file of another program" in refused("hf://lab/other")


def test_load__content_that_is_not_what_was_announced__not_loaded_until_it_is_deleted(hub, files):
    hub.add("lab/model", files)
    hub.spoiled[TENSORS] = files[TENSORS][:-4] + b"\xff\xff\xff\xff"
    told = refused("hf://lab/model")
    assert re.search(r"model.safetensors of hf://lab/model has the SHA-256 \w+; the Hub ann", told)
    hub.spoiled.clear()
    # Not from the cache either.
    assert refused("hf://lab/model") == told
    Path(re.search(r"Delete (.+) and load again", told)[1]).unlink()
    weights = Weights("hf://lab/model")
    assert weights == make_weights()
    # Nor what a disk has damaged since.
    blob = next(path for path in hub.cache.rglob("blobs/*") if len(path.name) == 64)
    blob.write_bytes(b"x")
    assert "SHA-256" in refused(weights.name)


def test_load__transfer_cut_short__a_sentence_and_whole_the_next_time(hub, files):
    hub.add("lab/model", files)
    hub.cut[TENSORS] = 5000
    told = refused("hf://lab/model")
    assert re.search(
        r"model.safetensors of hf://lab/model was not downloaded completely: .*5000", told
    )
    assert "Load it again." in told
    hub.cut.clear()
    assert Weights("hf://lab/model") == make_weights()


def test_load__hub_down_or_offline_mode__from_the_cache_or_a_sentence_that_names_the_file(
    hub, files, monkeypatch
):
    sha = hub.add("lab/model", files)
    weights = Weights("hf://lab/model")
    hub.status = 503
    by_hand = (
        r"get model.safetensors from http://\S+/lab/none/tree/v1, copy it into a folder here, and "
        rf"pass that folder .*; or copy {re.escape(str(hub.cache))}/models--lab--none from a mach"
    )
    with pytest.warns(
        EEGWarning, match=rf"cannot be reached .* cached commit {sha} is used for .* Pass"
    ):
        assert Weights("hf://lab/model@main") == weights
    with pytest.warns(EEGWarning) as said:
        Weights("hf://lab/model")
    assert "http://" in str(said[0].message)
    assert "mozilla" not in str(said[0].message)
    told = refused("hf://lab/none@v1")
    assert re.search(rf"is not in the cache, and http://\S+ cannot be reached .*{by_hand}", told)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        assert Weights("hf://lab/model") == weights
    told = refused("hf://lab/none@v1")
    assert re.search(rf"is not in the cache, and HF_HUB_OFFLINE is set. .*{by_hand}", told)


def test_load__nobody_listens__as_without_a_network(hub, files, monkeypatch):
    hub.add("lab/model", files)
    weights = Weights("hf://lab/model")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.warns(EEGWarning, match="cannot be reached"):
        assert Weights("hf://lab/model") == weights
    assert "cannot be reached (" in refused("hf://lab/none")


def test_load__variables_of_the_environment__cache_and_offline_mode_are_heeded(
    hub, files, monkeypatch
):
    hub.add("lab/model", files)
    weights = Weights("hf://lab/model")
    hub.asked.clear()
    with monkeypatch.context() as environment:
        environment.setenv("HF_HUB_CACHE", str(hub.cache))
        environment.setenv("HF_HUB_OFFLINE", "1")
        environment.setenv("HF_ENDPOINT", f"{hub.url}/mirror")
        importlib.reload(constants)
        assert Weights("hf://lab/model") == weights
        told = refused("hf://lab/none")
    importlib.reload(constants)
    assert f"HF_HUB_OFFLINE is set. On a machine with a network, get {TENSORS} from" in told
    assert f"{hub.url}/mirror/lab/none/tree/main" in told
    assert f"{hub.cache}/models--lab--none" in told
    assert hub.asked == []


def test_load__public_without_a_licence__warned_once_it_is_downloaded(hub, files):
    bare = {name: files[name] for name in (CONFIG, TENSORS)}
    hub.add("lab/bare", bare)
    hub.add("lab/secret", bare, private=True)
    hub.add("lab/model", files)
    with pytest.warns(EEGWarning, match="lab/bare states no licence, so nothing says what you may"):
        weights = Weights("hf://lab/bare")
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        for address in (weights.name, "hf://lab/secret", "hf://lab/model"):
            assert Weights(address) == weights


def test_address__malformed__a_sentence_that_shows_the_right_form():
    for wrong in (
        "hf://model",
        "hf://",
        "hf:///model",
        "hf://lab/a--b",
        "hf://-lab/m",
        "hf://lab/.m",
    ):
        with pytest.raises(CheckpointError, match=r"not an address on the .*'hf://owner/name', or"):
            Weights(wrong)
    with pytest.raises(CheckpointError, match="no folder in it can be named"):
        Weights("hf://lab/model/folder@main")
    for wrong in ("", "..", "a b", "v1/../../x", "a@{1}", "-a"):
        with pytest.raises(
            CheckpointError, match=r"names the revision .*as in 'hf://lab/model@main'"
        ):
            Weights(f"hf://lab/model@{wrong}")
    with pytest.raises(CheckpointError, match="revision='v2' were given; pass only one"):
        Weights.from_hub("lab/model@v1", "v2")


def test_address__written_and_read__the_same():
    for text in ("hf://lab/model", "hf://a/b.c_d-e@refs/pr/1", f"hf://lab/model@{'0a' * 20}"):
        assert str(HubAddress.parse(text)) == text
    assert HubAddress.parse(f"hf://lab/model@{'0a' * 20}").is_pinned
    assert not HubAddress.parse("hf://lab/model@0a0a0a0").is_pinned


def test_load__huggingface_hub_not_installed__says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        ImportError, match=r"needs huggingface_hub, .*pip install huggingface_hub, "
    ):
        Weights("hf://lab/model")
