"""A corpus as a source of EEG."""

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from sk_brainrvq.corpus.eeg_corpus import EEGCorpus
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.filters.settings import FilterSettings
from sk_brainrvq.signals.reading import Reading
from sk_brainrvq.signals.sources.source import ReadSettings, Source


class CorpusSource(Source):
    """``EEGCorpus``: already filtered and cut, and read batch by batch during training."""

    def accepts(self, X: Any) -> bool:
        """Whether X is a corpus."""
        return isinstance(X, EEGCorpus)

    def blocks(self, X: EEGCorpus, settings: ReadSettings) -> Iterator[EpochBlock]:
        """Yield the windows of the corpus; the window of the settings is ignored."""
        return X.blocks()

    def filters_of(self, X: EEGCorpus) -> list[FilterSettings | None]:
        """Return the filters that the corpus was built with."""
        return [X.filter_settings]

    def readings_of(self, X: EEGCorpus) -> list[Reading | None]:
        """Return how the recordings were read when the corpus was built."""
        return [X.reading]

    def subjects_of(self, X: EEGCorpus) -> NDArray:
        """Return the subject of each window."""
        return X.subjects

    def stored(self, X: EEGCorpus) -> EEGCorpus:
        """Return the corpus itself."""
        return X
