"""Recordings as a container that scikit-learn can index: whole, or cut into windows."""

from sk_brainrvq.recordings.aggregation import aggregate_by
from sk_brainrvq.recordings.recording_models import RecordingClassifier, RecordingRegressor
from sk_brainrvq.recordings.recordings import Recordings
from sk_brainrvq.recordings.recordings_source import RecordingsSource
from sk_brainrvq.recordings.window_table import window_table
from sk_brainrvq.signals.sources.registry import register

__all__ = [
    "RecordingClassifier",
    "RecordingRegressor",
    "Recordings",
    "RecordingsSource",
    "aggregate_by",
    "window_table",
]

# Anyone who has Recordings has imported this module, which registers them as a source of EEG.
register(RecordingsSource())
