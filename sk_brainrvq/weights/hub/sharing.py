"""``push_to_hub`` and ``model_card``: what weights and fitted estimators have in common."""

import tempfile
from pathlib import Path
from typing import Any

from sk_brainrvq.weights.hub.hub_upload import push_folder, target_of
from sk_brainrvq.weights.hub.model_card import CardFacts, card_text


class Shareable:
    """What can be published on the Hugging Face Hub."""

    __slots__ = ()

    def _card_facts(self) -> CardFacts:
        """What the model card says without being told."""
        raise NotImplementedError

    def _write_into(self, folder: Path) -> Any:
        """Save as for a disk of one's own."""
        raise NotImplementedError

    def _own_card(self) -> str | None:
        """Text of a card that comes with the model."""
        return None

    def model_card(self, card: Any = None, *, repo: str | Path = "owner/name") -> str:
        """The model card that :meth:`push_to_hub` would publish.

        Parameters
        ----------
        card : mapping or path, optional
            What the model cannot know: "license" (an identifier such as "cc-by-4.0"; "other" with
            "license_name" and "license_link"), "data", "datasets", "recipe", "figures", "limits",
            "summary", "citation" and "tags". Or the path of a README.md, which is taken as it is.
        repo : str or pathlib.Path, default="owner/name"
            Where the model will be: on the Hub or, if it is a ``Path``, in that folder.

        Returns
        -------
        str
            Markdown with YAML metadata, as the Hub reads them.

        Raises
        ------
        CheckpointError
            For an entry of another name or type, or a file that is not there.
        """
        facts = self._card_facts()
        own = self._own_card() if card is None else None
        place = repo.as_posix() if isinstance(repo, Path) else str(target_of(repo))
        return own or card_text(facts, card, place)

    def push_to_hub(self, repo: str, *, card: Any = None, private: bool | None = None) -> str:
        """Publish on the Hugging Face Hub: safetensors, JSON and a model card, in one commit.

        It needs the extra ``hub``, and an account: ``hf auth login``, or a token in ``HF_TOKEN``.

        Parameters
        ----------
        repo : str
            "owner/name"; made where it is not there. What it holds already stays in its history.
        card : mapping or path, optional
            See :meth:`model_card`. Without it, a card that the repository has stays as it is.
        private : bool, optional
            Who may read a new repository: True only you, or the members of the organisation; False
            everybody; None what the owner's settings say, which usually is everybody.

        Returns
        -------
        str
            Address of this very commit, "hf://owner/name@...", for ``weights=`` and
            ``from_pretrained``.

        Raises
        ------
        CheckpointError
            If you may not write there, the Hub cannot be reached, the card is none, or the
            repository is public where a private one was asked for, or the reverse.
        ImportError
            If huggingface_hub is missing.

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
