"""Rules by which a channel counts as bad."""

import mne
import numpy as np
import pytest
from scipy.signal import resample_poly

from sk_brainrvq.datasets import make_eeg
from sk_brainrvq.signals.bad_channels import Fault, judge
from sk_brainrvq.signals.bad_channels.raw_channels import faults_of_raw
from sk_brainrvq.signals.sources.channels import eeg_channels
from sk_brainrvq.signals.sources.recording_files import read_recording

NAMES = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2".split()  # noqa: SIM905
N_TIMES = 800


@pytest.fixture(scope="module")
def clean():
    """Simulated EEG of microvolts at 200 Hz, (epochs, channels, times)."""
    return make_eeg(n_subjects=2, n_windows=4, duration=4, ch_names=NAMES, random_state=0).X


def flat(x):
    return np.full_like(x, 7.5)


def zero(x):
    return np.zeros_like(x)


def mostly_flat(x):
    return np.where(np.arange(x.shape[-1]) < 0.6 * x.shape[-1], -3.0, x)


def dead_most_of_the_time(x):
    return np.where(np.arange(x.shape[-1]) % 400 < 250, 0.0, x)


def railed(x):
    return np.where(np.arange(x.shape[-1]) % 40 < 30, 187500.0, x)


def clipped(x):
    return (50 * x).clip(-60, 60)


def huge(x):
    return 1000 * x


def tiny(x):
    return 1e-3 * x


def offset(x):
    return x + 4200


def below(x):
    return x - 187000


ODD = {
    **{flat: Fault.FLAT, zero: Fault.FLAT, mostly_flat: Fault.FLAT},
    **{dead_most_of_the_time: Fault.FLAT, railed: Fault.RAILED, clipped: Fault.RAILED},
    **{huge: Fault.LARGE, tiny: Fault.SMALL, offset: Fault.OFFSET, below: Fault.OFFSET},
}


@pytest.mark.parametrize("odd", ODD)
def test_judge__one_odd_channel_of_any_montage__that_one_and_its_fault(clean, odd):
    for n_channels in (2, 3, 4, 19):
        for channel in (0, n_channels - 1):
            for dtype in (np.float64, np.float32):
                x = clean[:3, :n_channels].astype(dtype)
                x[:, channel] = odd(x[:, channel])
                expected = np.zeros((3, n_channels))
                expected[:, channel] = ODD[odd]
                np.testing.assert_array_equal(judge(x, 200).faults, expected)


def test_judge__half_of_the_channels_odd__those(clean):
    x = clean.copy()
    for channel, odd in enumerate(ODD):
        x[:, channel] = odd(x[:, channel])
    assert judge(x, 200).faults[0].tolist() == [*ODD.values(), *[Fault.NONE] * 9]


def test_judge__an_epoch__does_not_depend_on_the_others(clean):
    x = clean.copy()
    x[2, 4], x[5] = 0, 1e4 * x[5]
    alone = np.concatenate([judge(epoch[None], 200).faults for epoch in x])
    np.testing.assert_array_equal(judge(x, 200).faults, alone)
    assert (alone != 0).sum() == 1


def test_judge__high_pass_to_come__offsets_do_not_count(clean):
    assert (judge(clean + 4200, 200).faults == Fault.OFFSET).all()
    assert not judge(clean + 4200, 200, keeps_offset=False).faults.any()


def test_judge__all_flat__all_are_flat_and_amplitude_is_zero():
    judgement = judge(np.zeros((2, 3, 400)), 200)
    assert (judgement.faults == Fault.FLAT).all()
    assert judgement.typical_amplitude() == 0


def test_judge__below_half_a_second__nothing(clean):
    assert not judge(0 * clean[..., :99], 200).faults.any()
    assert judge(0 * clean[..., :100], 200).faults.all()


def test_typical_amplitude__most_channels_bad__that_of_the_good(clean):
    x = clean.copy()
    expected = judge(x[:, :4], 200).typical_amplitude()
    x[:, 4:] = (1000 * x[:, 4:]).clip(-1500, 1500)
    assert judge(x, 200).typical_amplitude() == pytest.approx(expected)


def blinking(x):
    """Blinks, ten times the EEG, in front."""
    times = np.arange(x.shape[-1]) / 200
    blink = sum(np.exp(-(((times - at) / 0.1) ** 2)) for at in (0.5, 1.6, 3.1))
    return x + 10 * x.std() * blink * (np.arange(19) < 7)[:, None]


def with_muscle(x):
    rng = np.random.default_rng(0)
    return x + 10 * x.std() * rng.normal(size=x.shape) * (np.arange(19) % 7 == 0)[:, None]


def in_front_larger(x):
    return x * np.where(np.arange(19) < 2, 10, 1)[:, None]


def suppressed(x):
    """Bursts on a quiet ground of some microvolts."""
    return x * np.where(np.arange(x.shape[-1]) % 800 < 200, 2, 0.1)


def in_coarse_steps(x):
    return np.round(x / 4) * 4


def in_8_bits(x):
    return np.round(x / x.max() * 127)


def at_128_hz(x):
    return resample_poly(x, 16, 25, axis=-1)


def average_referenced(x):
    return x - x.mean(-2, keepdims=True)


def flat_for_a_while(x):
    return np.where(np.arange(x.shape[-1]) < 0.4 * x.shape[-1], 0.0, x)


def with_a_spike(x):
    return np.where(np.arange(x.shape[-1]) == 300, 1e6, x)


@pytest.mark.parametrize(
    "change",
    [
        *(blinking, with_muscle, in_front_larger, suppressed, in_coarse_steps, in_8_bits),
        *(at_128_hz, average_referenced, flat_for_a_while, with_a_spike),
    ],
)
def test_judge__eeg_as_it_may_be__no_fault(clean, change):
    assert not judge(change(clean), 128 if change is at_128_hz else 200).faults.any()


def test_judge__every_montage_of_mne__no_fault():
    for kind in mne.channels.get_builtin_montages():
        names = mne.channels.make_standard_montage(kind).ch_names
        eeg = make_eeg(n_subjects=1, n_windows=1, duration=4, ch_names=names, random_state=1)
        assert not judge(eeg.X, eeg.sfreq).faults.any(), kind


@pytest.mark.parametrize("seconds", [4, 10])
def test_judge__real_eeg_in_windows__no_fault(eegmat_folder, seconds):
    for subject in ("00", "13", "27"):
        raw = read_recording(eegmat_folder / f"Subject{subject}_2.edf")
        signals = 1e6 * raw.get_data(eeg_channels(raw))
        n_windows = signals.shape[1] // (500 * seconds)
        windows = np.array_split(signals[:, : n_windows * 500 * seconds], n_windows, axis=1)
        assert not judge(np.stack(windows), 500).faults.any()
        average = signals - signals.mean(0)
        assert not judge(average, 500).faults.any()


def test_raw__real_eeg__only_the_channel_that_was_spoilt(eegmat_folder):
    raw = read_recording(eegmat_folder / "Subject05_2.edf")
    names = eeg_channels(raw)
    assert faults_of_raw(raw, names, 1e6, True) == {}
    raw.apply_function(zero, picks=[names[3]])
    raw.apply_function(huge, picks=[names[7]])
    assert faults_of_raw(raw, names, 1e6, True) == {names[3]: Fault.FLAT, names[7]: Fault.LARGE}


def test_raw__bad_stretches__are_not_looked_at():
    rng = np.random.default_rng(0)
    x = rng.normal(scale=2e-5, size=(4, 200 * 100))
    x[1, 2000:16000] = 0  # 70 %
    x[2, 2000:16000] = np.nan
    raw = mne.io.RawArray(x, mne.create_info(4, 200, "eeg"), verbose="error")
    names = raw.ch_names
    assert faults_of_raw(raw, [names[1], names[3]], 1e6, True) == {names[1]: Fault.FLAT}
    raw.set_annotations(mne.Annotations([10], [70], ["BAD_gap"]))
    assert faults_of_raw(raw, names, 1e6, True) == {}
    raw.set_annotations(mne.Annotations([0], [100], ["BAD_all"]))
    assert faults_of_raw(raw, names, 1e6, True) == {}
