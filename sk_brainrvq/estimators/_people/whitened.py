"""Whitened copies of training EEG, for networks that learn without labels."""

from dataclasses import replace

from numpy.typing import NDArray

from sk_brainrvq.estimators._people.alignment import Alignment
from sk_brainrvq.estimators._people.covariances import PeoplesMoments
from sk_brainrvq.signals import PreparedEEG

# As by default in the estimators that center people.
_MIN_WINDOWS = 10


def whitened(prepared: PreparedEEG, people: NDArray) -> PreparedEEG:
    """The same epochs with each person's signals whitened, computed as they are read.

    Parameters
    ----------
    prepared : PreparedEEG
    people : ndarray, shape (n_epochs,)
        Subject of each epoch.

    Returns
    -------
    PreparedEEG
    """
    moments = PeoplesMoments()
    for group in prepared.groups:
        moments.add(group, people[group.epoch])
    alignment = Alignment.learn(moments, _MIN_WINDOWS)
    groups = [
        replace(group, patches=alignment.aligned_patches(group, moments, people))
        for group in prepared.groups
    ]
    return replace(prepared, groups=groups)
