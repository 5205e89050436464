"""Decoding of codes to EEG, for the tokenizer's estimator."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.estimators._bases.eeg import EEGEstimator
from sk_brainrvq.estimators._inputs.array_checks import check_codes, is_2d_array
from sk_brainrvq.estimators._outputs import codes as coding
from sk_brainrvq.estimators._outputs.pooling import join_segments
from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.signals.electrodes import match_electrodes
from sk_brainrvq.signals.patches import with_every_channel
from sk_brainrvq.signals.preparation import restore_signals
from sk_brainrvq.training import run_batches


class CodeDecoding(EEGEstimator):
    """Decoding and scoring of codes, for an estimator that holds a tokenizer."""

    def inverse_transform(self, X: Any, *, n_levels: int | None = None) -> NDArray:
        """Decode codes to standardised waveforms.

        Parameters
        ----------
        X : ndarray, shape (n_epochs, n_channels, n_patches, 2, n_quantizers)
            Codes from :meth:`transform`, for the channels of fit.
        n_levels : int, optional
            Number of levels to use; all by default.

        Returns
        -------
        ndarray, shape (n_epochs, n_channels, n_patches, 200), float32
            Mean 0 and standard deviation 1 in each patch, at 200 Hz.
        """
        check_fitted(self)
        module = self.net_.module_
        codes = check_codes(X, self.n_channels_in_, list(module.quantizers))
        matches = match_electrodes(
            self.ch_names_in_,
            self.n_channels_in_,
            **self._matching(self._info),
            positions=getattr(self, "_positions_in", None),  # earlier versions saved none
        )
        return coding.decode_codes(module, codes, matches, n_levels, self.batch_size)

    def reconstruct(self, X: Any, *, n_levels: int | None = None, domain: str = "time") -> NDArray:
        """Encode and decode EEG; seconds join smoothly where they do in X.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; several recordings need the same montage, rate and length.
        n_levels : int, optional
            Number of levels to use; all by default.
        domain : {"time", "both"}, default="time"
            "time" takes the waveform from the time codes, and the mean and standard deviation of
            each second from X. "both" takes the standard deviation from the frequency codes, so
            that only the mean comes from X; it needs ``targets="extended"``.

        Returns
        -------
        ndarray, shape (n_epochs, n_channels, n_times), float32
            In microvolts. Arrays and Epochs keep their rate and shape (Epochs: only good EEG
            channels); recordings and corpora come back as windows at 200 Hz.

        Raises
        ------
        InvalidEEGError
            If X mixes montages, rates or lengths, which do not fit into one array.
        ValueError
            For an unknown ``domain``, or one that the codes do not hold.
        """
        check_fitted(self)
        coding.check_domain(domain, self.net_.module_)
        blocks = list(self._blocks(X, self._info))
        coding.check_alike(blocks)

        rebuild = partial(coding.rebuilt, self.net_.module_, n_levels, domain)
        read = self._patches(blocks, self._info, fixed_by=coding.FIXED_BY)
        groups = with_every_channel(read)
        patches = join_segments(run_batches(rebuild, groups, self.batch_size, self.net_.device))
        signals = restore_signals(
            coding.without_steps(patches), blocks[0].sfreq, blocks[0].data.shape[-1]
        )
        return signals[:, 0] if is_2d_array(X) else signals

    def score(self, X: Any, y: Any = None, *, n_levels: int | None = None) -> float:
        """Compute the explained variance of the standardised waveform.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`.
        y : None
            Ignored.
        n_levels : int, optional
            Number of levels to use; all by default.

        Returns
        -------
        float
            1 minus squared error over variance, over all patches; predicting the mean of each patch
            gives 0. For flat signals, 1 if they are reconstructed exactly and 0 otherwise.
        """
        check_fitted(self)

        errors = partial(coding.squared_errors, self.net_.module_, n_levels)
        groups = self._read(X, self._info)
        results = run_batches(errors, groups, self.batch_size, self.net_.device)
        error, variance = np.sum([r.double().sum(0).numpy() for _, r in results], axis=0)
        return float(1 - error / variance) if variance > 0 else float(error == 0)
