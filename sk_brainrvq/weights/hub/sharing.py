"""``push_to_hub`` and ``model_card``, shared by weights and fitted estimators."""

import tempfile
from pathlib import Path
from typing import Any

from sk_brainrvq.weights.hub.hub_upload import push_folder, target_of
from sk_brainrvq.weights.hub.model_card import CardFacts, card_text


class Shareable:
    """Base class of what can be published on the Hugging Face Hub."""

    __slots__ = ()

    def _card_facts(self) -> CardFacts:
        """Return what the model card states without the user's help."""
        raise NotImplementedError

    def _write_into(self, folder: Path) -> Any:
        """Save into a folder."""
        raise NotImplementedError

    def _own_card(self) -> str | None:
        """Return the text of a card that comes with the model."""
        return None

    def model_card(self, card: Any = None, *, repo: str | Path = "owner/name") -> str:
        """Write the model card that :meth:`push_to_hub` would publish.

        Parameters
        ----------
        card : mapping or path, optional
            What the model cannot know: "license" (an identifier such as "cc-by-4.0"; "other" with
            "license_name" and "license_link"), "data", "datasets", "recipe", "figures", "limits",
            "summary", "citation" and "tags". Or the path of a README.md, which is used unchanged.
        repo : str or pathlib.Path, default="owner/name"
            Where the model will be: on the Hub or, if it is a ``Path``, in that folder.

        Returns
        -------
        str
            Markdown with YAML metadata, as the Hub expects.

        Raises
        ------
        CheckpointError
            If an entry has an unknown name or the wrong type, or if the file does not exist.
        """
        facts = self._card_facts()
        own = self._own_card() if card is None else None
        place = repo.as_posix() if isinstance(repo, Path) else str(target_of(repo))
        return own or card_text(facts, card, place)

    def push_to_hub(self, repo: str, *, card: Any = None, private: bool | None = None) -> str:
        """Publish on the Hugging Face Hub: safetensors, JSON and a model card, in one commit.

        Requires the extra ``hub`` and an account: ``hf auth login``, or a token in ``HF_TOKEN``.

        Parameters
        ----------
        repo : str
            Repository "owner/name", created if missing. Its earlier contents stay in its history.
        card : mapping or path, optional
            See :meth:`model_card`. Without it, a card that the repository has is kept.
        private : bool, optional
            Who may read a new repository: with True only you or the members of the organisation,
            with False everybody; None follows the owner's settings, usually everybody.

        Returns
        -------
        str
            Address of the new commit, "hf://owner/name@...", for ``weights=`` and
            ``from_pretrained``.

        Raises
        ------
        CheckpointError
            If you have no write access, if the Hub cannot be reached, if the card is invalid, or if
            the repository exists and is not private or public as requested.
        ImportError
            If huggingface_hub is not installed.

        Warns
        -----
        EEGWarning
            If the card of a public repository states no licence.
        """
        address = target_of(repo)
        text = self.model_card(card, repo=repo)
        with tempfile.TemporaryDirectory() as folder:
            self._write_into(Path(folder))
            return push_folder(Path(folder), address, text, card is None, private)
