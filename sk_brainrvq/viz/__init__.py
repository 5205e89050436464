"""Pictures of what the models see (extra ``viz``: matplotlib)."""

from sk_brainrvq.viz.importance import plot_importance
from sk_brainrvq.viz.reconstruction import plot_reconstruction

__all__ = ["plot_importance", "plot_reconstruction"]
