"""From channel names to rows of the position table."""

import json
import warnings

import mne
import numpy as np
import pytest

from sk_brainrvq.signals import (
    ELECTRODE_NAMES,
    EEGWarning,
    InvalidEEGError,
    blocks_from_array,
    canonical_name,
    match_electrodes,
    prepare,
)
from sk_brainrvq.signals.electrodes import check_ch_names, electrode_rows

ROW = {name: i + 1 for i, name in enumerate(ELECTRODE_NAMES)}


def match(name, **settings):
    return match_electrodes([name], 1, **settings)[0]


def test_names__published_vocabulary__equal_in_order(reference_folder):
    published = json.loads((reference_folder / "electrode_vocabulary.json").read_text())
    assert list(ELECTRODE_NAMES) == published


def test_rows__published_position_index__agree(reference_folder):
    with np.load(reference_folder / "tokenizer.npz") as archive:
        names, rows = archive["channel_names"].tolist(), archive["position_index"][1:]
    matches = match_electrodes(names, len(names))
    np.testing.assert_array_equal(electrode_rows(matches), rows)
    assert electrode_rows(matches).dtype == np.int64


def test_rows__every_name_of_the_vocabulary__official_row_is_its_place_or_a_mixture():
    for name, match_ in zip(
        ELECTRODE_NAMES, match_electrodes(ELECTRODE_NAMES, 136, official=True), strict=True
    ):
        if ROW[name] < 129:
            assert match_.rows == (ROW[name],), name
        else:  # the last eight pairs have no row
            first, second = name.split("-")
            assert match_.rows == (ROW[first], ROW[second]), name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("T3", "T7"),
        ("T4", "T8"),
        ("T5", "P7"),
        ("t6", "P8"),
        ("Fp1", "FP1"),
        ("EEG FP1-REF", "FP1"),
        ("EEG Fp1", "FP1"),
        ("EEG T3-LE", "T7"),
        ("FP1-LE", "FP1"),
        ("Cz-Ref", "CZ"),
        ("Fc5.", "FC5"),
        ("Fp1.", "FP1"),
        ("C3..", "C3"),
        (" Oz ", "OZ"),
        ("FTT9h", "FTT9H"),
        ("EEG A2-A1", "A2-A1"),
        ("FP1-F7", "FP1-F7"),
        ("T3-T5", "T7-P7"),
        ("EEG FP1 - F7", "FP1-F7"),
    ],
)
def test_canonical_name__names_of_common_files__are_read(given, expected):
    assert canonical_name(given) == expected


def test_match__montage_of_mne__every_name_has_a_row_of_its_own():
    names = mne.channels.make_standard_montage("biosemi64").ch_names
    matches = match_electrodes(names, 64)
    assert {found.how for found in matches} == {"electrode"}
    assert len({found.rows for found in matches}) == 64


def test_match__old_names__have_the_rows_of_the_new_ones():
    for old, new in (("T3", "T7"), ("T4", "T8"), ("T5", "P7"), ("T6", "P8")):
        assert match(old).rows == match(new).rows == (ROW[new],)


@pytest.mark.parametrize(
    ("name", "ends"), [("FP1-F7", ("FP1", "F7")), ("T3-T5", ("T7", "P7")), ("A2-A1", ("A2", "A1"))]
)
def test_match__bipolar_pair__is_the_mean_of_two_rows(name, ends):
    found = match(name)
    assert found.how == "bipolar"
    weights = electrode_rows([found])
    assert weights.shape == (1, 129)
    assert weights.dtype == np.float32
    expected = np.zeros(129)
    expected[[ROW[end] for end in ends]] = 0.5
    np.testing.assert_array_equal(weights[0], expected)


def test_match__pair_of_one_electrode_under_two_names__weights_still_sum_to_one():
    assert electrode_rows([match("T3-T7"), match("Cz")]).sum(1).tolist() == [1, 1]


def test_rows__plain_and_mixed_channels__one_hot_rows_and_sums_of_one():
    matches = match_electrodes(["Cz", "FP1-F7", "nowhere"], 3)
    weights = electrode_rows(matches)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    assert weights[0, ROW["CZ"]] == 1
    assert weights[2, 0] == 0, "row 0 belongs to the class token"
    np.testing.assert_allclose(weights[2, 1:], 1 / 128)


def test_match__official__keeps_the_published_rows():
    assert match("T3", official=True).rows == (ROW["T3"],)
    assert match("T5", official=True).rows == (ROW["T5"],)
    assert match("EEG FP1-F7", official=True).rows == (ROW["FP1-F7"],)
    assert match("FP1-F3", official=True).rows == (ROW["FP1"], ROW["F3"])
    assert match("nowhere", official=True).how == "mean"


def test_match__trained_rows_given__untrained_electrode_counts_as_absent():
    trained = [ROW["C3"], ROW["C4"]]
    matches = match_electrodes(["C3", "Cz", "C3-C4", "C3-Cz"], 4, trained_rows=trained)
    assert [m.how for m in matches] == ["electrode", "mean", "bipolar", "mean"]
    weights = electrode_rows(matches)
    for channel in (1, 2, 3):
        assert weights[channel, trained].tolist() == [0.5, 0.5]
    np.testing.assert_allclose(weights.sum(1), 1)


def recorded(names, n_channels, **settings):
    """Warnings about EEG while preparing random epochs."""
    rng = np.random.default_rng(0)
    blocks = blocks_from_array(rng.normal(size=(2, n_channels, 400)) * 20, 200, names, "uV")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        prepare(blocks, **settings)
    return [str(w.message) for w in caught if issubclass(w.category, EEGWarning)]


def test_warning__known_names__none():
    assert recorded(["T3", "Fp1-F7"], 2) == []


def test_warning__unknown_names__one_that_lists_them_alone():
    (message,) = recorded(["C3", "Blink", "X99"], 3)
    assert "'Blink', 'X99'" in message
    assert "C3" not in message


def test_warning__no_names__one_for_all_channels():
    (message,) = recorded(None, 5)
    assert "No channel names were given" in message
    assert "ch_names=" in message


def test_warning__switched_off__none():
    assert recorded(None, 3, warn=False) == []


def test_ch_names__wrong_number__error_gives_both():
    with pytest.raises(InvalidEEGError, match=r"2 names \('C3', 'C4'\) for 3 channels"):
        check_ch_names(["C3", "C4"], 3)


def test_ch_names__duplicates__error_lists_them():
    with pytest.raises(InvalidEEGError, match="holds 'C3' more than once"):
        check_ch_names(["C3", "C4", "C3"], 3)


def test_ch_names__a_string__is_no_list_of_names():
    with pytest.raises(InvalidEEGError, match="give one name a channel"):
        check_ch_names("Cz", 2)


def test_ch_names__numpy_array__gives_a_list_of_str():
    names = check_ch_names(np.array(["C3", "C4"]), 2)
    assert names == ["C3", "C4"]
    assert {type(name) for name in names} == {str}
