"""All sources of EEG, and the choice of one for a given X."""

from collections.abc import Iterator
from typing import Any

from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.sources.arrays import ArraySource
from sk_brainrvq.signals.sources.braindecode_datasets import BraindecodeSource
from sk_brainrvq.signals.sources.channels import warn_of_left_out
from sk_brainrvq.signals.sources.lists import ListSource
from sk_brainrvq.signals.sources.mne_epochs import EpochsSource
from sk_brainrvq.signals.sources.mne_raws import RawSource
from sk_brainrvq.signals.sources.recording_files import FileSource
from sk_brainrvq.signals.sources.source import ReadSettings, Source

_ARRAYS = ArraySource()
# Asked in turn, arrays first: they are the most frequent and the quickest to recognise.
_sources: tuple[Source, ...] = (
    _ARRAYS,
    FileSource(),
    EpochsSource(),
    RawSource(),
    BraindecodeSource(),
)


def register(source: Source) -> None:
    """Let every estimator read one more kind of container, also within lists.

    Parameters
    ----------
    source : Source
        Source to add; it is asked after arrays and before the other sources.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.signals import ReadSettings, Source, blocks_from_array, read_blocks
    >>> from sk_brainrvq.signals.sources.registry import register, unregister
    >>> class Study:
    ...     signals = np.ones((5, 2, 250))
    >>> class StudySource(Source):
    ...     def accepts(self, X):
    ...         return isinstance(X, Study)
    ...     def blocks(self, X, settings):
    ...         return blocks_from_array(X.signals, 250.0, ["C3", "C4"], "uV")
    >>> source = StudySource()
    >>> register(source)
    >>> [block.index.tolist() for block in read_blocks([Study(), Study()], ReadSettings())]
    [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    >>> unregister(source)
    """
    global _sources
    _sources = (_ARRAYS, source, *_sources[1:])


def unregister(source: Source) -> None:
    """Undo :func:`register`.

    Parameters
    ----------
    source : Source
        The object that was registered.
    """
    global _sources
    _sources = tuple(known for known in _sources if known is not source)


def _source_of_item(X: Any) -> Source | None:
    return next((source for source in _sources if source.accepts(X)), None)


_LISTS = ListSource(_source_of_item, otherwise=_ARRAYS)


def source_of(X: Any) -> Source:
    """Find the source that reads X.

    Parameters
    ----------
    X : object

    Returns
    -------
    Source
        The source of arrays if no other accepts X: it makes an array of it, or explains why not.
    """
    source = _source_of_item(X)
    if source is not None:
        return source
    return _LISTS if _LISTS.accepts(X) else _ARRAYS


def read_blocks(X: Any, settings: ReadSettings) -> Iterator[EpochBlock]:
    """Yield blocks of X, each read when requested.

    Parameters
    ----------
    X : array, mne.Epochs, mne.io.Raw, path, EEGCorpus, braindecode dataset, or a list of these
    settings : ReadSettings
        A corpus has already been filtered and cut: it keeps its own windows.

    Yields
    ------
    EpochBlock
        ``index`` numbers the epochs in the caller's order. In a list of files, only one is read
        ahead.

    Raises
    ------
    InvalidEEGError
        If something cannot be read; for a list the message names the item.
    """
    yield from warn_of_left_out(source_of(X).blocks(X, settings))
