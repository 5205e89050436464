"""Recordings on disk, larger than memory: build, index, read, check."""

from sk_brainrvq.corpus.building import CorpusReport, build_corpus
from sk_brainrvq.corpus.corpus_patches import CorpusPatches
from sk_brainrvq.corpus.corpus_source import CorpusSource
from sk_brainrvq.corpus.eeg_corpus import EEGCorpus
from sk_brainrvq.corpus.index import CorpusRecording
from sk_brainrvq.signals.sources.registry import register

__all__ = [
    "CorpusPatches",
    "CorpusRecording",
    "CorpusReport",
    "EEGCorpus",
    "build_corpus",
]

# Any code that has an EEGCorpus has imported this package, so everything that reads EEG accepts it.
register(CorpusSource())
