"""Base of estimators that hold a network: they return it, pickle it, save it and load it."""

from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator

from sk_brainrvq.estimators._outputs.saving import (
    changed_parameters,
    known_name,
    load_estimator,
    save_estimator,
)
from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.training import EEGNet
from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.hub.model_card import CardFacts
from sk_brainrvq.weights.hub.sharing import Shareable
from sk_brainrvq.weights.outside_pickles import Remainder

# Columns of the history that do not measure how well training went.
_NO_FIGURES = ("epoch", "dur", "lr", "train_batch_count", "valid_batch_count")


class NetworkHolder(Shareable, BaseEstimator):
    """Base of the estimators that hold a network."""

    # Kind of network and net class that a fitted estimator holds.
    _kind: ClassVar[str]
    _net_class: ClassVar[type[EEGNet]] = EEGNet
    # Fitted attributes that are plain values and go into a checkpoint's JSON.
    _plain_attributes: ClassVar[tuple[str, ...]] = ()
    # Fitted attributes that are weights of other networks.
    _attached_weights: ClassVar[tuple[str, ...]] = ()
    # A parameter of the subclasses.
    weights: Any

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def _restore(self, weights: Weights) -> None:
        """Hold a network that comes from a pickle or a checkpoint of any machine."""
        raise NotImplementedError

    @property
    def weights_(self) -> Weights:
        """Weights of the fitted network, for ``weights=`` of another estimator."""
        check_fitted(self)
        name = type(self).__name__
        return Weights.from_module(name, self._kind, self._config, self.net_.module_, self._info)

    def __getstate__(self) -> dict[str, Any]:
        # The net is pickled as plain arrays: no CUDA tensor, no optimizer, the same bytes each
        # time.
        state = dict(super().__getstate__())
        if "net_" not in state:
            return state
        given = getattr(self, "weights", None)
        if not isinstance(given, Weights) or given.in_pickle:
            return state | {"net_": self.weights_}
        return state | {"net_": Remainder.of(self.weights_, given)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        net = self.__dict__.get("net_")
        if isinstance(net, Remainder):
            net = net.whole(self.weights)
        if isinstance(net, Weights):
            self._restore(net)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Save the fitted estimator without pickle: tensors as safetensors, the rest as JSON.

        The engine's callbacks and ``resume_from``, validation data and ``checkpoint_dir`` are not
        saved: after loading they are None.

        Parameters
        ----------
        folder : path
            Folder for ``model.safetensors`` and ``config.json``.

        Returns
        -------
        Path
            The safetensors file; loading needs only this file.
        """
        check_fitted(self)
        return save_estimator(self, folder, self._plain_attributes, self._attached_weights)

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """Load a fitted estimator saved by :meth:`save_pretrained`.

        Parameters
        ----------
        path : path
            The folder, or the safetensors file in it; or "hf://owner/name", with or without a
            "@revision", of a model on the Hugging Face Hub.

        Returns
        -------
        estimator
            Fitted estimator. If a parameter ``weights`` or ``tokenizer`` was set when it was saved,
            it holds the loaded weights.

        Raises
        ------
        CheckpointError
            If the checkpoint is missing, truncated, from another estimator or from a newer format
            version, or if tensors are missing, superfluous or misshapen. For the Hub, also if you
            have no access, or if there is neither a connection nor a cached copy.
        """
        estimator, weights = load_estimator(cls, path)
        estimator._restore(weights)
        return estimator

    def _write_into(self, folder: Path) -> Path:
        return self.save_pretrained(folder)

    def _card_facts(self) -> CardFacts:
        weights, name = self.weights_, type(self).__name__
        figures = {
            key: float(value)
            for key, value in _row_of_the_weights(self).items()
            if isinstance(value, Real) and key not in _NO_FIGURES
        }
        return CardFacts(
            *(weights.kind, weights.digest, weights.config, weights.info, name),
            recipe=changed_parameters(self),
            figures=figures,
            base=known_name(self.weights),
        )


def _row_of_the_weights(estimator: Any) -> dict[str, Any]:
    """The row of the history that belongs to the weights: the last, or the best one kept."""
    history = getattr(estimator, "history_", None) or [{}]
    best = getattr(estimator, "best_epoch_", None)
    return next((row for row in history if best is not None and row["epoch"] == best), history[-1])
