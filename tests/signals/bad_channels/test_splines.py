"""Interpolated channels against MNE's own."""

import mne
import numpy as np
import pytest

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.bad_channels.splines import spline_weights

NAMES = "Fp1 Fp2 F3 F4 C3 C4 P3 P4 O1 O2 F7 F8 T7 T8 P7 P8 Fz Cz Pz".split()  # noqa: SIM905
TEMPLATE = "colin27_1005"


def by_mne(info, bads):
    """Weights of all channels for the bad ones, by ``interpolate_bads``."""
    n_channels = len(info.ch_names)
    raw = mne.io.RawArray(np.eye(n_channels), info, verbose="error")
    raw.info["bads"] = [info.ch_names[bad] for bad in bads]
    raw.interpolate_bads(verbose="error")
    return raw.get_data()[bads]


def template():
    known = mne.channels.get_builtin_montages()
    return TEMPLATE if TEMPLATE in known else "standard_1005"


@pytest.mark.parametrize("bads", [[4], [0, 17], [3, 9, 12, 18]])
def test_weights__names_of_the_1005_system__are_mnes(bads):
    info = mne.create_info(NAMES, 200, "eeg").set_montage(template())
    expected = by_mne(info, bads)
    np.testing.assert_allclose(spline_weights(NAMES, bads), expected, atol=1e-9)
    written = [f"EEG {name.upper().replace('T7', 'T3')}-REF" for name in NAMES]
    np.testing.assert_allclose(spline_weights(written, bads), expected, atol=1e-9)


@pytest.mark.parametrize("kind", ["biosemi32", "GSN-HydroCel-32", "easycap-M1"])
def test_weights__positions_of_the_recording__go_before_the_names(kind):
    montage = mne.channels.make_standard_montage(kind)
    info = mne.create_info(montage.ch_names, 200, "eeg").set_montage(montage)
    expected = by_mne(info, [2, 11])
    found = spline_weights(info.ch_names, [2, 11], info=info)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    places = {ch["ch_name"]: ch["loc"][:3] for ch in info["chs"]}
    found = spline_weights(info.ch_names, [2, 11], positions=places)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_weights__channels_nobody_can_place__count_for_nothing():
    names = [*NAMES, "ch1", "Fp1-F7"]
    weights = spline_weights(names, [4])
    np.testing.assert_array_equal(weights[0, -2:], 0)
    np.testing.assert_allclose(weights[:, :-2], spline_weights(NAMES, [4]))


def test_weights__electrode_map__places_channels():
    names = [*NAMES[:4], "left", *NAMES[5:]]
    with pytest.raises(InvalidEEGError, match="positions of 'left' are unknown"):
        spline_weights(names, [4])
    found = spline_weights(names, [4], electrode_map={"left": "C3"})
    np.testing.assert_allclose(found, spline_weights(NAMES, [4]))


def test_weights__one_good_channel__is_copied():
    np.testing.assert_allclose(spline_weights(["C3", "C4"], [1]), [[1, 0]], atol=1e-4)


@pytest.mark.parametrize(
    ("names", "bads", "message"),
    [
        (None, [0], "the channels have no names"),
        (["C3", "x", "y"], [1, 2], "positions of 'x', 'y' are unknown.*set_montage"),
        (["C3", "x", "y"], [0], "no good channel has a known position to interpolate 'C3' from"),
    ],
)
def test_weights__unknown_places__error_says_what_to_do(names, bads, message):
    with pytest.raises(InvalidEEGError, match=message):
        spline_weights(names, bads)
