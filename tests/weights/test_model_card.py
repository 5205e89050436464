"""Model cards: what they say by themselves, what the user says, and what is refused."""

import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from saved_files import fitted_small
from weights_factory import make_weights

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights import Weights, bundled_weights
from sk_brainrvq.weights.hub.model_card import CARD_KEYS, front_matter

GIVEN = {
    "license": "other",
    "license_name": "in-house",
    "license_link": "https://example.org/licence",
    "tags": "sleep",
    "datasets": ["lab/nights", "Nights of the ward"],
    "summary": "Sleep of many people.",
    "data": "Nine nights.",
    "recipe": "Ten passes.",
    "figures": {"AUROC": 0.812345, "people": 9, "split": "by | person"},
    "limits": "No children.",
    "citation": "Somebody, 2026.",
}


def test_card__all_that_can_be_said__read_by_the_hubs_own_reader():
    assert sorted(GIVEN) == sorted(CARD_KEYS)
    card = ModelCard(make_weights("tokenizer").model_card(GIVEN, repo="lab/model"))
    metadata = card.data.to_dict()
    assert metadata["license"] == "other"
    assert metadata["license_name"] == "in-house"
    assert metadata["library_name"] == "sk_brainrvq"
    assert metadata["datasets"] == ["lab/nights"]
    assert {"eeg", "tokenizer", "sleep"} <= set(metadata["tags"])
    assert metadata["sk_brainrvq"]["digest"] == make_weights("tokenizer").digest
    for text in ("Nine nights.", "Nights of the ward", "Ten passes.", "No children.", "2026."):
        assert text in card.text
    assert "| AUROC | 0.8123 |" in card.text
    assert r"| split | by \| person |" in card.text
    assert "DDRVQTransformer(weights='hf://lab/model')" in card.text
    assert "Channels (2): C3, C4. Rate: 200 Hz. Longest windows: 5 s." in card.text


def test_card__for_a_folder__title_and_code_name_the_folder():
    text = make_weights("tokenizer").model_card(repo=Path("models/of_the_ward"))
    assert "\n# of_the_ward\n" in text
    assert "DDRVQTransformer(weights='models/of_the_ward')" in text
    assert "hf://" not in text


def test_card__nothing_said__says_what_is_not_stated():
    text = make_weights().model_card()
    sections = dict(re.findall(r"^## (\w+)\n\n(.+?)$", text, re.MULTILINE))
    for name in ("Data", "Recipe", "Figures", "Licence", "Limits"):
        assert sections[name].startswith("Not stated."), name
    assert "license" not in front_matter(text)


def test_card__fitted_classifier__recipe_and_figures_of_its_training():
    classifier = fitted_small("classifier")
    text = classifier.model_card({"license": "mit"})
    loss = classifier.history_[-1]["train_loss"]
    assert f"| train_loss | {loss:.4g} |" in text
    assert "| `max_epochs` | `1` |" in text
    assert "| `weights` | `None` |" in text
    assert "`device`" not in text


def test_card__weights_of_a_folder__no_path_of_this_machine(tmp_path):
    folder = make_weights().save(tmp_path / "secret place").parent
    about = {"sfreq": 200, "ch_names": ["C3", "C4"]}
    for weights in (folder, str(folder), Weights(folder)):
        embedder = BrainRVQEmbedder(weights=weights, **about)
        assert embedder.fit([[[0.0, 1.0] * 200] * 2]) is embedder
        text = embedder.model_card()
        assert "secret" not in text
        assert "| `weights` | `a saved network" in text


def test_card__of_bundled_weights__is_the_one_they_come_with():
    weights = bundled_weights("tokenizer-2026.11")
    text = weights.model_card()
    assert "Explained variance" in text
    assert front_matter(text)["license"] == "bsd-3-clause"
    assert "Explained variance" not in weights.model_card({"license": "bsd-3-clause"})
    other = make_weights(name="tokenizer-2026.11")
    assert "Explained variance" not in other.model_card()


def test_card__readme__taken_as_it_is(tmp_path):
    file = tmp_path / "README.md"
    file.write_bytes("---\nlicense: mit\n---\n\nHerzlich, µV\n".encode())
    for path in (file, str(file)):
        assert make_weights().model_card(path) == "---\nlicense: mit\n---\n\nHerzlich, µV\n"


def test_card__wrong__a_sentence_each(tmp_path):
    file = tmp_path / "README.md"
    weights = make_weights()
    for card, message in {
        "README": r"card='README' was given, and there is no such file; expected the path of a",
        3: r"card=3 was given; expected a mapping of license, .*, or the path of a README.md",
    }.items():
        with pytest.raises(CheckpointError, match=message):
            weights.model_card(card)
    for entry, message in {
        ("licence", "mit"): "card has the entry 'licence'; did you mean 'license'?",
        ("colour", "red"): "card has the entry 'colour'; known are license, ",
        ("license", 3): "card has license=3; expected a text",
        ("data", " "): "card has data=' '; expected a text",
        ("tags", (1,)): r"card has tags=\(1,\); expected a list of texts",
        ("figures", 0.8): "card has figures=0.8; expected a text, or a mapping of names to numb",
    }.items():
        with pytest.raises(CheckpointError, match=message):
            weights.model_card(dict([entry]))
    for content, message in {
        b"\xff": "not UTF-8 text",
        b"---\na: [\n---\n": "metadata at the top of the model card is not YAML",
        b"---\nmit\n---\n": "is 'mit'; expected entries such as",
    }.items():
        file.write_bytes(content)
        with pytest.raises(CheckpointError, match=message):
            weights.model_card(file)
