"""Features and decisions from EEG as it comes in, chunk by chunk."""

from sk_brainrvq.signals.sources.registry import register
from sk_brainrvq.streaming.stream_results import StreamResult
from sk_brainrvq.streaming.stream_windows import StreamSource
from sk_brainrvq.streaming.streaming_embedder import StreamingEmbedder

__all__ = ["StreamResult", "StreamingEmbedder"]

# Windows of a stream reach an estimator like any other container.
register(StreamSource())
