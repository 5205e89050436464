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
    """``EEGCorpus``: filtered and cut already, and read batch by batch in training."""

    def accepts(self, X: Any) -> bool:
        """Whether X is a corpus."""
        return isinstance(X, EEGCorpus)

    def blocks(self, X: EEGCorpus, settings: ReadSettings) -> Iterator[EpochBlock]:
        """The windows of the corpus; those of the settings are ignored."""
        return X.blocks()

    def filters_of(self, X: EEGCorpus) -> list[FilterSettings | None]:
        """Filters that the corpus was built with."""
        return [X.filter_settings]

    def readings_of(self, X: EEGCorpus) -> list[Reading | None]:
        """How its recordings were read when it was built."""
        return [X.reading]

    def subjects_of(self, X: EEGCorpus) -> NDArray:
        """Subject of each window."""
        return X.subjects

    def stored(self, X: EEGCorpus) -> EEGCorpus:
        """The corpus itself."""
        return X
