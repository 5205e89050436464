"""State before each example of the gallery: seeds, one look, no noise."""

import warnings
from typing import Any


def reset(_gallery_conf: dict[str, Any], _file: str) -> None:
    """Set what examples rely on; sphinx-gallery calls it before each."""
    import mne
    import numpy as np

    from sk_brainrvq.exceptions import EEGWarning

    np.random.seed(0)  # noqa: NPY002
    mne.set_log_level("error")
    warnings.simplefilter("ignore", EEGWarning)
    # Drawing goes to files, in whatever backend.
    warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive.*")
