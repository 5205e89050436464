"""From channel names to rows of the position table."""

import json
import re
import subprocess
import sys
import warnings

import mne
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals import (
    ELECTRODE_NAMES,
    blocks_from_array,
    canonical_name,
    match_electrodes,
    prepare,
)
from sk_brainrvq.signals.electrodes import check_ch_names, electrode_report, electrode_rows

ROW = {name: i + 1 for i, name in enumerate(ELECTRODE_NAMES)}

DOUBTFUL = """
A1 A2 A3 B1 B32 C7 D1 H32 E1 E2 E65 E129 E257 E258 E999 0 16
""".split()  # noqa: SIM905


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
    assert {found.how for found in matches} == {"exact"}
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
    matches = [match("T3-T7"), match("Cz"), match("C3-C4")]
    weights = electrode_rows(matches)
    assert weights.sum(1).tolist() == [1, 1, 1]
    assert weights[0, ROW["T7"]] == 1


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


def test_match__trained_rows_given__untrained_electrode_is_interpolated_from_trained_ones():
    trained = [ROW["C3"], ROW["C4"]]
    matches = match_electrodes(["C3", "Cz", "C3-C4", "C3-Cz", "?"], 5, trained_rows=trained)
    assert [m.how for m in matches] == ["exact", "interpolated", "bipolar", "interpolated", "mean"]
    weights = electrode_rows(matches)
    assert not np.delete(weights, trained, axis=1).any()
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(weights[1, trained], [0.5, 0.5], atol=0.02)
    np.testing.assert_allclose(weights[3, trained], [0.75, 0.25], atol=0.02)
    assert weights[4, trained].tolist() == [0.5, 0.5]


def test_match__rows_that_an_interpolation_trained__give_the_same_mixture_again():
    """A checkpoint records the rows that a fit used, and later knows no others."""
    for kind in ("GSN-HydroCel-128", "biosemi128", "brainproducts-RNP-BA-128"):
        names = mne.channels.make_standard_montage(kind).ch_names
        before = match_electrodes(names, len(names))
        used = {row for found in before if found.has_position for row in found.rows}
        after = match_electrodes(names, len(names), trained_rows=used)
        np.testing.assert_allclose(electrode_rows(after), electrode_rows(before), atol=1e-6)


def test_match__only_pairs_trained__electrodes_get_the_mean_row():
    pair = ROW["FP1-F7"]
    assert match("FP1", trained_rows=[pair]).how == "mean"
    assert match("FP1-F7", trained_rows=[pair], official=True).rows == (pair,)


def test_match__no_row_trained_or_the_class_token_alone__every_row_is_available():
    for trained in ([], [0], None):
        assert match("C3", trained_rows=trained).rows == (ROW["C3"],)
        assert match("nowhere", trained_rows=trained).rows == tuple(range(1, 129))


@pytest.mark.parametrize("official", [False, True])
@pytest.mark.parametrize("pair", ["Fp1-F7", "T3-T5", "Fz_Cz", "C3/P4", "AFF1h-Oz", "E1-E9"])
def test_match__pair_in_both_orders__same_weights(pair, official):
    ends = re.split("[-_/]", pair)
    turned = f"{ends[1]}-{ends[0]}"
    names = [pair, turned, "E3"] if "E1" in pair else [pair, turned]
    first, second = match_electrodes(names, len(names), official=official)[:2]
    if official and pair == "Fp1-F7":
        assert first.rows == (ROW["FP1-F7"],), "published, and in this order alone"
        return
    assert first.how == second.how != "mean"
    weights = electrode_rows([first, second, match("Cz-Pz")])
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-7)


def test_report__as_table__pandas_takes_it_and_a_person_reads_it():
    import pandas

    matches = match_electrodes(["Cz", "T3-C3", "?"], 3)
    table = pandas.DataFrame(electrode_report(matches))
    assert list(table) == ["channel", "how", "electrodes", "rows", "weights", "note"]
    assert table.how.tolist() == ["exact", "bipolar", "mean"]
    assert table.electrodes[1] == ("T7", "C3")
    assert table.weights[1] == (0.5, 0.5)
    lines = str(electrode_report(matches)).splitlines()
    assert len(lines) == 4
    assert lines[2].split() == ["T3-C3", "bipolar", "0.50", "T7", "+", "0.50", "C3"]
    assert lines[3].endswith("mean of 128")


names = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            [
                *ELECTRODE_NAMES,
                *[
                    "A1",
                    "A2",
                    "A3",
                    "B1",
                    "B32",
                    "C7",
                    "D1",
                    "H32",
                    "E1",
                    "E2",
                    "E65",
                    "E129",
                    "E257",
                    "E258",
                    "E999",
                ],
            ]
        ),
        st.from_regex(r"(EEG |POL )?[A-HO-T]{1,2}[0-9z]{1,2}([-/_.](REF|LE|0|[A-F][0-9]))?"),
    ),
    min_size=1,
    max_size=12,
    unique=True,
)
coordinate = st.floats(allow_nan=True, allow_infinity=True)
place = st.one_of(
    st.none(),
    st.tuples(coordinate, coordinate, coordinate),
    st.tuples(*[st.floats(-0.12, 0.12)] * 3),
)


@given(
    names,
    st.one_of(st.none(), st.sets(st.integers(0, 128))),
    st.booleans(),
    st.lists(place, min_size=12, max_size=12),
)
@settings(max_examples=300, deadline=None)
def test_match__any_names_rows_and_places__weights_of_the_documented_form(
    ch_names, trained, official, places
):
    positions = dict(zip(ch_names, places, strict=False))
    matches = match_electrodes(
        ch_names, len(ch_names), trained_rows=trained, official=official, positions=positions
    )
    kinds = {"exact", "decorated", "renamed", "bipolar", "official", "interpolated", "mean"}
    allowed = {row for row in trained or () if row} or set(range(1, 129))
    assert [found.channel for found in matches] == ch_names
    for found in matches:
        assert found.how in kinds
        assert set(found.rows) <= allowed
        assert len(set(found.rows)) == len(found.rows) == len(found.weights)
        assert min(found.weights) > 0
        assert sum(found.weights) == pytest.approx(1)
    rows = electrode_rows(matches)
    if rows.ndim == 1:
        assert rows.dtype == np.int64
    else:
        assert rows.shape == (len(ch_names), 129)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows.sum(1), 1, rtol=1e-5)
        assert not rows[:, 0].any(), "row 0 belongs to the class token"


@given(st.lists(st.one_of(st.text(max_size=5), st.binary(max_size=5), st.none(), st.floats())))
def test_ch_names__anything_in_a_list__list_of_str_or_the_documented_error(given_names):
    try:
        checked = check_ch_names(given_names, 3)
    except InvalidEEGError:
        return
    assert len(set(checked)) == 3
    assert all(type(name) is str for name in checked)


def test_import__signals__leaves_mne_alone():
    script = (
        "import sys\nfrom sk_brainrvq.signals import match_electrodes\n"
        "match_electrodes(['Cz', 'EEG T3-REF', 'FP1-F7', 'A2-A1'], 4)\n"
        "sys.exit('mne' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


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


@pytest.mark.parametrize("n_channels", [1, 2])
def test_ch_names__a_string__error_gives_the_list_that_is_meant(n_channels):
    message = r"^ch_names='Cz' is a string; expected a list, \['Cz'\]\.$"
    with pytest.raises(InvalidEEGError, match=message):
        check_ch_names("Cz", n_channels)


def test_match__names_for_another_number_of_channels__error_gives_both():
    with pytest.raises(InvalidEEGError, match="for 3 channels"):
        match_electrodes(["C3", "C4"], 3)


@pytest.mark.parametrize("wrong", [3, 2.5])
def test_ch_names__no_sequence__error_says_what_came(wrong):
    with pytest.raises(
        InvalidEEGError, match=rf"list of channel names, got {type(wrong).__name__}"
    ):
        check_ch_names(wrong, 2)


def test_ch_names__bytes__are_read_as_text():
    assert check_ch_names(np.array([b"C3", b"C4"]), 2) == ["C3", "C4"]


def test_ch_names__numpy_array__gives_a_list_of_str():
    names = check_ch_names(np.array(["C3", "C4"]), 2)
    assert names == ["C3", "C4"]
    assert {type(name) for name in names} == {str}
