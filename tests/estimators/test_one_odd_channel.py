"""One odd channel in any montage: what is no EEG changes nothing, what is bad is named."""

import warnings

import edfio
import mne
import numpy as np
import pytest
from tiny import make_labels, tiny

from sk_brainrvq import Filters, Reading
from sk_brainrvq.datasets import make_eeg
from sk_brainrvq.exceptions import EEGWarning

SFREQ, WINDOW, N_WINDOWS = 200, 2, 4
EEGMAT = "Fp1 Fp2 F3 F4 F7 F8 T3 T4 C3 C4 T5 T6 P3 P4 O1 O2 Fz Cz Pz".split()  # noqa: SIM905
EPOC = "AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4".split()  # noqa: SIM905
DEVICES = [EEGMAT, [f"EEG {name}" for name in EEGMAT], EPOC, ["TP9", "AF7", "AF8", "TP10"]]
# All kinds of blocks, none of which has a column for a channel.
POOLINGS, BLOCKS = (
    ["mean", "region", "mean_std", "cls", "mean_cls"],
    {"spectrum": "region", "covariance": True},
)
FROM_MNE = {"sfreq": None, "ch_names": None, "window": WINDOW}
FILTERS = [None, Filters(l_freq=1.0, notch=50.0, reference="average")]
BAD = {
    "flat": lambda x, rng: np.full_like(x, rng.choice([0, 7.5])),
    "stuck at an extreme": lambda x, rng: (rng.uniform(30, 90) * x).clip(-60, 60),
    "offset of more than": lambda x, rng: x + rng.choice([-1, 1]) * rng.uniform(2e3, 2e5),
    "times larger": lambda x, rng: rng.uniform(300, 1000) * x,
}
NO_EEG = ["ECG", "EOG left", "SpO2", "X1", "STI 014", "CQ_AF3", "DC1", "AUX1", "Resp nasal", "GSR"]
TYPES = ["eog", "ecg", "emg", "misc", "stim", "resp", "gsr", "temperature", "bio", "seeg"]
UNITS = ["BPM", "kOhm", "%", "degC", "cmH2O", "mmHg", "uV^2", "g"]


def random_montage(rng, fewest):
    """Names of channels, and the montage that places them; None where the names do."""
    if rng.random() < 0.3:
        return DEVICES[rng.integers(len(DEVICES))], None
    montage = mne.channels.make_standard_montage(rng.choice(mne.channels.get_builtin_montages()))
    n_channels = min(len(montage.ch_names), rng.integers(fewest, 20))
    return rng.choice(montage.ch_names, n_channels, replace=False).tolist(), montage


def make_signals(names, seed):
    """EEG of some channels in microvolts, (n_channels, n_times)."""
    made = make_eeg(1, n_windows=N_WINDOWS, duration=WINDOW, ch_names=names, random_state=seed)
    return np.concatenate(list(made.X), axis=1)


def as_mne(microvolts, names, montage, cut):
    raw = mne.io.RawArray(1e-6 * microvolts, mne.create_info(names, SFREQ, "eeg"), verbose="error")
    raw.set_montage(montage, on_missing="ignore", verbose="error")
    return mne.make_fixed_length_epochs(raw, WINDOW, preload=True, verbose="error") if cut else raw


def with_odd(case, odd, name):
    """The EEG of a case with another channel among its own."""
    names, montage, x, cut, at = case
    return as_mne(np.insert(x, at, odd, 0), [*names[:at], name, *names[at:]], montage, cut)


def cases(n_cases, fewest=3):
    """Random montages, as recordings or epochs: names, montage, signals, whether cut, place."""
    for seed in range(n_cases):
        rng = np.random.default_rng(seed)
        names, montage = random_montage(rng, fewest)
        x = make_signals(names, seed)
        yield rng, (names, montage, x, bool(seed % 2), int(rng.integers(len(names) + 1)))


def alone(case):
    return as_mne(case[2], case[0], case[1], case[3])


def new_embedder(rng, action="warn"):
    chosen = {"pooling": rng.choice(POOLINGS), "filters": FILTERS[rng.integers(2)]}
    return tiny("embedder", **FROM_MNE, **BLOCKS, **chosen, reading=Reading(bad_channels=action))


def said_by(call, *args):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        call(*args)
    texts = [str(warning.message) for warning in said if warning.category is EEGWarning]
    return [text for text in texts if not text.startswith("Too short to filter")]


def assert_unchanged(embedder, odd, plain, hint):
    """Whether learnt on the odd EEG or only applied to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EEGWarning)
        expected = embedder.fit_transform(plain)
        np.testing.assert_array_equal(embedder.transform(odd), expected, str(hint))
        np.testing.assert_array_equal(embedder.fit_transform(odd), expected, str(hint))
    assert np.isfinite(expected).all()


def test_no_eeg__by_name_or_type__features_exactly_as_without_it():
    for rng, case in cases(16):
        odd = rng.normal(0, 10 ** rng.uniform(-3, 4), case[2].shape[1])
        name, kind = rng.choice(NO_EEG), rng.choice(TYPES)
        named = with_odd(case, odd, name)
        typed = with_odd(case, odd, "W1").set_channel_types({"W1": kind}, verbose="error")
        for X, hint in ((named, name), (typed, kind)):
            embedder = new_embedder(rng)
            assert_unchanged(embedder, X, alone(case), (case[0], hint))
            assert embedder.ch_names_in_ == case[0]


def write_edf(path, channels):
    """EDF channels given as (label, unit, rate, signal)."""
    edfio.Edf(
        [
            edfio.EdfSignal(
                x, rate, label=label, physical_dimension=unit, physical_range=(-3000, 3000)
            )
            for label, unit, rate, x in channels
        ]
    ).write(path)
    return path


def test_no_eeg__by_unit_or_rate_in_a_file__features_exactly_as_without_it(tmp_path):
    for rng, (names, _, x, _, at) in cases(8):
        labels = [name[:16] for name in names]
        x = x.clip(-2900, 2900)
        eeg = [(label, "uV", SFREQ, signal) for label, signal in zip(labels, x, strict=True)]
        odd = rng.uniform(-2900, 2900, x.shape[1])
        slow = int(rng.choice([1, 5, 20, 50]))
        plain = write_edf(tmp_path / "plain.edf", eeg)
        for channel in (("W1", rng.choice(UNITS), SFREQ, odd), ("W1", "uV", slow, odd[: 8 * slow])):
            path = write_edf(tmp_path / "odd.edf", [*eeg[:at], channel, *eeg[at:]])
            assert_unchanged(new_embedder(rng), path, plain, (labels, channel[:3]))


def test_dropped__bad_channel_of_any_kind__features_exactly_as_without_it():
    for rng, case in cases(8):
        for kind, spoil in BAD.items():
            channel = rng.integers(len(case[0]))
            names, montage, x, cut, _ = case
            spoilt, rest = x.copy(), np.delete(np.arange(len(x)), channel)
            spoilt[channel] = spoil(x[channel], rng)
            others = as_mne(x[rest], [names[row] for row in rest], montage, cut)
            embedder = new_embedder(rng, "drop")
            if kind == "offset of more than":
                embedder.set_params(filters=None)
            assert_unchanged(embedder, as_mne(spoilt, names, montage, cut), others, (names, kind))


def test_unknown_place__any_signal__features_exactly_as_without_it():
    for rng, case in cases(16, fewest=1):
        odd = rng.choice([0, 1]) * rng.normal(0, 10 ** rng.uniform(-3, 4), case[2].shape[1])
        X = with_odd(case, odd, rng.choice(["SOMEWHERE", "ch7", "左前", "Q3"]))
        assert_unchanged(new_embedder(rng, "keep"), X, alone(case), X.ch_names)


@pytest.mark.parametrize("name", ["embedder", "classifier"])
def test_bad_channel__of_any_kind__named_in_fit_and_after_and_clean_eeg_is_not(name):
    y = make_labels(N_WINDOWS)
    for rng, (names, montage, x, cut, _) in cases(6):
        estimator = tiny(name, **FROM_MNE, filters=None)
        clean = as_mne(x, names, montage, cut)
        assert said_by(estimator.fit, clean, y) == []
        apply = estimator.predict if name == "classifier" else estimator.transform
        assert said_by(apply, clean) == []
        for kind, spoil in BAD.items():
            channel = rng.integers(len(names))
            spoilt = x.copy()
            spoilt[channel] = spoil(x[channel], rng)
            X = as_mne(spoilt, names, montage, cut)
            (said,) = said_by(apply, X)
            assert said.startswith("Bad channels: ")
            assert kind in said, names
            assert f": {names[channel]!r}. They are used" in said
        assert said_by(estimator.fit, X, y) == [said]
