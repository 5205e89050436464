"""A dry run over a recording, which shows how an embedder would read it."""

from sk_brainrvq.inspection.inspecting import inspect_recording
from sk_brainrvq.inspection.recording_report import ChannelFacts, RecordingReport, RecordingReports

__all__ = ["ChannelFacts", "RecordingReport", "RecordingReports", "inspect_recording"]
