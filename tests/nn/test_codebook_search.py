"""Nearest codes, k-means and the counts of a code: the mechanics below the quantizer."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from sk_brainrvq.nn import search as search_module
from sk_brainrvq.nn.quantizer import code_statistics, kmeans
from sk_brainrvq.nn.search import nearest_codes


def squared_distances(vectors, codewords):
    """Every distance in float64."""
    difference = vectors.double().numpy()[:, None] - codewords.double().numpy()[None]
    return (difference**2).sum(-1)


@pytest.fixture
def search():
    """Vectors, codewords, and for each vector the nearest by a naive float64 search."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(203, 6, generator=generator)
    codewords = torch.randn(37, 6, generator=generator)
    distances = squared_distances(vectors, codewords)
    two_best = np.sort(distances, 1)[:, :2]
    # Float32 may settle a tie either way: the test holds none.
    assert np.diff(two_best, axis=1).min() > 1e-5
    return vectors, codewords, torch.tensor(distances.argmin(1))


def test_nearest_codes__random_vectors__equal_naive_float64_search(search):
    vectors, codewords, expected = search
    assert torch.equal(nearest_codes(vectors, codewords), expected)


@pytest.mark.parametrize("elements", [1, 37, 5 * 37 + 1, 203 * 37])
def test_nearest_codes__search_in_chunks__codes_stay_equal(search, elements, monkeypatch):
    monkeypatch.setattr(search_module, "_SEARCH_ELEMENTS", elements)
    vectors, codewords, expected = search
    assert torch.equal(nearest_codes(vectors, codewords), expected)


def test_nearest_codes__codewords_of_unequal_norm__norms_count():
    # By the dot product alone the long codeword would always win.
    codewords = torch.tensor([[1.0, 0.0], [10.0, 0.0]])
    assert nearest_codes(torch.tensor([[1.2, 0.0], [9.0, 1.0]]), codewords).tolist() == [0, 1]


def test_nearest_codes__autocast_bfloat16__search_stays_float32(search):
    vectors, codewords, expected = search
    half = (codewords.bfloat16().square().sum(-1) / 2)[None] - vectors.bfloat16() @ (
        codewords.bfloat16().T
    )
    assert not torch.equal(half.argmin(-1), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(nearest_codes(vectors, codewords), expected)


def test_code_statistics__random_codes__equal_a_loop():
    vectors, codes = torch.randn(50, 3), torch.randint(7, (50,))
    counts, sums = code_statistics(vectors, codes, 9)
    for code in range(9):
        assert counts[code] == (codes == code).sum()
        torch.testing.assert_close(sums[code], vectors[codes == code].sum(0))


@pytest.fixture
def clusters():
    """400 vectors in eight tight groups far apart, and the group centres."""
    generator = torch.Generator().manual_seed(1)
    centres = 10 * torch.eye(8)
    vectors = centres.repeat(50, 1) + 0.01 * torch.randn(400, 8, generator=generator)
    return vectors, centres


def test_kmeans__separate_groups__finds_every_centre(clusters):
    vectors, centres = clusters
    torch.manual_seed(0)
    codewords = kmeans(vectors, 8)
    distances = squared_distances(centres, codewords)
    assert sorted(distances.argmin(1)) == list(range(8))
    assert distances.min(1).max() < 1e-3


def test_kmeans__unstructured_vectors__inertia_near_scikit_learns():
    generator = torch.Generator().manual_seed(2)
    vectors = torch.randn(500, 5, generator=generator)
    torch.manual_seed(0)
    inertia = squared_distances(vectors, kmeans(vectors, 40)).min(1).sum()
    # The same number of steps from the same kind of seeding.
    peer = KMeans(40, n_init=1, max_iter=5, random_state=0).fit(vectors.numpy())
    assert inertia < 1.1 * peer.inertia_


def test_kmeans__thoroughly__ends_where_further_steps_change_nothing():
    torch.manual_seed(0)
    vectors = torch.randn(300, 4)
    codewords = kmeans(vectors, 8, thoroughly=True)
    counts, sums = code_statistics(vectors, nearest_codes(vectors, codewords), 8)
    torch.testing.assert_close(sums / counts[:, None], codewords, rtol=0, atol=0)


def test_kmeans__more_codes_than_vectors__every_vector_is_a_codeword():
    vectors = torch.randn(5, 3)
    codewords = kmeans(vectors, 32)
    assert codewords.shape == (32, 3)
    assert codewords.isfinite().all()
    assert squared_distances(vectors, codewords).min(1).max() < 1e-10


def test_kmeans__identical_vectors__codewords_equal_them():
    codewords = kmeans(torch.full((20, 3), 0.5), 4)
    torch.testing.assert_close(codewords, torch.full((4, 3), 0.5))


def test_kmeans__many_more_vectors_than_needed__codewords_cover_the_data():
    torch.manual_seed(0)
    vectors = torch.randn(20_000, 2)
    codewords = kmeans(vectors, 4)
    # Four codes halve the error of one at least: the mean of a quadrant against the origin.
    assert (
        squared_distances(vectors, codewords).min(1).mean() < 0.5 * vectors.square().sum(1).mean()
    )
