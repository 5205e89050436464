"""Random crops of the training EEG, so that no window is ever seen twice."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from torch import Tensor

from sk_brainrvq.signals.preparation import MAX_PATCHES, PATCH_SAMPLES

# Amplifiers and caps differ by less; beyond it crops would be noise or zero.
LARGEST_GAIN_DB = 20


@dataclass(frozen=True)
class Crop:
    """Crops of a batch: one length and one set of channels for all, a separate start for each.

    Attributes
    ----------
    n_patches : int
        Length of a crop in seconds.
    starts : ndarray of int, shape (n_rows, n_crops)
        First sample of each crop of each row of the whole batch.
    channels : ndarray of int
        Indices of the channels kept, in order.
    whitened : bool
        Whether to cut crops from each person's whitened signals.
    reference : ndarray of int or None
        Indices of the channels whose mean is subtracted from all channels.
    gains : ndarray, shape (n_rows, n_crops), or None
        Factor for each crop.
    """

    n_patches: int
    starts: NDArray
    channels: NDArray
    whitened: bool = False
    reference: NDArray | None = None
    gains: NDArray | None = None

    def cut(self, signals: Tensor, rows: slice) -> Tensor:
        """Crops of some rows of the whole batch.

        Parameters
        ----------
        signals : Tensor, shape (n_rows, n_channels, n_times)
        rows : slice
            Which rows of the whole batch they are.

        Returns
        -------
        Tensor, shape (n_rows * n_crops, n_kept, n_patches * 200)
        """
        kept = signals[:, torch.from_numpy(self.channels)]
        if self.reference is not None:
            kept = kept - signals[:, torch.from_numpy(self.reference)].mean(1, keepdim=True)
        n_times = self.n_patches * PATCH_SAMPLES
        crops = torch.stack(
            [
                signal[:, start : start + n_times]
                for signal, starts in zip(kept, self.starts[rows].tolist(), strict=True)
                for start in starts
            ]
        )
        if self.gains is not None:
            crops = crops * torch.from_numpy(self.gains[rows]).to(crops).reshape(-1, 1, 1)
        return crops


class RandomCrops(BaseEstimator):
    """Train on random crops of X, for ``crops=`` of the estimators that learn without labels.

    Networks memorise fixed windows. Random crops replace them: each batch gets a random length
    and a random subset of the channels, and each crop starts at a random sample. Crops are taken
    from within the epochs of X (longer ones are first cut into epochs of at most 30 s), so pass
    long epochs, such as recordings with ``window=30``. The shorter the crops, the more are taken,
    so that batches stay about the same size.

    Parameters
    ----------
    shortest, longest : int, default=1 and 30
        Range of crop lengths in seconds. Lengths are drawn log-uniformly, so that short crops are
        trained as well as long ones.
    channel_dropout : float, default=0.5
        Share of batches that lose channels.
    fewest_channels : int, default=1
        Smallest number of channels that such a batch keeps; the number is drawn uniformly.
    whitened : float, default=0.0
        Share of batches whose crops are cut from whitened signals: each person's channels are
        made uncorrelated, as :class:`BrainRVQEmbedder` does with ``center_by="subject"``. ``fit``
        then needs to know whose each epoch is: from its ``groups``, or from X if it is an
        :class:`EEGCorpus`, :class:`Recordings`, files, or mne.Epochs with a column "subject" in
        their metadata. The covariance of a person with fewer than 10 epochs is shrunk towards the
        mean of all.
    referenced : float, default=0.0
        Share of the batches without whitening that get another reference: the mean of all
        channels or, as often, one of them, which is then left out, even if ``fewest_channels``
        are kept. Whitened crops have no reference. Leave it at 0 for bipolar channels, which
        have none either.
    gain_db : float, default=0.0
        Standard deviation in decibels of a random gain, drawn for each crop from a normal
        distribution: with 6, a third of the crops become more than twice as large or less than
        half as large. Whitened crops have a common scale and stay as they are.

    Examples
    --------
    >>> from sk_brainrvq import BrainRVQPretrainer, RandomCrops
    >>> pretrainer = BrainRVQPretrainer(crops=RandomCrops(longest=10), window=30)
    >>> pretrainer.set_params(crops__channel_dropout=0.0).crops
    RandomCrops(channel_dropout=0.0, longest=10)
    """

    def __init__(
        self,
        shortest: int = 1,
        longest: int = 30,
        *,
        channel_dropout: float = 0.5,
        fewest_channels: int = 1,
        whitened: float = 0.0,
        referenced: float = 0.0,
        gain_db: float = 0.0,
    ):
        self.shortest = shortest
        self.longest = longest
        self.channel_dropout = channel_dropout
        self.fewest_channels = fewest_channels
        self.whitened = whitened
        self.referenced = referenced
        self.gain_db = gain_db

    def check(self) -> None:
        """Raise ValueError for invalid settings."""
        for name in ("shortest", "longest", "fewest_channels"):
            value: Any = getattr(self, name)
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            if not (whole and value >= 1):
                raise ValueError(f"{name}={value!r} was given; expected a number of 1 or more.")
        if not self.shortest <= self.longest <= MAX_PATCHES:
            raise ValueError(
                f"shortest={self.shortest} and longest={self.longest} were given; expected seconds "
                f"from 1 to {MAX_PATCHES}, the shortest first."
            )
        for name in ("channel_dropout", "whitened", "referenced"):
            share: Any = getattr(self, name)
            if not (isinstance(share, Real) and 0 <= float(share) <= 1):
                raise ValueError(f"{name}={share!r} was given; expected a share from 0 to 1.")
        gain: Any = self.gain_db
        if not (isinstance(gain, Real) and 0 <= float(gain) <= LARGEST_GAIN_DB):
            raise ValueError(
                f"gain_db={gain!r} was given; expected a standard deviation in decibels, from 0 to "
                f"{LARGEST_GAIN_DB}, such as 6."
            )

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Crop:
        """Draw the crops of a batch.

        Parameters
        ----------
        shape : tuple
            (n_rows, n_channels, n_patches) of the whole batch.
        generator : numpy.random.Generator

        Returns
        -------
        Crop
        """
        n_rows, n_channels, n_available = shape
        longest = min(self.longest, n_available)
        shortest = min(self.shortest, longest)
        # A length of l whole seconds stands for draws from log(l) to log(l + 1).
        length = np.exp(generator.uniform(np.log(shortest), np.log(longest + 1)))
        n_patches = int(np.clip(length, shortest, longest))
        last = (n_available - n_patches) * PATCH_SAMPLES
        starts = generator.integers(last + 1, size=(n_rows, n_available // n_patches))
        n_kept = n_channels
        if generator.random() < self.channel_dropout:
            n_kept = int(generator.integers(min(self.fewest_channels, n_channels), n_channels + 1))
        channels = np.sort(generator.permutation(n_channels)[:n_kept])
        if bool(self.whitened) and generator.random() < self.whitened:
            return Crop(n_patches, starts, channels, whitened=True)
        reference = gains = None
        if self.referenced and generator.random() < self.referenced:
            channels, reference = _referenced(channels, n_channels, generator)
        if self.gain_db:
            gains = 10 ** (generator.normal(scale=self.gain_db, size=starts.shape) / 20)
        return Crop(n_patches, starts, channels, False, reference, gains)


def _referenced(
    channels: NDArray, n_channels: int, generator: np.random.Generator
) -> tuple[NDArray, NDArray | None]:
    """Draw a reference among all channels; return the channels that remain, and the reference."""
    one = int(generator.integers(n_channels))
    of_mean = generator.random() < 0.5
    if n_channels == 1:
        return channels, None  # its own reference would leave nothing
    if of_mean:
        return channels, np.arange(n_channels)
    others = channels[channels != one]
    return (others, np.array([one])) if len(others) else (channels, None)


def checked_crops(crops: Any) -> RandomCrops | None:
    """Check the crops that a user gave."""
    if crops is None:
        return None
    if not isinstance(crops, RandomCrops):
        raise ValueError(
            f"crops={crops!r} was given; expected sk_brainrvq.RandomCrops(...) or None."
        )
    crops.check()
    return crops
