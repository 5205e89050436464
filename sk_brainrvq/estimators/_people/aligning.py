"""Base of estimators whose network reads each person's signals whitened."""

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from sk_brainrvq.estimators._people.alignment import Alignment
from sk_brainrvq.estimators._people.centering import PeopleCenteringMixin
from sk_brainrvq.estimators._people.covariances import PeoplesMoments
from sk_brainrvq.estimators._people.naming import HOW_TO_NAME, Names
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.signals import PatchGroup


class AligningMixin(PeopleCenteringMixin):
    """Covariances of people as fitted attributes, which whiten their signals."""

    # Mean covariance of the training people, in square microvolts, (n_channels, n_channels).
    covariance_: NDArray
    # Channels of the rows and columns of covariance_.
    covariance_channels_: list[str]
    # Covariances from calibration, by person, that replace those of the windows passed.
    subject_covariances_: dict[Any, NDArray]

    @property
    def _alignment(self) -> Alignment:
        channels = list(self.covariance_channels_)
        return Alignment(channels, self.covariance_, self.min_windows, self.subject_covariances_)

    def _hold_alignment(self, alignment: Alignment | None) -> None:
        for name in ("covariance_", "covariance_channels_", "subject_covariances_"):
            self.__dict__.pop(name, None)
        if alignment is not None:
            self.covariance_, self.covariance_channels_ = alignment.overall, alignment.channels
            self.subject_covariances_ = alignment.kept

    def _keep_people(
        self, features: NDArray, subjects: NDArray, *more: Any, how_to_name: str = HOW_TO_NAME
    ) -> None:
        super()._keep_people(features, subjects, how_to_name=how_to_name)
        moments: PeoplesMoments | None = more[0] if more else None
        if moments is not None:
            alignment = self._alignment
            alignment.keep(moments.of_people(subjects.tolist()))
            self._hold_alignment(alignment)

    def _check_covariances(self) -> None:
        """Raise CheckpointError if the covariances from a file contradict each other."""
        if not hasattr(self, "covariance_"):
            return
        n_channels = len(self.covariance_channels_)
        sizes = {own.shape for own in (self.covariance_, *self.subject_covariances_.values())}
        if sizes != {(n_channels, n_channels)}:
            raise CheckpointError(
                f"The covariances of people have the shapes {sorted(sizes)}, but there are "
                f"{n_channels} channels."
            )


def moments_of(groups: Iterable[PatchGroup], names: Names) -> tuple[PeoplesMoments, NDArray]:
    """How the channels of each person vary together, and the subject of each epoch.

    Parameters
    ----------
    groups : iterable of PatchGroup
    names : Names
        Collector of subjects that the blocks of the groups pass through.

    Returns
    -------
    moments : PeoplesMoments
    people : ndarray of object, shape (n_epochs,)
        Subjects; None if unknown.
    """
    moments, n_epochs = PeoplesMoments(), 0
    for group in groups:
        moments.add(group, names.of_epochs(group.epoch))
        n_epochs = max(n_epochs, 1 + int(group.epoch.max()))
    return moments, names.of(n_epochs)
