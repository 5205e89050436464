"""Spectra and covariances of signals, against scipy and the NumPy version of places."""

import numpy as np
import pytest
import scipy.linalg
import torch

from sk_brainrvq.nn.heads.embedding_head import EmbeddingHead, channel_weights
from sk_brainrvq.nn.summaries import (
    band_covariances,
    covariances,
    log_covariances,
    place_logarithms,
    spectra,
)
from sk_brainrvq.signals.electrodes.regions import REGIONS, log_interest_table, place_weights


def test_log_covariances__random_matrices__logarithm_by_scipy():
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(5, 6, 40))
    matrices = factors @ factors.transpose(0, 2, 1) / 40
    rows = log_covariances(torch.from_numpy(matrices)).numpy()
    upper, right = np.triu_indices(6)
    for matrix, row in zip(matrices, rows, strict=True):
        ridge = 1e-3 * np.trace(matrix) / 6 + 1e-8
        logarithm = scipy.linalg.logm(matrix + ridge * np.eye(6))
        expected = logarithm[upper, right] * np.where(upper == right, 1, np.sqrt(2))
        np.testing.assert_allclose(row, expected, atol=1e-9)
        # Euclidean lengths of rows are Frobenius norms of matrices.
        assert np.linalg.norm(row) == pytest.approx(np.linalg.norm(logarithm))


def test_covariances__identity_weights__those_of_numpy():
    x = torch.randn(2, 3, 4, 200, generator=torch.Generator().manual_seed(0))
    found = covariances(x, torch.eye(3))
    for epoch, matrix in zip(x.double().numpy(), found, strict=True):
        centred = (epoch - epoch.mean(-1, keepdims=True)).reshape(3, -1)
        np.testing.assert_allclose(matrix, centred @ centred.T / 800, atol=1e-5)


def test_spectra__sine_of_ten_hertz__largest_at_ten():
    t = torch.arange(200) / 200
    columns = spectra(torch.sin(2 * torch.pi * 10 * t) / 5)
    assert columns.shape == (46,)
    assert int(columns[1:].argmax()) + 1 == 10


@pytest.mark.parametrize("mixed", [False, True])
def test_channel_weights__rows_and_mixtures__as_computed_in_float64(mixed):
    rows = np.array([1, 40, 82, 120])
    electrodes = rows
    if mixed:
        electrodes = np.zeros((4, 129), np.float32)
        electrodes[np.arange(4), rows] = 0.75
        electrodes[np.arange(4), rows - 1] = 0.25
    table = torch.from_numpy(log_interest_table(REGIONS, 30.0))
    found = channel_weights(table, torch.from_numpy(electrodes))
    expected = place_weights(electrodes, REGIONS, 30.0)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)


def test_embedding_head__untold_places__every_channel_alike():
    head = EmbeddingHead(100, 2)
    x = torch.randn(2, 3, 4, 200, generator=torch.Generator().manual_seed(0))
    summaries = head.summaries(x, torch.tensor([1, 2, 3]))
    mean = spectra(x).mean((1, 2))
    torch.testing.assert_close(summaries[:, :46], mean)
    assert summaries.shape == (2, head.n_features - 100)


def test_embedding_head__bands__those_of_the_signal():
    x = torch.randn(2, 3, 4, 200, generator=torch.Generator().manual_seed(0))
    electrodes = torch.tensor([1, 40, 82])
    found = EmbeddingHead(100, 2, bands=True).summaries(x, electrodes)
    expected = band_covariances(x.double(), torch.full((3, 19), 1 / 3, dtype=torch.double))
    logarithms = [log_covariances(expected[:, band]) for band in range(5)]
    torch.testing.assert_close(found[:, -950:], torch.cat(logarithms, 1).float())


def test_log_covariances__of_fewer_signals__those_at_places_by_scipy():
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(4), 7).T
    for few in (weights, np.concatenate([weights[:3] / 2, weights[:1] / 2])):  # two as one
        signals = rng.normal(size=(5, 4, 40))
        matrices = signals @ signals.transpose(0, 2, 1) / 40
        rows = log_covariances(torch.from_numpy(matrices), torch.from_numpy(few)).numpy()
        upper, right = np.triu_indices(7)
        for matrix, row in zip(few.T @ matrices @ few, rows, strict=True):
            ridge = 1e-3 * np.trace(matrix) / 7 + 1e-8
            logarithm = scipy.linalg.logm(matrix + ridge * np.eye(7))
            expected = logarithm[upper, right] * np.where(upper == right, 1, np.sqrt(2))
            np.testing.assert_allclose(row, expected, atol=1e-9)


@pytest.mark.parametrize("by_band", [True, False])
def test_place_logarithms__fewer_channels_than_places__those_of_the_mixed_signals(by_band):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 200, generator=generator).double()
    weights = torch.rand(3, 19, generator=generator).double()
    mixed = torch.einsum("bcpt,cr->brpt", x, weights)
    expected = place_logarithms(mixed, torch.eye(19).double(), by_band)
    torch.testing.assert_close(place_logarithms(x, weights, by_band), expected)
