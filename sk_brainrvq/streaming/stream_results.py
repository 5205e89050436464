"""What comes out of a stream."""

from dataclasses import dataclass

from numpy.typing import NDArray


@dataclass(frozen=True)
class StreamResult:
    """Features, or a decision, of one window of a stream.

    Attributes
    ----------
    start, end : float
        Seconds of the stream between which the window lies: since its first sample or, where
        chunks come with timestamps, on their clock. The first sample of the window is at
        ``start``, the first sample after it would be at ``end``.
    values : ndarray
        Features of the window, shape (n_features,), or what the estimator decides: probabilities,
        shape (n_classes,), or a number.
    settled : bool
        Whether the window holds nothing of the filters' start. What does is best passed over.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.streaming import StreamResult
    >>> StreamResult(start=0.0, end=4.0, values=np.ones(2), settled=False)
    StreamResult(start=0.0, end=4.0, values=array([1., 1.]), settled=False)
    """

    start: float
    end: float
    values: NDArray
    settled: bool
