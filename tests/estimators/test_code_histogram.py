"""Counts of codes against a naive loop, and codes that cannot be counted."""

import numpy as np
import pytest
from scipy.sparse import isspmatrix_csr
from sklearn.pipeline import make_pipeline
from tiny import make_eeg, tiny

from sk_brainrvq import CodeHistogram


def make_codes(n_epochs=6, n_channels=3, n_patches=4, n_levels=2, size=5, seed=0):
    shape = (n_epochs, n_channels, n_patches, 2, n_levels)
    codes = np.random.default_rng(seed).integers(size, size=shape)
    codes.flat[0] = size - 1
    return codes.astype(np.int32)


def naive_counts(codes, size):
    """A dictionary of counts per epoch, keyed by (channel, domain, level, code)."""
    n_epochs, n_channels, n_patches, n_domains, n_levels = codes.shape
    counts = np.zeros((n_epochs, n_channels, n_domains, n_levels, size))
    for epoch in range(n_epochs):
        for channel in range(n_channels):
            for patch in range(n_patches):
                for domain in range(n_domains):
                    for level in range(n_levels):
                        code = codes[epoch, channel, patch, domain, level]
                        counts[epoch, channel, domain, level, code] += 1
    return counts


def test_transform__2d_codes__counts_per_epoch():
    codes = np.random.default_rng(0).integers(7, size=(10, 20))
    histogram = CodeHistogram().fit(codes)
    counts = histogram.transform(codes)
    assert isspmatrix_csr(counts)
    assert counts.dtype == np.float64
    expected = [
        [list(row).count(code) for code in range(histogram.codebook_size_)] for row in codes
    ]
    np.testing.assert_array_equal(counts.toarray(), expected)


def test_transform__5d_codes__counts_per_domain_and_level():
    codes = make_codes()
    counts = CodeHistogram().fit_transform(codes)
    expected = naive_counts(codes, 5).sum(1).reshape(len(codes), -1)
    np.testing.assert_array_equal(counts.toarray(), expected)


def test_transform__per_channel__counts_of_each_channel():
    codes = make_codes()
    counts = CodeHistogram(per_channel=True).fit_transform(codes)
    expected = naive_counts(codes, 5).reshape(len(codes), -1)
    np.testing.assert_array_equal(counts.toarray(), expected)


def test_transform__given_codebook_size__columns_for_all_codes():
    counts = CodeHistogram(codebook_size=9).fit_transform(make_codes())
    assert counts.shape == (6, 2 * 2 * 9)
    np.testing.assert_array_equal(
        counts.toarray(), naive_counts(make_codes(), 9).sum(1).reshape(6, -1)
    )


def test_transform__other_number_of_patches__works():
    histogram = CodeHistogram().fit(make_codes())
    longer = make_codes(n_patches=11, seed=1)
    np.testing.assert_array_equal(
        histogram.transform(longer).toarray(), naive_counts(longer, 5).sum(1).reshape(6, -1)
    )


@pytest.mark.parametrize("per_channel", [False, True])
def test_feature_names__5d_codes__name_the_columns(per_channel):
    codes = make_codes()
    histogram = CodeHistogram(per_channel=per_channel).fit(codes)
    counts = histogram.transform(codes).toarray()
    names = histogram.get_feature_names_out()
    assert len(set(names)) == len(names) == counts.shape[1]
    column = dict(zip(names, counts.T, strict=True))
    naive = naive_counts(codes, 5)
    for channel in range(3):
        for domain, domain_name in enumerate(["time", "frequency"]):
            for level in range(2):
                for code in range(5):
                    name = f"{domain_name}_level{level + 1}_code_{code}"
                    expected = naive[:, :, domain, level, code].sum(1)
                    if per_channel:
                        name = f"channel{channel}_{name}"
                        expected = naive[:, channel, domain, level, code]
                    np.testing.assert_array_equal(column[name], expected)


def test_feature_names__2d_codes__name_the_codes():
    histogram = CodeHistogram().fit(np.array([[0, 2], [1, 1]]))
    assert histogram.get_feature_names_out().tolist() == ["code_0", "code_1", "code_2"]


def test_fit__integers_as_floats__are_counted():
    codes = make_codes()
    counts = CodeHistogram().fit_transform(codes.astype(float))
    np.testing.assert_array_equal(counts.toarray(), CodeHistogram().fit_transform(codes).toarray())


@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 2, 2, 2)])
def test_fit__negative__says_so(shape):
    codes = np.ones(shape, int)
    codes.flat[5] = -1
    with pytest.raises(ValueError, match=r"Negative values.*codes are 0 or more"):
        CodeHistogram().fit(codes)


@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 2, 2, 2)])
def test_fit__not_integers__says_so(shape):
    codes = np.ones(shape)
    codes.flat[5] = 0.5
    with pytest.raises(ValueError, match=r"not integers.*counts codes"):
        CodeHistogram().fit(codes)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_fit__not_finite__says_so(value):
    codes = np.ones((4, 6))
    codes[1, 2] = value
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        CodeHistogram().fit(codes)


@pytest.mark.parametrize("shape", [(4, 6, 2), (4, 3, 2, 2), (4, 3, 2, 3, 2)])
def test_fit__another_shape__says_the_expected(shape):
    with pytest.raises(
        ValueError, match=r"expected codes .n_epochs, n_channels, n_patches, 2, n_q"
    ):
        CodeHistogram().fit(np.ones(shape, int))


@pytest.mark.parametrize(
    "other", [{"n_channels": 2}, {"n_levels": 3}], ids=["channels", "quantizers"]
)
def test_transform__other_channels_or_levels_than_fit__names_both(other):
    histogram = CodeHistogram().fit(make_codes())
    with pytest.raises(ValueError, match=r"fitted on \(3, 2, 2\)"):
        histogram.transform(make_codes(**other))


def test_transform__2d_after_5d__says_what_was_fitted():
    histogram = CodeHistogram().fit(make_codes())
    with pytest.raises(ValueError, match=r"2-D'?.*fitted on \(3, 2, 2\)|expecting 3 features"):
        histogram.transform(np.ones((4, 6), int))


def test_transform__5d_after_2d__says_what_was_fitted():
    histogram = CodeHistogram().fit(np.ones((4, 6), int))
    with pytest.raises(ValueError, match="fitted on 2-D codes"):
        histogram.transform(make_codes())


def test_fit__code_above_given_size__is_an_error():
    with pytest.raises(ValueError, match="code 4, but codebook_size=4: codes run from 0 to 3"):
        CodeHistogram(codebook_size=4).fit(make_codes())


def test_transform__code_above_given_size__is_an_error():
    histogram = CodeHistogram(codebook_size=5).fit(make_codes())
    with pytest.raises(ValueError, match="code 5, but codebook_size=5"):
        histogram.transform(make_codes(size=6))


@pytest.mark.parametrize("per_channel", [False, True])
def test_transform__code_above_fitted_size__warns_and_is_not_counted(per_channel):
    histogram = CodeHistogram(per_channel=per_channel).fit(make_codes(size=4))
    codes = make_codes(size=6)
    with pytest.warns(UserWarning, match="Codes of 4 and above did not occur in fit"):
        counts = histogram.transform(codes).toarray()
    expected = naive_counts(codes, 6)[..., :4]
    expected = expected if per_channel else expected.sum(1)
    np.testing.assert_array_equal(counts, expected.reshape(6, -1))


def test_per_channel__2d_codes__changes_nothing():
    codes = np.random.default_rng(0).integers(7, size=(10, 20))
    counts = CodeHistogram(per_channel=True).fit_transform(codes)
    np.testing.assert_array_equal(counts.toarray(), CodeHistogram().fit_transform(codes).toarray())


def test_sparse_output__false__is_the_same_counts_as_an_array():
    codes = np.random.default_rng(0).integers(0, 5, size=(6, 2, 3, 2, 3))
    dense = CodeHistogram(sparse_output=False).fit_transform(codes)
    assert isinstance(dense, np.ndarray)
    np.testing.assert_array_equal(dense, CodeHistogram().fit_transform(codes).toarray())


def test_set_output__pipeline_from_eeg__gives_a_table_of_named_counts():
    pipeline = make_pipeline(tiny("tokenizer"), CodeHistogram(16, sparse_output=False))
    table = pipeline.set_output(transform="pandas").fit_transform(make_eeg())
    assert table.shape == (12, 2 * 3 * 16)
    assert table.columns[0] == "time_level1_code_0"
    # Every code of every domain and level is counted once.
    assert (table.sum(axis=1) == 4 * 3 * 2 * 3).all()


def test_codebook_size__of_one_code__counts_all():
    counts = CodeHistogram(codebook_size=1).fit_transform(np.zeros((2, 3), int))
    np.testing.assert_array_equal(counts.toarray(), [[3], [3]])
