"""What the embedder and the pretrainer share: pooled features and their names."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from sk_brainrvq.estimators._outputs.pooling import (
    COVARIANCE_NAMES,
    SPECTRUM_NAMES,
    check_pooling,
    embed,
)
from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.signals import PatchGroup
from sk_brainrvq.signals.electrodes.regions import REGIONS


class EmbeddingMixin(ClassNamePrefixFeaturesOutMixin):
    """Pooled features, for estimators with ``pooling``, ``layer``, ``spectrum``, ...."""

    tokens = True  # a parameter of the embedder alone

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]  # the network's precision
        return tags

    @property
    def _encoder(self) -> EEGEncoder:
        module = self.net_.module_
        return module if isinstance(module, EEGEncoder) else module.encoder

    def _check_pooling(self, encoder: EEGEncoder) -> None:
        check_pooling(
            self.pooling, self.layer, encoder.depth, self.spectrum, self.covariance, self.tokens
        )

    def _embed(self, X: Any) -> NDArray:
        self._check_pooling(self._encoder)
        blocks = self._blocks(X, reset=False)
        if "channel" in (self.pooling if self.tokens else None, self.spectrum):
            blocks = map(self._reorder, blocks)
        return self._pool(self._patches(blocks))

    def _pool(self, groups: Iterable[PatchGroup]) -> NDArray:
        return embed(
            self._encoder,
            groups,
            pooling=self.pooling,
            layer=self._layer(),
            spectrum=self.spectrum,
            covariance=self.covariance,
            batch_size=self.batch_size,
            device=self.net_.device,
            tokens=self.tokens,
        )

    @property
    def _n_features_out(self) -> int:
        return len(self._column_names())

    def _column_names(self) -> list[str]:
        """Names of all features."""
        covariances = COVARIANCE_NAMES if self.covariance else ()
        return [*self._token_names(), *self._spectrum_names(), *covariances]

    def _layer(self) -> int:
        """The block to pool: the user's, the weights', or the last."""
        if self.layer is not None:
            return self.layer
        return int(self._info.get("layer", -1))

    def _channels(self) -> list[str]:
        return self.ch_names_in_ or [f"channel{i}" for i in range(self.n_channels_in_)]

    def _token_names(self) -> list[str]:
        """Names of the columns that tokens make."""
        if not self.tokens:
            return []
        numbers = range(self._encoder.embed_dim)
        if self.pooling in ("mean", "cls"):  # as scikit-learn's own transformers number theirs
            return [f"{type(self).__name__.lower()}{number}" for number in numbers]
        parts = {"mean_std": ["mean", "std"], "region": list(REGIONS), "channel": self._channels()}
        return [f"{part}_{number}" for part in parts[self.pooling] for number in numbers]

    def _spectrum_names(self) -> list[str]:
        """Names of the columns that spectra make."""
        if self.spectrum is None:
            return []
        parts = {"mean": ["mean"], "region": list(REGIONS), "channel": self._channels()}
        return [f"{part}_{name}" for part in parts[self.spectrum] for name in SPECTRUM_NAMES]

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Names of the features.

        Parameters
        ----------
        input_features : array of str, optional
            Checked against the names of fit; otherwise not used.

        Returns
        -------
        ndarray of str
            Tokens: the class name with a number for ``pooling="mean"`` and "cls", "Fpz_0", ... of
            the regions for "region", "C3_0", ... for "channel", "mean_0", "std_0", ... for
            "mean_std". Then spectra: "Fpz_log_std", "Fpz_1Hz", ... Then covariances: "Fp1xFp1",
            "Fp1xFp2", ...

        Raises
        ------
        ValueError
            For ``pooling="none"``, whose result is no table.
        """
        check_is_fitted(self)
        if self.tokens and self.pooling == "none":
            raise ValueError(
                "pooling='none' gives (n_epochs, n_channels, n_patches, D), not a table with named "
                "columns; choose another pooling for get_feature_names_out and set_output."
            )
        plain = super().get_feature_names_out(input_features)
        return np.asarray(self._column_names(), dtype=plain.dtype)
