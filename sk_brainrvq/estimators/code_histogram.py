"""CodeHistogram: counts of codes as features."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_array,
    validate_data,
)

from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.user_warnings import warn

_DOMAIN_NAMES = ("time", "frequency")


class CodeHistogram(TransformerMixin, BaseEstimator):
    """Count how often each code occurs in an epoch.

    Parameters
    ----------
    codebook_size : int, optional
        Number of codes per level. By default one more than the largest code in fit; larger codes in
        later data are then left out, with a warning. With a given size they are an error.
    per_channel : bool, default=False
        Count each channel separately, which keeps the topography (5-D codes only).
    sparse_output : bool, default=True
        False gives an array, which pandas output and histogram gradient boosting need.

    Attributes
    ----------
    codebook_size_ : int
        Number of codes per level.
    code_shape_ : tuple of int
        (n_channels, 2, n_quantizers) of 5-D codes; empty for 2-D codes.
    n_features_in_ : int
        Positions of 2-D codes, channels of 5-D codes.

    See Also
    --------
    DDRVQTransformer : Makes the codes.

    Notes
    -----
    This is the bag of words of natural language processing, with codes as words.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq import CodeHistogram
    >>> counts = CodeHistogram().fit_transform(np.array([[0, 2, 2], [1, 1, 1]]))
    >>> counts.toarray()
    array([[1., 0., 2.],
           [0., 3., 0.]])
    """

    def __init__(
        self,
        codebook_size: int | None = None,
        *,
        per_channel: bool = False,
        sparse_output: bool = True,
    ):
        self.codebook_size = codebook_size
        self.per_channel = per_channel
        self.sparse_output = sparse_output

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        tags.input_tags.three_d_array = False
        tags.transformer_tags.preserves_dtype = []  # counts are float64 whatever comes in
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the shape of the codes and, unless given, the size of the codebook.

        Parameters
        ----------
        X : ndarray of int
            Codes (n_epochs, n_channels, n_patches, 2, n_quantizers), or non-negative integers
            (n_epochs, n_positions).
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds negative numbers or numbers that are not integers, or has another shape.
        """
        codes = self._check(X, reset=True)
        if self.codebook_size is None:
            self.codebook_size_ = int(codes.max()) + 1
        else:
            size = self.codebook_size
            if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
                raise ValueError(
                    f"codebook_size={size!r} was given; expected an integer of at least 1."
                )
            self.codebook_size_ = int(size)
            self._check_range(codes)
        return self

    def transform(self, X: Any) -> csr_matrix | NDArray:
        """Count codes.

        Parameters
        ----------
        X : ndarray of int
            As in :meth:`fit`; the number of patches of 5-D codes may differ.

        Returns
        -------
        csr_matrix or ndarray, shape (n_epochs, n_features), float64
            n_features is ``codebook_size_`` for 2-D codes, and 2 * n_quantizers *
            ``codebook_size_`` (times n_channels with ``per_channel``) for 5-D codes.
        """
        check_fitted(self)
        codes = self._check(X, reset=False)
        self._check_range(codes)
        columns = codes.astype(np.int64)
        known = codes < self.codebook_size_
        if self.code_shape_:
            columns = columns + self._offsets() * self.codebook_size_
        rows = np.broadcast_to(
            np.arange(len(codes)).reshape(-1, *[1] * (codes.ndim - 1)), codes.shape
        )
        shape = (len(codes), self._n_blocks() * self.codebook_size_)
        ones = np.ones(np.count_nonzero(known))
        # Building from coordinates adds up duplicates, which does the counting.
        counts = csr_matrix((ones, (rows[known], columns[known])), shape=shape)
        return counts if self.sparse_output else counts.toarray()

    def _n_blocks(self) -> int:
        if not self.code_shape_:
            return 1
        n_channels, n_domains, n_levels = self.code_shape_
        return n_domains * n_levels * (n_channels if self.per_channel else 1)

    def _offsets(self) -> NDArray:
        """Block of columns of each (channel, patch, domain, level)."""
        n_channels, n_domains, n_levels = self.code_shape_
        blocks = np.arange(n_domains * n_levels).reshape(1, 1, 1, n_domains, n_levels)
        if not self.per_channel:
            return blocks
        channels = np.arange(n_channels).reshape(1, -1, 1, 1, 1)
        return channels * n_domains * n_levels + blocks

    def _check(self, X: Any, reset: bool) -> NDArray:
        """Codes as an array of non-negative integers, 2-D or 5-D."""
        if (X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim) <= 2:
            codes = validate_data(self, X, reset=reset)
            shape: tuple[int, ...] = ()
        else:
            codes = check_array(X, allow_nd=True)
            if codes.ndim != 5 or codes.shape[3] != 2:
                raise ValueError(
                    f"X has shape {codes.shape}; expected codes (n_epochs, n_channels, n_patches, "
                    "2, n_quantizers) of DDRVQTransformer, or integers (n_epochs, n_positions)."
                )
            shape = (codes.shape[1], codes.shape[3], codes.shape[4])
            if reset:
                self.n_features_in_ = codes.shape[1]
        if reset:
            self.code_shape_ = shape
        elif shape != self.code_shape_:
            raise ValueError(
                f"X has (n_channels, 2, n_quantizers) = {shape or 'none, as it is 2-D'}; "
                f"{type(self).__name__} was fitted on {self.code_shape_ or '2-D codes'}."
            )
        if codes.size and codes.min() < 0:
            raise ValueError(
                f"Negative values in data passed to {type(self).__name__}: codes are 0 or more."
            )
        if codes.dtype.kind == "f" and not np.array_equal(codes, np.floor(codes)):
            raise ValueError(
                f"X holds numbers that are not integers, but {type(self).__name__} counts codes. "
                "Use DDRVQTransformer to turn EEG into codes first."
            )
        return codes

    def _check_range(self, codes: NDArray) -> None:
        largest = codes.max()
        if largest < self.codebook_size_:
            return
        if self.codebook_size is not None:
            raise ValueError(
                f"X holds code {largest:.0f}, but codebook_size={self.codebook_size}: codes run "
                f"from 0 to {self.codebook_size - 1}."
            )
        warn(
            f"Codes of {self.codebook_size_} and above did not occur in fit and are not counted. "
            "Pass codebook_size=... to count them.",
            UserWarning,
        )

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Get the names of the features.

        Parameters
        ----------
        input_features : array of str, optional
            Checked against the names seen in fit; otherwise not used.

        Returns
        -------
        ndarray of str
            "code_7" for 2-D codes, "time_level1_code_7" for 5-D codes, prefixed with the number of
            the channel if each channel is counted separately.
        """
        check_fitted(self)
        if not self.code_shape_:
            _check_feature_names_in(self, input_features, generate_names=False)
            blocks = [""]
        else:
            n_channels, _, n_levels = self.code_shape_
            blocks = [f"{d}_level{i + 1}_" for d in _DOMAIN_NAMES for i in range(n_levels)]
            if self.per_channel:
                blocks = [f"channel{c}_{block}" for c in range(n_channels) for block in blocks]
        names = [f"{b}code_{code}" for b in blocks for code in range(self.codebook_size_)]
        return np.asarray(names, dtype=object)
