"""What the embedder and the pretrainer share: pooled features and their names."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from sk_brainrvq.estimators.pooling import check_pooling, embed
from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.signals import PatchGroup


class EmbeddingMixin(ClassNamePrefixFeaturesOutMixin):
    """Pooled features of an encoder, for estimators with ``pooling`` and ``layer``."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]  # the network's precision
        return tags

    @property
    def _encoder(self) -> EEGEncoder:
        module = self.net_.module_
        return module if isinstance(module, EEGEncoder) else module.encoder

    def _check_pooling(self, encoder: EEGEncoder) -> None:
        check_pooling(self.pooling, self.layer, encoder.depth)

    def _embed(self, X: Any) -> NDArray:
        self._check_pooling(self._encoder)
        blocks = self._blocks(X, reset=False)
        if self.pooling == "channel":
            blocks = map(self._reorder, blocks)
        return self._pool(self._patches(blocks))

    def _pool(self, groups: Iterable[PatchGroup]) -> NDArray:
        return embed(
            self._encoder,
            groups,
            pooling=self.pooling,
            layer=self.layer,
            batch_size=self.batch_size,
            device=self.net_.device,
        )

    @property
    def _n_features_out(self) -> int:
        factor = {"mean_std": 2, "channel": self.n_channels_in_}.get(self.pooling, 1)
        return self._encoder.embed_dim * factor

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Names of the features.

        Parameters
        ----------
        input_features : array of str, optional
            Checked against the names of fit; otherwise not used.

        Returns
        -------
        ndarray of str
            "C3_0", ... for ``pooling="channel"``, "mean_0", "std_0", ... for "mean_std", and
            the class name with a number otherwise.

        Raises
        ------
        ValueError
            For ``pooling="none"``, whose result is no table.
        """
        check_is_fitted(self)
        if self.pooling == "none":
            raise ValueError(
                "pooling='none' gives (n_epochs, n_channels, n_patches, D), not a table with named "
                "columns; choose another pooling for get_feature_names_out and set_output."
            )
        names = super().get_feature_names_out(input_features)
        if self.pooling == "mean_std":
            width = len(names) // 2
            names = [f"{part}_{i}" for part in ("mean", "std") for i in range(width)]
        elif self.pooling == "channel":
            channels = self.ch_names_in_ or [f"channel{i}" for i in range(self.n_channels_in_)]
            width = len(names) // len(channels)
            names = [f"{channel}_{i}" for channel in channels for i in range(width)]
        return np.asarray(names, dtype=object)
