"""Alignment of people's signals, and update of their centres, while a network trains."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.estimators._inputs.labels import LabelledEEG
from sk_brainrvq.estimators._people.alignment import Alignment
from sk_brainrvq.estimators._people.centers import Centers, Matrices
from sk_brainrvq.estimators._people.covariances import PeoplesMoments
from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.nn.heads.embedding_head import EmbeddingHead
from sk_brainrvq.nn.summaries import COVARIANCE_BANDS
from sk_brainrvq.training.batches import Batch, BatchesInOrder


def matrices_of(module: EncoderClassifier) -> Matrices:
    """Columns of each log-covariance in an embedding head's features; none for other heads."""
    head = module.head
    if not isinstance(head, EmbeddingHead):
        return ()
    n_matrices = len(COVARIANCE_BANDS) if head.bands else 1
    first = module.encoder.embed_dim + head.n_spectra
    size = (head.n_features - first) // n_matrices
    return tuple(slice(start, start + size) for start in range(first, head.n_features, size))


@dataclass
class AlignedPeople:
    """Whitens the signals of each person before a network is trained on them.

    Attributes
    ----------
    data : LabelledEEG
        Training data, with ``subjects``.
    held_out : LabelledEEG or None
        Validation data.
    calibration : LabelledEEG or None
        Windows that set the covariances and centres of their people, instead of the other windows.
    min_windows, batch_size : int
    device : str
    alignment : Alignment
        Alignment that :meth:`begin` learns from the training people.
    """

    data: LabelledEEG
    held_out: LabelledEEG | None
    calibration: LabelledEEG | None
    min_windows: int
    batch_size: int
    device: str
    alignment: Alignment = field(init=False)

    def begin(self, module: EncoderClassifier) -> tuple[LabelledEEG, LabelledEEG | None]:
        """Training and validation data as the network reads them."""
        moments = _moments_of(self.data)
        self.alignment = Alignment.learn(moments, self.min_windows)
        if self.calibration is not None:
            own = _moments_of(self.calibration)
            self.alignment.keep(own)
            self.alignment.keep(moments.of_people(moments.of.keys() - own.of.keys()))
        held_out = None if self.held_out is None else self._aligned(self.held_out)
        return self._aligned(self.data), held_out

    def learn(self, module: EncoderClassifier) -> Centers:
        """Centres of what the head sees; empty here, as it sees only tokens of aligned signals."""
        centers = Centers((), self.min_windows, np.empty(0))
        centers.kept = {person: np.empty(0) for person in self.alignment.kept}
        return centers

    def before_epoch(self, module: EncoderClassifier) -> None:
        """Do nothing: nothing moves."""

    def before_validation(self, module: EncoderClassifier) -> None:
        """Do nothing: nothing moves."""

    def _aligned(self, data: LabelledEEG) -> LabelledEEG:
        people = cast(NDArray, data.subjects)
        groups = self.alignment.aligned(data.prepared.groups, _moments_of(data), people)
        return replace(data, prepared=replace(data.prepared, groups=list(groups)))


@dataclass
class MovingCenters(AlignedPeople):
    """Shifts that put each person's centre at zero, updated as the network changes.

    An embedding head sees spectra and covariances of the unaligned signals, which are centred once.
    It also sees the network's mean token of the aligned signals, whose centre is computed again
    before each training epoch and each validation. In between the centre is constant, and no
    gradient flows through it.
    """

    _read: LabelledEEG = field(init=False)
    _read_held_out: LabelledEEG | None = field(init=False, default=None)
    _centers: Centers = field(init=False)

    def begin(self, module: EncoderClassifier) -> tuple[LabelledEEG, LabelledEEG | None]:
        """Training and validation data as the network reads them, with shifts of all features."""
        self._read, held_out = super().begin(module)
        centers = self.learn(module)
        self._read = self._shifted(module, self.data, self._read, centers)
        if self.held_out is not None and held_out is not None:
            self._read_held_out = self._shifted(module, self.held_out, held_out, centers)
        return self._read, self._read_held_out

    def learn(self, module: EncoderClassifier) -> Centers:
        """Centres of all features of the current network."""
        features, subjects = _of_epochs(self.data, self._features(module, self.data, self._read))
        centers = Centers.learn(features, subjects, matrices_of(module), self.min_windows)
        if self.calibration is not None:
            aligned = self._aligned(self.calibration)
            own = self._features(module, self.calibration, aligned)
            centers.keep(*_of_epochs(self.calibration, own))
            rest = np.array([person not in centers.kept for person in subjects], dtype=bool)
            if rest.any():
                centers.keep(features[rest], subjects[rest])
        return centers

    def before_epoch(self, module: EncoderClassifier) -> None:
        """Update the shifts of the mean token for the training data."""
        if module.encoder_is_frozen:
            return
        tokens = self._tokens(module, self._read)
        self._centers = Centers.learn(*_of_epochs(self._read, tokens), (), self.min_windows)
        self._renew(module, self._read, tokens)

    def before_validation(self, module: EncoderClassifier) -> None:
        """Update the shifts of the mean token for the validation data."""
        if self._read_held_out is not None and not module.encoder_is_frozen:
            tokens = self._tokens(module, self._read_held_out)
            self._renew(module, self._read_held_out, tokens)

    def _renew(self, module: EncoderClassifier, data: LabelledEEG, tokens: NDArray) -> None:
        if self.calibration is not None:
            own = self._tokens(module, self._aligned(self.calibration))
            self._centers.keep(*_of_epochs(self.calibration, own))
        shift = _centred(data, tokens, self._centers) - tokens
        for rows, shifts in zip(_rows_of_groups(data), data.shifts or (), strict=True):
            shifts[:, : shift.shape[1]] = shift[rows]

    def _shifted(
        self, module: EncoderClassifier, data: LabelledEEG, read: LabelledEEG, centers: Centers
    ) -> LabelledEEG:
        """Aligned data with the shifts that centre the network's features."""
        centred = _centred(data, self._features(module, data, read), centers)
        shift = (centred - self._features(module, read, read)).astype(np.float32)
        return read.with_shifts([shift[rows].copy() for rows in _rows_of_groups(data)])

    def _features(self, module: EncoderClassifier, data: LabelledEEG, read: LabelledEEG) -> NDArray:
        """Tokens of aligned segments and summaries of the unaligned ones, (n_segments, n)."""
        head = cast(EmbeddingHead, module.head)
        columns = [self._tokens(module, read)]
        for signals in (read, data):
            columns.append(self._results(module, signals, _reading(head.spectra_of_regions)))
        return np.hstack([*columns, self._results(module, data, _reading(head.log_covariances))])

    def _tokens(self, module: EncoderClassifier, read: LabelledEEG) -> NDArray:
        return self._results(module, read, _reading(module.mean_token))

    def _results(
        self, module: EncoderClassifier, data: LabelledEEG, function: Callable[[Batch], Tensor]
    ) -> NDArray:
        """Results of all segments, in float64."""
        dataset = data.dataset()
        parts: list[Tensor] = []
        was_training = module.training
        module.to(self.device).eval()
        with torch.inference_mode():
            for number, rows in BatchesInOrder(dataset, self.batch_size).batches:
                batch = dataset[number, rows][0].to(self.device)
                parts.append(function(batch).cpu().double())
        module.train(was_training)
        return torch.cat(parts).numpy()


def _reading(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Batch], Tensor]:
    return lambda batch: function(batch.x, batch.electrodes)


def _moments_of(data: LabelledEEG) -> PeoplesMoments:
    moments, people = PeoplesMoments(), cast(NDArray, data.subjects)
    for group in data.prepared.groups:
        moments.add(group, people[group.epoch])
    return moments


def _subjects_of(data: LabelledEEG) -> NDArray:
    """Subject of each segment."""
    subjects = cast(NDArray, data.subjects)
    return np.concatenate([subjects[group.epoch] for group in data.prepared.groups])


def _of_epochs(data: LabelledEEG, features: NDArray) -> tuple[NDArray, NDArray]:
    """Features of epochs, means over segments weighted by length, and the epochs' subjects.

    Prediction uses centres of epochs, and compares the number of epochs, not of segments, with
    ``min_windows``.
    """
    groups = data.prepared.groups
    epochs, number = np.unique(np.concatenate([g.epoch for g in groups]), return_inverse=True)
    length = np.concatenate([np.full(len(g.patches), float(g.n_patches)) for g in groups])
    sums = np.zeros((len(epochs), features.shape[1]))
    np.add.at(sums, number, features * length[:, None])
    return sums / np.bincount(number, length)[:, None], cast(NDArray, data.subjects)[epochs]


def _centred(data: LabelledEEG, features: NDArray, centers: Centers) -> NDArray:
    """Features of each segment relative to the centre of the person's epochs."""
    people = replace(centers)
    people.keep(*_of_epochs(data, features))
    known = replace(centers, kept={**people.kept, **centers.kept})
    return known.centred(features, _subjects_of(data))


def _rows_of_groups(data: LabelledEEG) -> list[slice]:
    ends = np.cumsum([0, *(len(group.patches) for group in data.prepared.groups)]).tolist()
    return [slice(first, last) for first, last in pairwise(ends)]
