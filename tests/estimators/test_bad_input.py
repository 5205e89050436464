"""EEG that cannot be used: a clear error or a stated result, in fit and afterwards."""

import re
import warnings
from functools import cache

import mne
import numpy as np
import pandas as pd
import pytest
from tiny import CH_NAMES, NAMES, apply, fit, fitted, make_eeg, make_labels, tiny

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError

every_estimator = pytest.mark.parametrize("name", NAMES)
every_stage = pytest.mark.parametrize("stage", ["fit", "apply"])


def hand_over(name, stage, X, **params):
    """Give X to a new estimator's fit, or to a fitted one."""
    if stage == "fit":
        estimator = tiny(name, **params)
        y = None if name != "classifier" else make_labels(max(len(X), 2))[: len(X)]
        return estimator.fit(X, y)
    return apply(fitted(name), X)


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
@every_stage
@every_estimator
def test_not_finite__fit_and_apply__names_first_epoch_and_channel(name, stage, value, word):
    X = make_eeg()
    X[3, 2, 17] = X[5, 0, 0] = value
    with pytest.raises(InvalidEEGError, match=f"{word}.*epoch 3, 'Cz', sample 17"):
        hand_over(name, stage, X)


@every_estimator
def test_not_finite__no_channel_names__numbers_the_channel(name):
    X = make_eeg()
    X[3, 2, 17] = np.nan
    with pytest.raises(InvalidEEGError, match="epoch 3, channel 2"):
        hand_over(name, "fit", X, ch_names=None)


@every_stage
@every_estimator
def test_absurd_amplitude__fit_and_apply__says_to_check_the_unit(name, stage):
    X = make_eeg()
    X[3, 2, 17] = 1e30
    with pytest.raises(InvalidEEGError, match=r"epoch 3, 'Cz'.*Check unit="):
        hand_over(name, stage, X)


@pytest.mark.parametrize("shape", [(0, 4, 600), (12, 0, 600), (12, 4, 0)])
@every_stage
@every_estimator
def test_empty__fit_and_apply__says_what_is_needed(name, stage, shape):
    message = "At least one epoch, one channel and one sample are needed"
    with pytest.raises(ValueError, match=message):
        hand_over(name, stage, np.empty(shape))


@pytest.mark.parametrize("shape", [(600,), (2, 3, 4, 50)])
@every_stage
@every_estimator
def test_wrong_ndim__fit_and_apply__says_the_expected_shape(name, stage, shape):
    message = r"(expects an array|expected) \(n_epochs, n_channels, n_times\)"
    with pytest.raises(ValueError, match=message):
        hand_over(name, stage, np.ones(shape))


@every_estimator
def test_2d_array__fitted_on_four_channels__says_what_is_expected(name):
    with pytest.raises(InvalidEEGError, match=r"fitted on 4 channels and expects \(n_epochs, 4"):
        apply(fitted(name), make_eeg()[:, 0])


@pytest.mark.parametrize("n_channels", [1, 3, 5])
@every_estimator
def test_other_channel_count__apply__names_both_counts(name, n_channels):
    with pytest.raises(InvalidEEGError, match=f"X has {n_channels} channels.*fitted on 4"):
        apply(fitted(name), make_eeg(n_channels=n_channels))


@every_estimator
def test_ch_names__too_few__says_how_many_for_how_many(name):
    with pytest.raises(InvalidEEGError, match=r"3 names \('Fp1'.*\) for 4 channels"):
        fit(tiny(name, ch_names=CH_NAMES[:3]), make_eeg())


@every_estimator
def test_ch_names__one_string__says_the_list_that_is_meant(name):
    with pytest.raises(InvalidEEGError, match=r"is a string; expected a list, \['Fp1C'\]"):
        fit(tiny(name, ch_names="Fp1C"), make_eeg())


@every_estimator
def test_ch_names__duplicates__names_them(name):
    with pytest.raises(InvalidEEGError, match="'C3' more than once"):
        fit(tiny(name, ch_names=["C3", "C3", "Cz", "O2"]), make_eeg())


@pytest.mark.parametrize("dtype", [str, object])
@every_stage
@every_estimator
def test_text__fit_and_apply__says_numbers_are_expected(name, stage, dtype):
    X = np.full((12, 4, 600), "rest", dtype=dtype)
    with pytest.raises(ValueError, match=r"text or objects.*numeric array"):
        hand_over(name, stage, X)


@every_stage
@every_estimator
def test_objects__fit_and_apply__says_numbers_are_expected(name, stage):
    X = np.empty((12, 4, 600), dtype=object)
    X[:] = [[[{}]]]
    with pytest.raises((ValueError, TypeError), match=r"text or objects.*numeric array"):
        hand_over(name, stage, X)


@every_stage
@every_estimator
def test_complex__fit_and_apply__is_refused(name, stage):
    with pytest.raises(ValueError, match=r"[Cc]omplex"):
        hand_over(name, stage, make_eeg() + 1j)


@every_estimator
def test_list_of_lengths__transform__a_row_for_each_epoch_in_order(name):
    if name == "tokenizer":
        return  # codes of epochs of different length do not fit one array
    X = [np.full((4, 600), 1.0) + make_eeg()[0], make_eeg()[1][:, :430], make_eeg()[2]]
    together = apply(fitted(name), X)
    alone = [apply(fitted(name), [x, x])[0] for x in X]
    np.testing.assert_array_equal(together, alone)


@every_stage
@every_estimator
def test_volts_as_microvolts__fit_and_apply__warns_what_to_set(name, stage):
    with pytest.warns(EEGWarning, match="looks like volts.*unit='V'"):
        hand_over(name, stage, make_eeg() * 1e-6)


@every_estimator
def test_volts__unit_given__same_result_as_microvolts_without_warning(name):
    X = make_eeg()
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        volts = fit(tiny(name, unit="V"), X * 1e-6)
        millivolts = fit(tiny(name, unit="mV"), X * 1e-3)
    for estimator, scale in ((volts, 1e-6), (millivolts, 1e-3)):
        result = apply(estimator, X * scale)
        if name == "tokenizer":
            # Rounding of the scaled signals may tip a code between two codewords.
            assert np.mean(result == apply(fitted(name), X)) > 0.9
        else:
            np.testing.assert_allclose(result, apply(fitted(name), X), atol=2e-2)


@every_estimator
def test_no_sfreq__array__taken_as_200_hz_with_one_warning(name):
    with pytest.warns(EEGWarning) as caught:
        estimator = fit(tiny(name, sfreq=None), make_eeg())
    assert sum("200 Hz is assumed" in str(w.message) for w in caught) == 1
    np.testing.assert_array_equal(apply(estimator, make_eeg()), apply(fitted(name), make_eeg()))


@every_estimator
def test_flat_channel__fit_and_apply__works_and_is_finite(name):
    X = make_eeg()
    X[:, 1] = 0
    X[:, 2] = 7.5
    estimator = fit(tiny(name), X)
    assert np.isfinite(apply(estimator, X)).all()
    if name == "tokenizer":
        assert np.isfinite(estimator.reconstruct(X)).all()
        np.testing.assert_allclose(estimator.reconstruct(X)[:, 1], 0, atol=0.1)
        assert np.isfinite(estimator.score(X))


@every_estimator
def test_all_zero_epoch__fit_and_apply__works_and_is_finite(name):
    X = make_eeg()
    X[4] = 0
    estimator = fit(tiny(name), X)
    assert np.isfinite(apply(estimator, X)).all()
    assert np.isfinite(apply(estimator, np.zeros((2, 4, 600)))).all()
    assert all(np.isfinite(row["train_loss"]) for row in getattr(estimator, "history_", []))


@every_estimator
def test_integers_and_float32__apply__as_float64(name):
    X = make_eeg().round()
    expected = apply(fitted(name), X)
    for dtype in (np.int16, np.int64, np.float32):
        np.testing.assert_array_equal(apply(fitted(name), X.astype(dtype)), expected)


@every_estimator
def test_x__fit_and_apply__is_left_as_it_was(name):
    X = make_eeg()
    before = X.copy()
    X.flags.writeable = False
    apply(fit(tiny(name), X), X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            make_labels(11),
            r"y has 11 labels, but X has 12 epochs.*recordings\.y, which has one label per window",
        ),
        (None, "requires y to be passed, but the target y is None"),
        (["rest"] * 12, re.escape("only one class ('rest')")),
        (np.linspace(0, 1, 12), "Unknown label type"),
        (np.ones((12, 2)), "1d array"),
        (["a", "b", np.nan] * 4, r"NaN or None for 4 of 12 epochs \(rows 2, 5, 8, 11\)"),
        (np.array(["a", "b", None] * 4), r"NaN or None for 4 of 12 epochs \(rows 2, 5, 8, 11\)"),
        (pd.Series(["a", "b", None] * 4, dtype="string"), "NaN or None for 4 of 12 epochs"),
        (np.array(["a", 1] * 6, dtype=object), "y mixes labels of the types int, str"),
    ],
)
def test_classifier__unusable_y__says_why(y, message):
    with pytest.raises(ValueError, match=message):
        tiny("classifier").fit(make_eeg(), y)


# Paths and recordings in what is no list

PATHS = ["sub-01_eeg.edf", "sub-02_eeg.edf"]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array(PATHS), r"a 1-D ndarray of text or objects; .*Pass a list: X\.tolist\(\)"),
        (np.array(PATHS, dtype=object), r"a 1-D ndarray of text or objects; .*X\.tolist\(\)"),
        (pd.Series(PATHS), r"a 1-D Series of text or objects; .*Pass a list: X\.tolist\(\)"),
        (pd.Index(PATHS), r"a 1-D Index of text or objects; .*Pass a list: X\.tolist\(\)"),
        (iter(PATHS), r"of type list_iterator; .*Pass a list: list\(X\)"),
        ((path for path in PATHS), r"of type generator; .*Pass a list: list\(X\)"),
        ([], "an empty list; .*Did a pattern of file names match nothing"),
        (set(PATHS), r"of type set; .*Pass a list: list\(X\)"),
        ({}.values(), r"of type dict_values; .*Pass a list: list\(X\)"),
        ({"train": 1, "test": 2}, r"of type dict, with keys 'train', 'test'; .*list\(X\.values"),
    ],
)
@every_stage
@every_estimator
def test_no_list__fit_and_apply__says_its_type_and_what_to_pass(name, stage, X, message):
    estimator = tiny(name, sfreq=None) if stage == "fit" else fitted_on_epochs(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)  # nothing of a rate comes first
        with pytest.raises(InvalidEEGError, match=message):
            fit_or_apply(estimator, stage, X)


def fit_or_apply(estimator, stage, X):
    return estimator.fit(X, make_labels()) if stage == "fit" else apply(estimator, X)


@cache
def fitted_on_epochs(name):
    """Fitted on what has a rate of its own: arrays would be told that they need one."""
    info = mne.create_info(CH_NAMES, 200, "eeg")
    epochs = mne.EpochsArray(make_eeg() * 1e-6, info, verbose="error")
    return fit(tiny(name, sfreq=None, ch_names=None), epochs)


def test_numbers_in_a_column__still_told_to_reshape():
    for X in (np.ones(600), pd.Series(np.ones(600)), np.ones(600, dtype=object)):
        with pytest.raises(InvalidEEGError, match=r"1 dimension; .*Reshape your data"):
            tiny("embedder").fit(X)
