"""The user's word on what channels are: ``electrode_map`` and positions that cannot be used."""

import numpy as np
import pytest

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals import ELECTRODE_NAMES, match_electrodes
from sk_brainrvq.signals.electrodes import electrode_rows

ROW = {name: i + 1 for i, name in enumerate(ELECTRODE_NAMES)}


def match(name, **settings):
    return match_electrodes([name], 1, **settings)[0]


def test_map__every_form__goes_before_the_name():
    chosen = {
        "C3": "c4",
        "lead": "T3-T5",
        "patch": ["O1", "Oz", "O2"],
        "mix": {"Fz": 3, "EEG Cz-REF": 1},
        "fine": "AFF1h",
    }
    matches = match_electrodes([*chosen, "Pz"], 6, electrode_map=chosen)
    assert [found.how for found in matches] == ["user"] * 5 + ["exact"]
    weights = electrode_rows(matches)
    assert weights[0, ROW["C4"]] == 1
    np.testing.assert_allclose(weights[1, [ROW["T7"], ROW["P7"]]], 0.5)
    np.testing.assert_allclose(weights[2, [ROW["O1"], ROW["OZ"], ROW["O2"]]], 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(weights[3, [ROW["FZ"], ROW["CZ"]]], [0.75, 0.25])
    np.testing.assert_allclose(weights[4], electrode_rows([match("AFF1h")])[0])


def test_map__electrode_that_was_not_trained__is_interpolated():
    (found,) = match_electrodes(
        ["lead"], 1, trained_rows=[ROW["C3"], ROW["C4"]], electrode_map={"lead": "Cz"}
    )
    assert found.how == "user"
    assert sorted(found.electrodes) == ["C3", "C4"]
    assert match("lead", trained_rows=[ROW["FP1-F7"]], electrode_map={"lead": "Cz"}).how == "mean"


def test_map__in_a_biosemi_cap__its_names_are_of_the_10_20_system():
    found = match_electrodes(["A1", "A2", "A3"], 3, electrode_map={"A3": "A1"})
    assert found[2].electrodes == ("A1",)
    assert found[0].electrodes == ("FP1",)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("nowhere", "'nowhere'; expected an electrode"),
        (["C3", "nowhere"], "'nowhere'; expected an electrode"),
        ("C3-nowhere", "expected an electrode"),
        (None, "must be an electrode, a list"),
        ([], "must be an electrode, a list"),
        ([["C3"]], "must be an electrode, a list"),
        ({"C3": -1, "C4": 2}, "not negative nor all 0"),
        ({"C3": 0}, "not negative nor all 0"),
        ({"C3": np.nan}, "not negative nor all 0"),
        ({"C3": "much"}, "must be an electrode, a list"),
        (3, "must be an electrode, a list"),
    ],
)
def test_map__unusable_value__error_names_the_channel(value, said):
    with pytest.raises(InvalidEEGError, match=rf"electrode_map\['lead'\].*{said}"):
        match("lead", electrode_map={"lead": value})


def test_map_and_positions__no_dicts__error_says_what_is_expected():
    with pytest.raises(InvalidEEGError, match=r"electrode_map must be a dict.*got list"):
        match("C3", electrode_map=["C3"])
    with pytest.raises(InvalidEEGError, match=r"positions must be a dict.*got ndarray"):
        match("C3", positions=np.zeros((1, 3)))
    for place in ([0, 1], "here", np.zeros((3, 3))):
        with pytest.raises(InvalidEEGError, match=r"positions\['X'\] must be three coordinates"):
            match("X", positions={"X": place})
