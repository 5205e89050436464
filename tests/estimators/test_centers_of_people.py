"""The centre of a person's covariances, where they are ill-conditioned."""

import numpy as np
import pytest
from pyriemann.geometry.base import expm, invsqrtm, logm
from pyriemann.geometry.tangentspace import unupper, upper

from sk_brainrvq.estimators._people.centers import center_of


@pytest.mark.filterwarnings("error")
def test_center_of__covariances_of_condition_1e7__riemannian_mean_without_a_warning():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        axes = np.linalg.qr(rng.normal(size=(19, 19)))[0]
        log_mean = axes @ np.diag(np.linspace(0, -16, 19)) @ axes.T
        noise = 0.4 * rng.normal(size=(20, 19, 19))
        logs = log_mean + (noise + noise.swapaxes(1, 2)) / 2
        features = upper(logs).astype(np.float32)
        center = center_of(features, (slice(0, 190),))
        whitening = invsqrtm(expm(unupper(center[None]))[0])
        whitened = whitening @ expm(unupper(features.astype(np.float64))) @ whitening
        assert np.linalg.norm(logm(whitened).mean(axis=0)) < 1e-5
