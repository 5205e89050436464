"""Results of a stream."""

from dataclasses import dataclass

from numpy.typing import NDArray


@dataclass(frozen=True)
class StreamResult:
    """Features, or a decision, of one window of a stream.

    Attributes
    ----------
    start, end : float
        Start and end of the window in seconds, since the first sample of the stream or, if chunks
        have timestamps, on their clock. The first sample of the window is at ``start``; the first
        sample after it would be at ``end``.
    values : ndarray
        Features of the window, shape (n_features,), or a decision: probabilities, shape
        (n_classes,), or a number.
    settled : bool
        Whether the filters had settled before the window. Results that are not settled are best
        ignored.

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
