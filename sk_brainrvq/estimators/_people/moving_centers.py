"""Centres of people in the features of a network that is being trained."""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.estimators._inputs.labels import LabelledEEG
from sk_brainrvq.estimators._people.centers import Centers, Matrices
from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.nn.embedding_head import EmbeddingHead
from sk_brainrvq.nn.summaries import COVARIANCE_BANDS
from sk_brainrvq.training.batches import BatchesInOrder


def matrices_of(module: EncoderClassifier) -> Matrices:
    """Columns of an embedding head's features that are a log-covariance each."""
    head = cast(EmbeddingHead, module.head)
    n_matrices = len(COVARIANCE_BANDS) if head.bands else 1
    first = module.encoder.embed_dim + head.n_spectra
    size = (head.n_features - first) // n_matrices
    return tuple(slice(start, start + size) for start in range(first, head.n_features, size))


@dataclass
class MovingCenters:
    """Shifts that put each person's centre at zero, renewed as the network moves it.

    Spectra and covariances are functions of the signal, and are centred once. The mean token is
    the network's: its centre is found anew before each training epoch and each validation, and is
    a constant in between, through which no gradient flows.

    Attributes
    ----------
    data : LabelledEEG
        To be trained on, with ``subjects``; :meth:`begin` gives it shifts.
    held_out : LabelledEEG or None
        To validate on.
    calibration : LabelledEEG or None
        Windows of people whose centres they are, in place of those of the other windows.
    min_windows, batch_size : int
    device : str
    """

    data: LabelledEEG
    held_out: LabelledEEG | None
    calibration: LabelledEEG | None
    min_windows: int
    batch_size: int
    device: str
    _centers: Centers = field(init=False)

    def begin(self, module: EncoderClassifier) -> tuple[LabelledEEG, LabelledEEG | None]:
        """Training and validation data with shifts of all features."""
        centers = self.learn(module)
        parts = [_shifted(self.data, self._features(module, self.data), centers)]
        if self.held_out is not None:
            features = self._features(module, self.held_out)
            parts.append(_shifted(self.held_out, features, centers))
        self.data, self.held_out = parts[0], parts[1] if self.held_out is not None else None
        return self.data, self.held_out

    def learn(self, module: EncoderClassifier) -> Centers:
        """Centres by all features of the network as it is now."""
        features = self._features(module, self.data)
        matrices = matrices_of(module)
        features, subjects = _of_epochs(self.data, features)
        centers = Centers.learn(features, subjects, matrices, self.min_windows)
        if self.calibration is not None:
            own = self._features(module, self.calibration)
            centers.keep(*_of_epochs(self.calibration, own))
            rest = np.array([person not in centers.kept for person in subjects], dtype=bool)
            if rest.any():
                centers.keep(features[rest], subjects[rest])
        return centers

    def before_epoch(self, module: EncoderClassifier) -> None:
        """Renew the shifts of the mean token of the training data."""
        if module.encoder_is_frozen:
            return
        tokens = self._features(module, self.data, tokens_only=True)
        epochs = _of_epochs(self.data, tokens)
        self._centers = Centers.learn(*epochs, (), self.min_windows)
        self._renew(module, self.data, tokens)

    def before_validation(self, module: EncoderClassifier) -> None:
        """Renew the shifts of the mean token of the validation data."""
        if self.held_out is not None and not module.encoder_is_frozen:
            tokens = self._features(module, self.held_out, tokens_only=True)
            self._renew(module, self.held_out, tokens)

    def _renew(self, module: EncoderClassifier, data: LabelledEEG, tokens: NDArray) -> None:
        if self.calibration is not None:
            own = self._features(module, self.calibration, tokens_only=True)
            self._centers.keep(*_of_epochs(self.calibration, own))
        shift = _shift(data, tokens, self._centers)
        for rows, shifts in zip(_rows_of_groups(data), data.shifts or (), strict=True):
            shifts[:, : shift.shape[1]] = shift[rows]

    def _features(
        self, module: EncoderClassifier, data: LabelledEEG, tokens_only: bool = False
    ) -> NDArray:
        """Features of all segments, (n_segments, n_features) or (n_segments, D), in float64."""
        dataset = data.dataset()
        parts: list[Tensor] = []
        was_training = module.training
        module.to(self.device).eval()
        with torch.inference_mode():
            for number, rows in BatchesInOrder(dataset, self.batch_size).batches:
                batch = dataset[number, rows][0].to(self.device)
                features_of = module.mean_token if tokens_only else module.features
                parts.append(features_of(batch.x, batch.electrodes).cpu().double())
        module.train(was_training)
        return torch.cat(parts).numpy()


def _subjects_of(data: LabelledEEG) -> NDArray:
    """Subject of each segment."""
    subjects = cast(NDArray, data.subjects)
    return np.concatenate([subjects[group.epoch] for group in data.prepared.groups])


def _of_epochs(data: LabelledEEG, features: NDArray) -> tuple[NDArray, NDArray]:
    """Features of epochs, means over segments weighted by length, and the epochs' subjects.

    Prediction has centres of epochs, and counts these, not segments, against ``min_windows``.
    """
    groups = data.prepared.groups
    epochs, number = np.unique(np.concatenate([g.epoch for g in groups]), return_inverse=True)
    length = np.concatenate([np.full(len(g.patches), float(g.n_patches)) for g in groups])
    sums = np.zeros((len(epochs), features.shape[1]))
    np.add.at(sums, number, features * length[:, None])
    return sums / np.bincount(number, length)[:, None], cast(NDArray, data.subjects)[epochs]


def _shift(data: LabelledEEG, features: NDArray, centers: Centers) -> NDArray:
    """What is added to the features of each segment, by the centres of epochs."""
    people = replace(centers)
    people.keep(*_of_epochs(data, features))
    known = replace(centers, kept={**people.kept, **centers.kept})
    return known.centred(features, _subjects_of(data)) - features


def _rows_of_groups(data: LabelledEEG) -> list[slice]:
    ends = np.cumsum([0, *(len(group.patches) for group in data.prepared.groups)]).tolist()
    return [slice(first, last) for first, last in pairwise(ends)]


def _shifted(data: LabelledEEG, features: NDArray, centers: Centers) -> LabelledEEG:
    shift = _shift(data, features, centers).astype(np.float32)
    return data.with_shifts([shift[rows].copy() for rows in _rows_of_groups(data)])
