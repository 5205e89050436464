"""Arrays after a fit on EEG that knows its own rate."""

import mne
import numpy as np
import pytest
from tiny import CH_NAMES, make_eeg, tiny

from sk_brainrvq.exceptions import InvalidEEGError


@pytest.fixture(scope="module")
def epochs():
    info = mne.create_info(CH_NAMES, 500.0, "eeg")
    return mne.EpochsArray(make_eeg(n_times=1500) * 1e-6, info, verbose=False)


@pytest.mark.parametrize("name", ["embedder", "tokenizer", "classifier"])
def test_array__after_epochs_of_500_hz__is_refused_without_a_rate(name, epochs):
    estimator = tiny(name, sfreq=None).fit(epochs, [0, 1] * 6)
    apply = estimator.predict if name == "classifier" else estimator.transform
    with pytest.raises(InvalidEEGError, match=r"no sampling rate.*Pass sfreq="):
        apply(epochs.get_data())


def test_array__after_epochs_with_a_rate__gives_the_features_of_the_epochs(epochs):
    estimator = tiny("embedder", sfreq=500, unit="V").fit(epochs)
    from_array = estimator.transform(epochs.get_data())
    np.testing.assert_allclose(from_array, estimator.transform(epochs), rtol=1e-4, atol=1e-5)
