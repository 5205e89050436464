"""Labels of classes as a network trains on them."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from sk_brainrvq.estimators._inputs import labels as checks
from sk_brainrvq.estimators._inputs.labels import LabelledEEG


class ClassTargetsMixin:
    """Numbers of classes as targets; it reads ``class_weight`` and ``label_smoothing``."""

    class_weight: str | Mapping | None
    label_smoothing: float
    early_stopping: int | None
    criterion: str
    classes_: NDArray

    @property
    def _n_outputs(self) -> int:
        return len(self.classes_)

    def _encode_targets(
        self, y: Any, n_epochs: int, weight: NDArray | None, learns: bool
    ) -> NDArray:
        """Labels as numbers from 0; ``learns`` the classes from them."""
        known = None if learns else self.classes_
        numbers, self.classes_ = checks.encode_classes(y, n_epochs, known, type(self).__name__)
        return numbers

    def _loss_weight(self, targets: NDArray, weight: NDArray | None) -> NDArray | None:
        if self.class_weight is None:
            return weight
        of_class = checks.class_weights(self.class_weight, self.classes_, targets, weight)
        return of_class[targets] if weight is None else of_class[targets] * weight

    def _check_data(self, data: LabelledEEG) -> None:
        checks.check_two_classes(data, self.classes_)

    def _strata(self, data: LabelledEEG) -> NDArray | None:
        return data.targets

    def _check_validation_data(self, held_out: LabelledEEG | None) -> None:
        stops_by_auroc = self.early_stopping is not None and self.criterion == "auroc"
        if held_out is not None and stops_by_auroc:
            checks.check_auroc_of(held_out, self.classes_)

    def _net_settings(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing}
