"""Electrodes without a row: caps of MNE, digitised positions, neighbours on the head."""

import warnings

import mne
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

try:
    from scipy.special import sph_harm_y
except ImportError:  # before SciPy 1.15
    from scipy.special import sph_harm

    def sph_harm_y(n, m, theta, phi):
        return sph_harm(m, n, phi, theta)


from sk_brainrvq.exceptions import EEGWarning
from sk_brainrvq.signals import ELECTRODE_NAMES, match_electrodes
from sk_brainrvq.signals.electrodes import electrode_rows, warn_of_mean_rows
from sk_brainrvq.signals.electrodes.positions import template_directions

ROW = {name.upper(): i + 1 for i, name in enumerate(ELECTRODE_NAMES)}
# EGI's own table of its 128-channel net's electrodes nearest to the 10-20 system.
EGI_128 = {
    **{"E22": "FP1", "E9": "FP2", "E33": "F7", "E24": "F3", "E11": "FZ", "E124": "F4"},
    **{"E122": "F8", "E45": "T7", "E36": "C3", "E104": "C4", "E108": "T8", "E58": "P7"},
    **{"E52": "P3", "E62": "PZ", "E92": "P4", "E96": "P8", "E70": "O1", "E83": "O2"},
}


TEMPLATE = (  # renamed by MNE 1.12
    "colin27_1005" if "colin27_1005" in mne.channels.get_builtin_montages() else "standard_1005"
)
TEN_TWENTY = """
FP1 FP2 F7 F3 FZ F4 F8 T7 C3 CZ C4 T8 P7 P3 PZ P4 P8 O1 O2
""".split()  # noqa: SIM905


def montage(kind):
    return mne.channels.make_standard_montage(kind)


def head_positions(kind):
    """Positions in MNE's head frame, as a recording holds them."""
    cap = montage(kind)
    info = mne.create_info(cap.ch_names, 100.0, "eeg").set_montage(cap)
    return info.get_montage().get_positions()["ch_pos"]


def direction(found):
    """Where a mixture of rows lies on the head."""
    places = np.array([template_directions()[name.upper()] for name in found.electrodes])
    place = np.array(found.weights) @ places
    return place / np.linalg.norm(place)


def millimetres(found, name):
    return 95 * np.linalg.norm(direction(found) - template_directions()[name])


def matched(names, **settings):
    return match_electrodes(names, len(names), **settings)


def smooth_table():
    """Rows that vary smoothly over the head: spherical harmonics up to degree 3."""
    table = np.zeros((129, 16))
    for name, row in ROW.items():
        if row < 129 and "-" not in name:
            x, y, z = template_directions()[name]
            angles = np.arccos(z), np.arctan2(y, x)
            harmonics = [sph_harm_y(n, m, *angles) for n in range(4) for m in range(n + 1)]
            table[row] = [h.real for h in harmonics] + [
                sph_harm_y(n, m, *angles).imag for n in range(4) for m in range(1, n + 1)
            ]
    return table


def test_held_out__every_electrode_of_the_table__vector_is_near_the_true_one():
    table = smooth_table()
    old = ("T3", "T4", "T5", "T6")
    electrodes = [
        row for name, row in ROW.items() if row < 129 and "-" not in name and name not in old
    ]
    errors, by_mean, by_nearest = [], [], []
    for row in electrodes:
        others = [other for other in electrodes if other != row]
        (found,) = match_electrodes([ELECTRODE_NAMES[row - 1]], 1, trained_rows=others)
        assert found.how == "interpolated"
        vector = np.array(found.weights) @ table[list(found.rows)]
        errors.append(np.linalg.norm(vector - table[row]))
        by_mean.append(np.linalg.norm(table[others].mean(0) - table[row]))
        nearest = found.rows[np.argmax(found.weights)]
        by_nearest.append(np.linalg.norm(table[nearest] - table[row]))
    assert np.median(np.divide(errors, by_mean)) < 0.3
    assert np.max(np.divide(errors, by_mean)) < 0.6
    assert np.mean(errors) < 0.7 * np.mean(by_nearest)


def test_held_out__in_caps_of_19_electrodes__lies_nearer_than_any_of_them():
    """Even from the few electrodes of the 10-20 system."""
    cap = [ROW[name] for name in TEN_TWENTY]
    for name in ("FC3", "CP4", "FC1", "C1", "CPZ"):
        (found,) = match_electrodes([name], 1, trained_rows=cap)
        nearest = min(millimetres(match_electrodes([e], 1)[0], name) for e in found.electrodes)
        assert millimetres(found, name) < nearest, name


def test_10_05__every_name__lies_where_the_template_has_it():
    names = montage(TEMPLATE).ch_names
    found = matched(names)
    assert {m.how for m in found} == {"exact", "renamed", "interpolated"}
    apart = [millimetres(m, name.upper()) for m, name in zip(found, names, strict=True)]
    assert np.median(apart) < 5
    assert max(apart) < 25


@pytest.mark.parametrize("kind", ["biosemi64", "easycap-M1", "brainproducts-RNP-BA-128"])
def test_interpolation__by_positions_of_another_cap__names_and_places_agree(kind):
    """The same electrodes under names that say nothing, so that only coordinates are left."""
    positions = head_positions(kind)
    names = [name for name in positions if name.upper() in template_directions()]
    hidden = {f"ch {name}": positions[name] for name in names}
    found = matched(list(hidden), positions=hidden)
    assert {m.how for m in found} == {"interpolated"}
    apart = [millimetres(m, name.upper()) for m, name in zip(found, names, strict=True)]
    assert np.median(apart) < 8
    assert max(apart) < 25


def test_egi_128__electrodes_of_its_table__lie_near_the_10_20_ones():
    names = montage("GSN-HydroCel-128").ch_names
    found = {m.channel: m for m in matched(names)}
    assert {m.how for m in found.values()} == {"interpolated"}
    apart = [millimetres(found[egi], name) for egi, name in EGI_128.items()]
    assert np.median(apart) < 15
    assert max(apart) < 40  # E11 lies near AFz, wherever its table says Fz
    assert "EGI net of 128" in found["E1"].note


@pytest.mark.parametrize(
    ("kind", "size"),
    [("GSN-HydroCel-32", 32), ("GSN-HydroCel-65_1.0", 64), ("GSN-HydroCel-129", 128),
     ("GSN-HydroCel-256", 256)],
)  # fmt: skip
def test_egi__names_alone__net_of_this_size_and_the_places_of_its_montage(kind, size):
    positions = head_positions(kind)
    by_name = matched(list(positions))
    assert f"EGI net of {size}" in by_name[0].note
    by_place = matched(list(positions), positions=positions)
    apart = [
        95 * np.linalg.norm(direction(first) - direction(second))
        for first, second in zip(by_name, by_place, strict=True)
    ]
    assert np.median(apart) < 8


def test_egi__digitised_net__measured_places_go_before_the_usual_ones():
    positions = head_positions("GSN-HydroCel-128")
    # Turned backwards by 15 degrees, as a net that slipped.
    turned = Rotation.from_euler("x", 15, degrees=True)
    slipped = {name: turned.apply(place - [0, 0, 0.04]) for name, place in positions.items()}
    usual, measured = matched(list(positions)), matched(list(slipped), positions=slipped)
    assert {m.note for m in measured} == {"placed by its coordinates"}
    apart = [
        np.linalg.norm(direction(first) - direction(second))
        for first, second in zip(usual, measured, strict=True)
    ]
    assert 0.1 < np.median(apart) < np.deg2rad(20)


def test_egi__reference_with_a_number__is_the_vertex():
    names = [f"E{i}" for i in range(1, 130)]
    assert matched(names)[-1].electrodes == ("CZ",)


def test_egi__eyes_of_a_sleep_recording__are_no_net():
    found = matched(["E1-M2", "E2-M1", "C3-M2"])
    assert [m.how for m in found] == ["mean", "mean", "decorated"]


@pytest.mark.parametrize("size", [16, 32, 64])
def test_biosemi__letters_and_numbers__are_the_electrodes_in_order(size):
    order = montage(f"biosemi{size}").ch_names
    letters = [f"{'AB'[i // 32]}{i % 32 + 1}" for i in range(size)]
    found = matched(letters)
    assert [m.rows for m in found] == [m.rows for m in matched(order)]
    assert {m.how for m in found} == {"renamed"}
    assert f"BioSemi cap of {size}" in found[0].note


@pytest.mark.parametrize("size", [128, 160, 256])
def test_biosemi__larger_caps__lie_where_their_montage_has_them(size):
    positions = head_positions(f"biosemi{size}")
    found = matched(list(positions))
    assert {m.how for m in found} == {"interpolated"}
    hidden = {f"ch {name}": place for name, place in positions.items()}
    by_place = matched(list(hidden), positions=hidden)
    np.testing.assert_allclose(electrode_rows(found), electrode_rows(by_place), atol=1e-4)
    first = found[0]
    assert first.electrodes == ("CZ",), "A1 of the larger caps is the vertex"


def test_biosemi__among_names_of_the_10_20_system__a1_and_a2_are_ears():
    found = matched(["Fz", "Cz", "A1", "A2"])
    assert [m.electrodes[0] for m in found[2:]] == ["A1", "A2"]
    assert [m.note for m in found] == [""] * 4


def test_biosemi__a1_and_a2_alone__are_read_as_ears_and_reported():
    found = matched(["A1", "A2"])
    assert [m.electrodes[0] for m in found] == ["A1", "A2"]
    assert "ear electrode" in found[0].note


def test_biosemi__few_channels_with_coordinates__the_montage_decides():
    positions = head_positions("biosemi128")
    names = ["A1", "A2", "C3", "C4"]
    whole = dict(zip(positions, matched(list(positions)), strict=True))
    for found in matched(names, positions=positions):
        assert found.how == "interpolated"
        assert "coordinates" in found.note
        assert 95 * np.linalg.norm(direction(found) - direction(whole[found.channel])) < 5


def test_positions__of_ears_and_of_the_10_20_system__leave_the_names_alone():
    known = head_positions(TEMPLATE)
    names = ["A1", "A2", "C3", "Cz", "F4", "O1", "Oz", "P3", "FC6"]
    found = matched(names, positions=known)
    assert {m.how for m in found} == {"exact"}


@pytest.mark.parametrize("named", [True, False])
def test_positions__digitised_on_another_head__lie_within_a_few_millimetres(named):
    """A larger head, shifted and with 3 mm of noise; turned too, where names can tell."""
    rng = np.random.default_rng(0)
    positions = head_positions("easycap-M1")
    turn = Rotation.from_euler("xyz", [10, 5, 90] if named else [0, 0, 0], degrees=True)
    digitised, truth = {}, {}
    for i, (name, place) in enumerate(positions.items()):
        seen = name if named and i % 2 else f"ch {i}"
        truth[seen] = name.upper()
        noise = rng.normal(scale=0.003, size=3)
        digitised[seen] = turn.apply(1.15 * place) + [0.01, -0.02, 0.03] + noise
    found = matched(list(digitised), positions=digitised)
    apart = [millimetres(m, truth[m.channel]) for m in found if m.how == "interpolated"]
    assert len(apart) >= 37
    assert np.median(apart) < 9
    assert max(apart) < 28


@pytest.mark.parametrize("place", [None, [np.nan] * 3, [0, 0, 0], [np.inf, 0, 0]])
def test_positions__unknown_place__the_mean_row(place):
    (found,) = matched(["X"], positions={"X": place})
    assert found.how == "mean"


def test_positions__too_few_for_a_sphere__are_read_in_the_head_frame():
    positions = head_positions("biosemi64")
    names = {"left": "C3", "back": "Oz"}
    hidden = {name: positions[electrode] for name, electrode in names.items()}
    for found in matched(list(names), positions=hidden):
        assert millimetres(found, names[found.channel].upper()) < 15


def test_neighbours__untrained_electrode__come_from_its_own_side():
    trained = [ROW[name] for name in "FP1 FP2 F3 F4 C3 C4 P3 P4 O1 O2 F7 F8 T7 T8".split()]  # noqa: SIM905
    left, right = match_electrodes(["FC5", "FC6"], 2, trained_rows=trained)
    assert set(left.electrodes) == {"F3", "C3", "F7", "T7"}
    assert set(right.electrodes) == {"F4", "C4", "F8", "T8"}


@pytest.mark.parametrize(("letter", "cap"), [("E", "EGI net"), ("A", "BioSemi cap")])
def test_cap__some_of_its_names__are_read_by_it_and_a_warning_says_so(letter, cap):
    names = [f"{letter}{i}" for i in range(1, 21)]
    matches = match_electrodes(names, len(names))
    assert {match.how for match in matches} <= {"renamed", "interpolated", "exact"}
    with pytest.warns(EEGWarning, match=rf"{cap} of 32, guessed from only its 20 names"):
        warn_of_mean_rows(matches, named=True)


@pytest.mark.parametrize("letter", ["E", "A"])
@pytest.mark.parametrize("n_dropped", [0, 8])
def test_cap__most_of_its_names__no_warning(letter, n_dropped):
    names = [f"{letter}{i}" for i in range(1, 33 - n_dropped)] + [f"{letter}32"] * bool(n_dropped)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_mean_rows(match_electrodes(names, len(names)), named=True)
