"""Weights and estimators to a Hub on this computer and back, with a card, or refused."""

import json
import re
import warnings

import mne
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hub_server import Repository, card_data_of
from huggingface_hub import constants
from saved_files import EEG, SMALL, fitted_small
from sklearn.base import clone
from weights_factory import INFO, make_weights

from sk_brainrvq import BrainRVQEmbedder, BrainRVQModule, BrainRVQPretrainer, DDRVQTransformer
from sk_brainrvq.command_line.app import app
from sk_brainrvq.exceptions import CheckpointError, EEGWarning
from sk_brainrvq.weights import Weights, resolve_weights

FREE = {"license": "cc-by-4.0"}
FILES = {"config.json", "model.safetensors", "README.md", ".gitattributes"}


def files_of(hub, name="me/model"):
    """What a repository holds now."""
    repository = hub.repositories[name]
    return repository.commits[repository.refs["main"]]


@pytest.mark.parametrize("kind", ["tokenizer", "encoder"])
def test_push__weights__come_back_with_the_same_digest_and_info(hub, kind):
    filters = {"l_freq": 1.0, "h_freq": 40.0, "notch": 50.0, "reference": "average"}
    weights = make_weights(kind, info={**INFO, "filters": filters})
    address = weights.push_to_hub("me/model", card=FREE)
    assert re.fullmatch("hf://me/model@[0-9a-f]{40}", address)
    assert files_of(hub).keys() == FILES
    assert json.loads(files_of(hub)["config.json"])["kind"] == kind
    back = Weights(address)
    assert (back.digest, back.info, back.config) == (weights.digest, weights.info, weights.config)
    assert back.name == address
    assert Weights.from_hub("me/model").name == address


@pytest.mark.parametrize("name", SMALL)
def test_push__each_fitted_estimator__loads_as_it_was(hub, name):
    fitted = fitted_small(name)
    address = fitted.push_to_hub("me/model", card=FREE)
    loaded = type(fitted).from_pretrained(address)
    assert loaded.weights_ == fitted.weights_
    given = [
        each.predict(EEG) if hasattr(each, "predict") else each.transform(EEG)
        for each in (fitted, loaded)
    ]
    np.testing.assert_array_equal(*given)
    card = files_of(hub)["README.md"].decode()
    assert f"{type(fitted).__name__}.from_pretrained('hf://me/model')" in card
    wrong = "BrainRVQEmbedder" if name != "embedder" else "DDRVQTransformer"
    other = BrainRVQEmbedder if name != "embedder" else DDRVQTransformer
    with pytest.raises(
        CheckpointError, match=rf"{address} holds {type(fitted).__name__}, not a {wrong}"
    ):
        other.from_pretrained("hf://me/model")


def test_address__wherever_weights_go__as_the_folder_would_be(hub, tmp_path):
    pretrainer = fitted_small("pretrainer")
    address = pretrainer.push_to_hub("me/model", card=FREE)
    pretrainer.save_pretrained(tmp_path)
    about = {"sfreq": 200, "ch_names": ["Fp1", "C3", "O2"], "device": "cpu"}
    for given in ("hf://me/model", address):
        embedder = clone(BrainRVQEmbedder(weights=given, **about))
        assert embedder.get_params()["weights"] == given
        expected = BrainRVQEmbedder(weights=tmp_path, **about).fit_transform(EEG)
        np.testing.assert_array_equal(embedder.fit_transform(EEG), expected)
        # A pretrainer's address stands for its tokenizer where one is needed.
        tokenizer = DDRVQTransformer(weights=given, **about).fit(EEG)
        assert tokenizer.weights_.digest == pretrainer.tokenizer_weights_.digest
        both = BrainRVQPretrainer(tokenizer=given, weights=given, **about).fit(EEG)
        assert both.weights_.digest == pretrainer.weights_.digest
        hub.asked.clear()
        assert resolve_weights(given, ("tokenizer",), "tokenizer") == pretrainer.tokenizer_weights_
        assert BrainRVQPretrainer.from_pretrained(given).weights_ == pretrainer.weights_
        # Once each, so that all of it is of one commit.
        assert len(hub.asked_for("/api/models")) == (0 if given == address else 2)
        module = BrainRVQModule(
            n_chans=3,
            n_outputs=2,
            n_times=400,
            sfreq=200,
            ch_names=about["ch_names"],
            weights=given,
        )
        assert module.backbone.encoder.depth == 1
    with pytest.raises(CheckpointError, match="tokenizer='hf://me/model'"):
        BrainRVQPretrainer(weights="hf://me/model", **about).fit(EEG)


def test_push__again__history_stays_and_a_card_only_changes_where_one_is_given(hub):
    first, second = make_weights(), make_weights(seed=1)
    address = first.push_to_hub("me/model", card={**FREE, "limits": "Few people."})
    card = files_of(hub)["README.md"]
    assert b"Few people." in card
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        newer = second.push_to_hub("hf://me/model")
    assert files_of(hub)["README.md"] == card
    assert Weights(address) == first
    assert Weights("hf://me/model") == Weights(newer) == second
    second.push_to_hub("me/model", card={**FREE, "limits": "More people."})
    assert b"More people." in files_of(hub)["README.md"]
    assert files_of(hub).keys() == FILES


def test_push__public_without_a_licence__warned_with_what_to_pass(hub, tmp_path):
    weights = make_weights()
    without = r"'me/\w+' is public but has no licence, .* Pass card=\{'license': 'cc-by-4.0'\}"
    (tmp_path / "README.md").write_text("---\ntags: [eeg]\n---\nMine.\n")
    for card in (None, {"limits": "Few."}, tmp_path / "README.md"):
        with pytest.warns(EEGWarning, match=without):
            weights.push_to_hub("me/model", card=card)
    # The card that is there counts.
    with pytest.warns(EEGWarning, match=without):
        weights.push_to_hub("me/model")
    assert files_of(hub)["README.md"] == (tmp_path / "README.md").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        weights.push_to_hub("me/secret", private=True)
        weights.push_to_hub("me/model", card=FREE)
    assert hub.repositories["me/secret"].private


def test_push__to_where_one_may_not__a_sentence_and_nothing_uploaded(hub, monkeypatch):
    weights = make_weights()
    hub.repositories["me/public"] = Repository()
    told = {
        (
            "others/model",
            None,
        ): r"may not write to 'others/model' .*token with write access, of 'oth",
        ("me/public", True): r"'me/public' already exists and is public; private=True was given",
        ("me/model@v1", None): r"names a revision, but a push creates a new one.* Pass 'me/model'",
        ("model", None): r"'model' is not an address on the .*expected 'hf://owner/name'",
        (
            3,
            None,
        ): r"repo=3 was given; expected 'owner/name'\. save_pretrained writes into a folder",
    }
    for (repo, private), message in told.items():
        with pytest.raises(CheckpointError, match=message):
            weights.push_to_hub(repo, card=FREE, private=private)
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(CheckpointError, match=r"You may not write to 'me/model' .*hf auth login"):
        weights.push_to_hub("me/model", card=FREE)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"Nothing was published as 'me/model': .*offline"):
        weights.push_to_hub("me/model", card=FREE)
    assert hub.asked_for("commit") == hub.asked_for("PUT") == []


def test_push__wrong_card__nothing_asked(hub):
    with pytest.raises(CheckpointError, match="did you mean 'license'"):
        make_weights().push_to_hub("me/model", card={"licence": "mit"})
    assert hub.asked == []


def test_push__card_of_a_fine_tuned_model__names_what_it_started_from(hub):
    base = make_weights().push_to_hub("me/base", card=FREE)
    about = {"sfreq": 200, "ch_names": ["Fp1", "C3", "O2"], "device": "cpu"}
    embedder = BrainRVQEmbedder(weights=base, **about).fit(EEG)
    embedder.push_to_hub("me/model", card=FREE)
    metadata = card_data_of(files_of(hub))
    assert metadata["base_model"] == "me/base"
    assert f"The training started from {base}" in files_of(hub)["README.md"].decode()


@pytest.mark.usefixtures("hub")
def test_command__embed_with_an_address__the_features_of_the_folder(tmp_path):
    folder, file = tmp_path / "model", tmp_path / "a_raw.fif"
    weights = make_weights("pretraining")
    weights.save(folder)
    weights.push_to_hub("me/model", card=FREE)
    info = mne.create_info(["C3", "C4"], 200, "eeg")
    mne.io.RawArray(EEG[0, :2] * 1e-6, info, verbose="error").save(file, verbose="error")
    features = []
    for given in (folder, "hf://me/model"):
        out = tmp_path / "features.npz"
        call = ["embed", file, "--weights", given, "--out", out, "--window", "2", "-q"]
        result = CliRunner().invoke(app, [str(part) for part in call])
        assert result.exit_code == 0, result.stderr
        features.append(np.load(out)["features"])
    np.testing.assert_array_equal(*features)
    call = ["embed", file, "--weights", "hf://me/none", "--out", tmp_path / "none.npz"]
    result = CliRunner().invoke(app, [str(part) for part in call])
    assert result.exit_code == 1
    assert "There is no model 'me/none' on " in result.stderr
    assert "Traceback" not in result.stderr


def test_push__module__comes_back_and_says_how_to_use_it(hub):
    module = BrainRVQModule(
        2, n_times=400, sfreq=200, ch_names=["C3", "C4"], weights=None, architecture="tiny"
    ).eval()
    address = module.push_to_hub("me/module", card=FREE)
    assert files_of(hub, "me/module").keys() == FILES
    assert "BrainRVQModule.from_pretrained('hf://me/module')" in module.model_card(
        FREE, repo="me/module"
    )
    loaded = BrainRVQModule.from_pretrained(address).eval()
    x = 20 * torch.randn(3, 2, 400)
    with torch.no_grad():
        torch.testing.assert_close(loaded(x), module(x))
    assert BrainRVQModule.from_pretrained("hf://me/module", n_outputs=4).n_outputs == 4


@pytest.mark.usefixtures("hub")
def test_from_pretrained__module_of_weights_on_the_hub__starts_from_them():
    weights = make_weights("encoder")
    address = weights.push_to_hub("me/model", card=FREE)
    params = {"n_outputs": 2, "n_times": 400, "sfreq": 200, "ch_names": ["C3", "C4"]}
    loaded = BrainRVQModule.from_pretrained(address, **params).eval()
    expected = BrainRVQModule(weights=weights, **params).eval()
    x = 20 * torch.randn(3, 2, 400)
    with torch.no_grad():
        given = [m(x, return_features=True)["features"] for m in (loaded, expected)]
    torch.testing.assert_close(*given)


@pytest.mark.usefixtures("hub")
def test_weights__address_or_folder_of_a_module__error_says_what_reads_it(tmp_path):
    module = BrainRVQModule(2, n_times=400, n_chans=2, weights=None, architecture="tiny")
    module.save_pretrained(tmp_path)
    for place in (module.push_to_hub("me/module", card=FREE), tmp_path):
        with pytest.raises(CheckpointError, match=r"load it with BrainRVQModule\.from_pretrained"):
            BrainRVQEmbedder(weights=place, sfreq=200).fit(np.ones((2, 2, 400)))
