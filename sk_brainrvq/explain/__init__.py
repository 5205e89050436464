"""Explain which seconds, channels and frequency bands influenced a decision."""

from sk_brainrvq.explain.bands import BANDS
from sk_brainrvq.explain.explanation import Explanation
from sk_brainrvq.explain.gradients import explain_gradients
from sk_brainrvq.explain.occlusion import explain_occlusion
from sk_brainrvq.explain.patterns import explain_pattern
from sk_brainrvq.explain.replaced_windows import ReplacedWindowsSource
from sk_brainrvq.signals.sources.registry import register

__all__ = [
    "BANDS",
    "Explanation",
    "explain_gradients",
    "explain_occlusion",
    "explain_pattern",
]

register(ReplacedWindowsSource())
