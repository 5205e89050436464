"""Parameters in scikit-learn's HTML display."""

from sk_brainrvq.weights import Weights


class WeightsLabel:
    """Stands for weights in the HTML display, which truncates text after 30 characters."""

    def __init__(self, weights: Weights):
        name = weights.name if len(weights.name) <= 19 else f"{weights.name[:18]}…"
        self._text = f"{name} ({weights.digest[:8]})"

    def __repr__(self) -> str:
        return self._text
