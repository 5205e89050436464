"""Windows and their properties as a table."""

from collections.abc import Mapping
from typing import Any

from sk_brainrvq.extras import how_to_install
from sk_brainrvq.recordings.recordings import Recordings


def window_table(
    X: Any,
    window: float = 10.0,
    overlap: float = 0.0,
    *,
    y: Any = None,
    subjects: Any = None,
    read_options: Mapping[str, Any] | None = None,
) -> Any:
    """Describe the rows of an estimator's result for a plain list of recordings.

    Parameters
    ----------
    X : mne.io.Raw, path, a list of these, or Recordings
    window, overlap : float
        Length and overlap in seconds, as in the estimator.
    y, subjects : array-like, shape (n_recordings,), optional
        As in :class:`Recordings`.
    read_options : mapping, optional
        As in the estimator's :class:`~sk_brainrvq.Reading`.

    Returns
    -------
    pandas.DataFrame
        ``Recordings(X, y, subjects, window, overlap).table``: one row per window, in the order of
        the estimator's rows.

    Raises
    ------
    ImportError
        If pandas is not installed.

    Examples
    --------
    >>> import mne, numpy as np
    >>> from sk_brainrvq import window_table
    >>> info = mne.create_info(["C3", "C4"], 200, "eeg")
    >>> raws = [mne.io.RawArray(np.zeros((2, 2400)), info, verbose=False) for _ in range(2)]
    >>> window_table(raws, window=5, y=["rest", "task"], subjects=["ada", "bob"])
       source  recording  start subject session label
    0  item 0          0    0.0     ada    None  rest
    1  item 0          0    5.0     ada    None  rest
    2  item 1          1    0.0     bob    None  task
    3  item 1          1    5.0     bob    None  task
    """
    if not isinstance(X, Recordings):
        return table_of(Recordings(X, y, subjects, window, overlap, read_options=read_options))
    return table_of(X.windows(window, overlap) if X.window is None else X)


def table_of(recordings: Recordings) -> Any:
    """The rows of recordings as a ``pandas.DataFrame``; see ``Recordings.table``."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            f"A table of the rows needs pandas: {how_to_install('table', 'pandas')}. Its columns "
            "are also attributes: sources, recording_of, starts, subjects, sessions, y."
        ) from error
    columns = {
        "source": recordings.sources,
        "recording": recordings.recording_of,
        "start": recordings.starts,
        "subject": recordings.known_subjects,
        "session": recordings.sessions,
    }
    table = pd.DataFrame(columns)
    if recordings.y is not None:
        y = recordings.y
        table["label"] = y if y.ndim == 1 else list(y)
    return table
