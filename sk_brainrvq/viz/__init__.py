"""Draw what the models see, with matplotlib."""

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError("sk_brainrvq.viz needs matplotlib: pip install matplotlib") from error

from sk_brainrvq.viz.attention_plot import plot_attention
from sk_brainrvq.viz.codebook_usage_plot import plot_codebook_usage
from sk_brainrvq.viz.codes_plot import plot_codes
from sk_brainrvq.viz.codeword_plot import plot_codeword
from sk_brainrvq.viz.electrodes_plot import plot_electrodes
from sk_brainrvq.viz.embedding_plot import plot_embedding
from sk_brainrvq.viz.explanation_plot import plot_explanation
from sk_brainrvq.viz.importance_plot import plot_importance
from sk_brainrvq.viz.reconstruction_plot import plot_reconstruction
from sk_brainrvq.viz.training_plot import plot_training

__all__ = [
    "plot_attention",
    "plot_codebook_usage",
    "plot_codes",
    "plot_codeword",
    "plot_electrodes",
    "plot_embedding",
    "plot_explanation",
    "plot_importance",
    "plot_reconstruction",
    "plot_training",
]
