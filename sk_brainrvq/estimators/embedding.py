"""What the embedder and the pretrainer share: pooled features and their names."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from sk_brainrvq.estimators.pooling import SPECTRUM_NAMES, check_pooling, embed
from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.signals import PatchGroup
from sk_brainrvq.signals.regions import REGIONS


class EmbeddingMixin(ClassNamePrefixFeaturesOutMixin):
    """Pooled features, for estimators with ``pooling``, ``layer`` and ``spectrum``."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]  # the network's precision
        return tags

    @property
    def _encoder(self) -> EEGEncoder:
        module = self.net_.module_
        return module if isinstance(module, EEGEncoder) else module.encoder

    def _check_pooling(self, encoder: EEGEncoder) -> None:
        check_pooling(self.pooling, self.layer, encoder.depth, self.spectrum)

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
            spectrum=self.spectrum,
            batch_size=self.batch_size,
            device=self.net_.device,
        )

    @property
    def _n_features_out(self) -> int:
        return len(self._parts()) * len(self._token_names())

    def _token_names(self) -> list[str]:
        """Names of a token's features."""
        spectrum = SPECTRUM_NAMES if self.spectrum else ()
        return [*map(str, range(self._encoder.embed_dim)), *spectrum]

    def _parts(self) -> list[str]:
        """What tokens are pooled in, each a token's features."""
        if self.pooling == "mean_std":
            return ["mean", "std"]
        if self.pooling == "region":
            return list(REGIONS)
        if self.pooling == "channel":
            return self.ch_names_in_ or [f"channel{i}" for i in range(self.n_channels_in_)]
        return [type(self).__name__.lower()]

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Names of the features.

        Parameters
        ----------
        input_features : array of str, optional
            Checked against the names of fit; otherwise not used.

        Returns
        -------
        ndarray of str
            "Fpz_0", ... of the regions for ``pooling="region"``, "C3_0", ... for "channel",
            "mean_0", "std_0", ... for "mean_std", and the class name with a number otherwise;
            with ``spectrum`` "Fpz_log_std" and "Fpz_10Hz", too.

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
        plain = super().get_feature_names_out(input_features)
        # A number follows the class name at once, as in every scikit-learn transformer.
        joined = self.pooling in ("mean", "cls")
        names = [
            f"{part}{name}" if joined and name.isdigit() else f"{part}_{name}"
            for part in self._parts()
            for name in self._token_names()
        ]
        return np.asarray(names, dtype=plain.dtype)
