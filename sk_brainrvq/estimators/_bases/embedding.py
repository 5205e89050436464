"""Pooled features and their names, for the embedder and the pretrainer."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin

from sk_brainrvq.estimators._outputs.pooling import Align, Embedding
from sk_brainrvq.estimators._outputs.result_sizes import n_epochs_at_least, n_patches_at_least
from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.signals import PatchGroup
from sk_brainrvq.training.memory.out_of_memory import warn_of_large_result

# Their features fit anywhere, and single windows must not wait for a check.
_FEW_EPOCHS = 100


class EmbeddingMixin(ClassNamePrefixFeaturesOutMixin):
    """Pooled features of an encoder; subclasses choose which."""

    def _embedding(self) -> Embedding:
        """The features of an epoch."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]  # the network's precision
        return tags

    @property
    def _encoder(self) -> EEGEncoder:
        module = self.net_.module_
        return module if isinstance(module, EEGEncoder) else module.encoder

    @property
    def _fixed_by(self) -> str | None:
        """Sentence that says why no channel can be left out."""
        embedding = self._embedding()
        if not (embedding.keeps_channels or embedding.is_unpooled):
            return None
        return (
            "pooling='channel', pooling='none' and spectrum='channel' need every channel of fit. "
            "Use pooling='region' or 'mean'."
        )

    def _embed(self, X: Any, align: Align | None = None) -> NDArray:
        """Features of X; ``align`` turns groups into what the network reads instead."""
        self._warn_of_large_features(X)
        return self._pool(self._groups(X), self._info, align)

    def _warn_of_large_features(self, X: Any) -> None:
        """Warn before features are computed that memory cannot hold, if X tells how many."""
        n_epochs = n_epochs_at_least(X)
        if n_epochs < _FEW_EPOCHS:
            return
        if self._embedding().is_unpooled:
            n_patches = n_patches_at_least(X, self.sfreq)
            n_features = self.n_channels_in_ * n_patches * self._encoder.embed_dim
            less = ["pooling='mean' or 'region', which keep one row per epoch"]
        else:
            n_features, less = len(self._column_names()), []
            if self._embedding().keeps_channels:
                less = ["pooling='region' and spectrum='region', which do not grow with channels"]
        less.append("fewer epochs per call: write the features of each part to disk")
        n_bytes = n_epochs * n_features * np.dtype(np.float32).itemsize
        warn_of_large_result(n_bytes, f"features of {n_epochs:,} or more epochs", less)

    def _groups(self, X: Any, tap: Callable[[Iterable], Iterable] = iter) -> Iterator[PatchGroup]:
        """Patches of X; blocks pass through ``tap``."""
        self._embedding().check(self._encoder.depth)
        blocks = tap(self._blocks(X, self._info))
        if self._embedding().keeps_channels:
            blocks = map(self._reorder, blocks)
        return self._patches(blocks, self._info)

    def _pool(
        self, groups: Iterable[PatchGroup], info: Mapping[str, Any], align: Align | None = None
    ) -> NDArray:
        recommended = int(info.get("layer", -1))
        return self._embedding().compute(
            self._encoder, groups, recommended, self.batch_size, self.net_.device, align
        )

    @property
    def _n_features_out(self) -> int:
        return len(self._column_names())

    def _column_names(self) -> list[str]:
        channels = self.ch_names_in_ or [f"channel{i}" for i in range(self.n_channels_in_)]
        prefix, width = type(self).__name__.lower(), self._encoder.embed_dim
        return self._embedding().column_names(prefix, width, channels)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Get the names of the features.

        Parameters
        ----------
        input_features : array of str, optional
            Checked against the names seen in fit; otherwise not used.

        Returns
        -------
        ndarray of str
            Tokens: the class name with a number for ``pooling="mean"`` and "cls", "Fpz_0", ...
            (regions) for "region", "C3_0", ... for "channel", "mean_0", "std_0", ... for
            "mean_std", "mean_0", "cls_0", ... for "mean_cls". Then spectra: "Fpz_log_std",
            "Fpz_1Hz", ... Then covariances: "1-4Hz_Fp1xFp1", ... for "bands", "Fp1xFp1",
            "Fp1xFp2", ... for True.

        Raises
        ------
        ValueError
            For ``pooling="none"``, whose result is not a table.
        """
        check_fitted(self)
        if self._embedding().is_unpooled:
            raise ValueError(
                "pooling='none' gives (n_epochs, n_channels, n_patches, D), not a table with "
                "named columns. Choose another pooling for get_feature_names_out and set_output."
            )
        plain = super().get_feature_names_out(input_features)
        return np.asarray(self._column_names(), dtype=plain.dtype)
