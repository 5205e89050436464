"""The guard that tells volts, millivolts and microvolts apart."""

import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose

from sk_brainrvq.signals.units import describe_amplitude, typical_amplitude

IN_MICROVOLTS = {"uV": 1.0, "mV": 1e3, "V": 1e6}


def eeg_in_microvolts(amplitude=20.0, seed=0):
    return amplitude * np.random.default_rng(seed).normal(size=(5, 8, 400))


@pytest.mark.parametrize("amplitude", [1.5, 5, 20, 100, 300])
@pytest.mark.parametrize("unit", IN_MICROVOLTS)
def test_describe__right_unit__is_silent(amplitude, unit):
    values = eeg_in_microvolts(amplitude) / IN_MICROVOLTS[unit]
    assert describe_amplitude(values * IN_MICROVOLTS[unit], unit) is None


@pytest.mark.parametrize("amplitude", [5, 20, 60])
@pytest.mark.parametrize(
    ("true", "given", "words"),
    [
        ("V", "uV", "volts given as microvolts"),
        ("mV", "uV", "millivolts given as microvolts"),
        ("V", "mV", "volts given as millivolts"),
        ("uV", "V", "microvolts given as volts"),
        ("uV", "mV", "microvolts given as millivolts"),
        ("mV", "V", "millivolts given as volts"),
    ],
)
def test_describe__wrong_unit__says_which_to_pass(amplitude, true, given, words):
    values = eeg_in_microvolts(amplitude) / IN_MICROVOLTS[true] * IN_MICROVOLTS[given]
    sentence = describe_amplitude(values, given)
    assert f"looks like {words}." in sentence
    assert sentence.endswith(f"Pass unit={true!r}.")
    assert f"{typical_amplitude(values):.2g} microvolts" in sentence
    assert words in describe_amplitude(values)  # the unit not told


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "uV"), (1e6, "µV"), (1e-3, "V"), (1e6, "mV")])
def test_describe__no_unit_fits__speaks_of_the_scale(factor, unit):
    sentence = describe_amplitude(factor * eeg_in_microvolts(), unit)
    assert "no unit corrects" in sentence
    assert "nan" not in sentence


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_describe__standardised_data__is_silent(scale):
    assert describe_amplitude(eeg_in_microvolts(scale)) is None


@pytest.mark.parametrize("constant", [0.0, 1e5, 1e-9])
@pytest.mark.parametrize("n_times", [1, 2, 500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_describe__flat__is_silent(constant, n_times, dtype):
    assert describe_amplitude(np.full((2, 3, n_times), constant, dtype)) is None


def test_describe__offset_flat_channels_and_artefacts__do_not_count():
    signals = eeg_in_microvolts()
    clean = typical_amplitude(signals)
    signals += np.linspace(-1e5, 1e5, 8)[:, None]
    signals[:, :3] = 1e4
    signals[..., 100:120] = 1e6
    assert_allclose(typical_amplitude(signals), clean, rtol=0.15)
    assert describe_amplitude(signals) is None
    assert "volts given as microvolts" in describe_amplitude(signals * 1e-6)


def test_typical_amplitude__gaussian_noise__is_its_standard_deviation():
    noise = 7 * np.random.default_rng(0).normal(size=(3, 20_000))
    assert_allclose(typical_amplitude(noise + 1e5), 7, rtol=0.03)


def test_typical_amplitude__many_rows__not_all_are_needed():
    noise = 7 * np.random.default_rng(0).normal(size=(3000, 2, 100))
    assert_allclose(typical_amplitude(noise), 7, rtol=0.05)


def test_describe__real_eeg__is_recognised_in_each_unit(eegmat_folder):
    raw = mne.io.read_raw_edf(eegmat_folder / "Subject00_1.edf", verbose="error")
    volts = raw.get_data(picks=raw.ch_names[:19])
    assert describe_amplitude(1e6 * volts) is None
    assert "Pass unit='V'" in describe_amplitude(volts, "uV")
    assert "Pass unit='mV'" in describe_amplitude(1e3 * volts, "uV")
    assert "Pass unit='uV'" in describe_amplitude(1e12 * volts, "V")
