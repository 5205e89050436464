"""Recordings on disk, larger than memory: build, index, read, check."""

from sk_brainrvq.corpus.building import CorpusReport, build_corpus
from sk_brainrvq.corpus.corpus_patches import StoredPatches, is_stored, shuffled_rows
from sk_brainrvq.corpus.eeg_corpus import EEGCorpus
from sk_brainrvq.corpus.index import CorpusRecording

__all__ = [
    "CorpusRecording",
    "CorpusReport",
    "EEGCorpus",
    "StoredPatches",
    "build_corpus",
    "is_stored",
    "shuffled_rows",
]
