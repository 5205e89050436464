"""The same EEG gives the same result whatever holds it, and in the same order."""

from inspect import signature

import mne
import numpy as np
import pandas as pd
import pytest
import torch
from braindecode.datasets import BaseConcatDataset, RawDataset
from braindecode.datasets.base import EEGWindowsDataset, WindowsDataset
from braindecode.preprocessing import create_fixed_length_windows
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny import CH_NAMES, tiny

from sk_brainrvq.datasets import load_eegmat
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals import window_starts
from sk_brainrvq.signals.filters.resampling import resample

N_WINDOWS, N_TIMES = 8, 400
# The second is the name up to braindecode 1.7.
_NAMES = signature(create_fixed_length_windows).parameters
_DROP = "on_last_window" if "on_last_window" in _NAMES else "drop_last_window"
_DROP_LAST = {_DROP: "drop" if _DROP == "on_last_window" else True}
NO_ARRAY = {"sfreq": None, "ch_names": None, "window": 2.0}


def microvolts():
    """Eight windows of 2 s at 200 Hz: whole microvolts, so that int16 holds them exactly."""
    shape = (N_WINDOWS, len(CH_NAMES), N_TIMES)
    return np.round(np.random.default_rng(3).normal(scale=25, size=shape))


def to_raw(windows, ch_names=CH_NAMES, sfreq=200.0, kinds="eeg"):
    """The windows one after the other, as a continuous recording in volts."""
    signals = np.concatenate(list(windows), axis=1) * 1e-6
    return mne.io.RawArray(signals, mne.create_info(ch_names, sfreq, kinds), verbose="error")


def to_epochs(windows, ch_names=CH_NAMES, sfreq=200.0):
    return mne.EpochsArray(windows * 1e-6, mne.create_info(ch_names, sfreq, "eeg"), verbose="error")


def metadata_of(n_windows, targets=None):
    """What braindecode keeps of each window."""
    start = N_TIMES * np.arange(n_windows)
    return pd.DataFrame(
        {
            "i_window_in_trial": np.arange(n_windows),
            "i_start_in_trial": start,
            "i_stop_in_trial": start + N_TIMES,
            "target": np.zeros(n_windows, int) if targets is None else targets,
        }
    )


def eeg_windows(windows, targets=None):
    return EEGWindowsDataset(to_raw(windows), metadata_of(len(windows), targets))


def epoch_windows(windows, targets=None):
    epochs = to_epochs(windows)
    epochs.metadata = metadata_of(len(windows), targets)
    return WindowsDataset(epochs)


def shuffled_subset(windows):
    """A Subset whose shuffled indices put the windows of shuffled recordings in order again."""
    order = np.random.default_rng(0).permutation(N_WINDOWS)
    parts = [eeg_windows(windows[order[:3]]), epoch_windows(windows[order[3:]])]
    return torch.utils.data.Subset(BaseConcatDataset(parts), np.argsort(order).tolist())


def memory_mapped(windows, folder):
    np.save(folder / "eeg.npy", windows.astype(np.float32))
    return np.load(folder / "eeg.npy", mmap_mode="r")


def saved(recording, path):
    """The path of what MNE wrote there."""
    recording.save(path, verbose="error")
    return path


ARRAYS = {
    "microvolts": (lambda X: X, {}),
    "millivolts": (lambda X: X * 1e-3, {"unit": "mV"}),
    "volts": (lambda X: X * 1e-6, {"unit": "V"}),
    "float32": (lambda X: X.astype(np.float32), {}),
    "float16": (lambda X: X.astype(np.float16), {}),
    "int16": (lambda X: X.astype(np.int16), {}),
    "big-endian": (lambda X: X.astype(">f8"), {}),
    "Fortran order": (np.asfortranarray, {}),
    "nested lists": (lambda X: X.tolist(), {}),
    "list of 2-D arrays": (list, {}),
    "list of 3-D arrays": (lambda X: [X[:3], X[3:4], X[4:]], {}),
}
OBJECTS = {
    "Epochs": to_epochs,
    "list of single Epochs": lambda X: [to_epochs(x[None]) for x in X],
    "list of Epochs": lambda X: [to_epochs(X[:5]), to_epochs(X[5:])],
    "Raw": to_raw,
    "list of Raws": lambda X: [to_raw(X[:1]), to_raw(X[1:6]), to_raw(X[6:])],
    "list of Raw and Epochs": lambda X: [to_raw(X[:4]), to_epochs(X[4:])],
    "EEGWindowsDataset": eeg_windows,
    "WindowsDataset": epoch_windows,
    "concatenated EEGWindowsDatasets": lambda X: BaseConcatDataset(
        [eeg_windows(X[:2]), eeg_windows(X[2:])]
    ),
    "concatenated WindowsDatasets": lambda X: BaseConcatDataset(
        [epoch_windows(X[:6]), epoch_windows(X[6:])]
    ),
    "braindecode's own windows": lambda X: create_fixed_length_windows(
        BaseConcatDataset([RawDataset(to_raw(X[:3])), RawDataset(to_raw(X[3:]))]),
        window_size_samples=N_TIMES,
        window_stride_samples=N_TIMES,
        **_DROP_LAST,
    ),
    "Subset with shuffled indices": shuffled_subset,
    "RawDataset": lambda X: RawDataset(to_raw(X)),
    "concatenated RawDatasets": lambda X: BaseConcatDataset(
        [RawDataset(to_raw(X[:3])), RawDataset(to_raw(X[3:]))]
    ),
    "list of datasets": lambda X: [eeg_windows(X[:3]), RawDataset(to_raw(X[3:]))],
}


@pytest.fixture(scope="module")
def expected():
    """What the array in microvolts gives."""
    return tiny("embedder", pooling="channel").fit_transform(microvolts())


def assert_same_embedding(container, expected, atol=1e-5, **params):
    """Learnt on the container or on the array: the same embedding, epoch by epoch."""
    embedder = tiny("embedder", pooling="channel", **params)
    np.testing.assert_allclose(embedder.fit_transform(container), expected, atol=atol)
    assert embedder.ch_names_in_ == CH_NAMES
    on_array = tiny("embedder", pooling="channel", window=2.0).fit(microvolts())
    on_array.set_params(unit=params.get("unit", "uV"))
    np.testing.assert_allclose(on_array.transform(container), expected, atol=atol)


@pytest.mark.parametrize("kind", ARRAYS)
def test_array__of_any_kind__same_embedding(kind, expected):
    make, params = ARRAYS[kind]
    assert_same_embedding(make(microvolts()), expected, **params)


def test_memory_mapped_array__same_embedding(tmp_path, expected):
    assert_same_embedding(memory_mapped(microvolts(), tmp_path), expected)


@pytest.mark.parametrize("kind", OBJECTS)
def test_object__of_any_kind__same_embedding(kind, expected):
    assert_same_embedding(OBJECTS[kind](microvolts()), expected, **NO_ARRAY)


def test_files_and_objects__in_one_list__in_the_order_of_the_list(tmp_path, expected):
    X = microvolts()
    first = saved(to_raw(X[:2]), tmp_path / "first_raw.fif")
    last = saved(to_epochs(X[6:]), tmp_path / "last-epo.fif")
    mixed = [first, to_raw(X[2:4]), eeg_windows(X[4:6]), str(last)]
    assert_same_embedding(mixed, expected, **NO_ARRAY)


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_braindecode__volts_or_microvolts__told_apart(scale, expected):
    X = microvolts() * scale
    assert_same_embedding(eeg_windows(X), expected, **NO_ARRAY)
    assert_same_embedding(RawDataset(to_raw(X)), expected, **NO_ARRAY)


@pytest.mark.parametrize("kind", ["Epochs", "Raw", "WindowsDataset", "list of Raws"])
def test_tokenizer__containers__codes_of_the_array(kind):
    X = microvolts()
    tokenizer = tiny("tokenizer", window=2.0).fit(X)
    codes = tokenizer.transform(OBJECTS[kind](X))
    assert codes.shape == (N_WINDOWS, 4, 2, 2, 3)
    # The detour over volts rounds; a code may tip where two codewords are as near.
    assert np.mean(codes == tokenizer.transform(X)) > 0.99


@pytest.mark.parametrize("kind", ["list of Raws", "concatenated WindowsDatasets"])
def test_classifier__recordings_with_labels__one_prediction_a_window(kind):
    X, y = microvolts(), np.array(["rest", "task"] * 4)
    classifier = tiny("classifier", **NO_ARRAY).fit(OBJECTS[kind](X), y)
    expected = tiny("classifier", window=2.0).fit(X, y)
    result = classifier.predict_proba(OBJECTS[kind](X))
    np.testing.assert_allclose(result, expected.predict_proba(X), atol=1e-3)
    assert set(classifier.predict(OBJECTS[kind](X))) <= {"rest", "task"}
    assert classifier.score(OBJECTS[kind](X), y) == classifier.score(to_epochs(X), y)


def test_classifier__braindecode_without_y__takes_its_targets():
    X, y = microvolts(), np.array([3, 5, 5, 3, 3, 3, 5, 5])
    dataset = BaseConcatDataset([eeg_windows(X[:3], y[:3]), epoch_windows(X[3:], y[3:])])
    order = [7, 0, 5, 1, 2]
    subset = torch.utils.data.Subset(dataset, order)
    for data, targets in ((dataset, y), (subset, y[order])):
        own = tiny("classifier", **NO_ARRAY).fit(data)
        given = tiny("classifier", **NO_ARRAY).fit(data, targets)
        assert own.classes_.tolist() == [3, 5]
        np.testing.assert_array_equal(own.predict_proba(data), given.predict_proba(data))
        assert own.score(data) == np.mean(own.predict(data) == targets)


@pytest.mark.parametrize("kind", ["Raw", "list of Raws", "EEGWindowsDataset", "RawDataset"])
def test_classifier__labels_for_other_windows__says_both_numbers(kind):
    with pytest.raises(ValueError, match="y has 7 labels, but X has 8 epochs"):
        tiny("classifier", **NO_ARRAY).fit(OBJECTS[kind](microvolts()), [0, 1] * 3 + [0])


def marked_raw(windows, *bad):
    """The windows as a recording, with a moment of some of them annotated as bad."""
    raw = to_raw(windows)
    return raw.set_annotations(mne.Annotations([2.0 * row + 0.5 for row in bad], 0.1, "BAD_eyes"))


@pytest.mark.parametrize("as_file", [False, True])
def test_bad_windows__in_a_list__rows_are_those_of_the_others(tmp_path, as_file, expected):
    X = microvolts()
    items = [marked_raw(X[:3], 1), to_raw(X[3:5]), marked_raw(X[5:], 0, 2)]
    if as_file:
        items = [saved(raw, tmp_path / f"{number}_raw.fif") for number, raw in enumerate(items)]
    assert_same_embedding(items, expected[[0, 2, 3, 4, 6]], **NO_ARRAY)


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_bad_windows__with_labels_of_the_others__as_if_never_there(name):
    X, kept = microvolts(), [0, 2, 3, 4, 5, 7]
    raw, y = marked_raw(X, 1, 6), np.arange(8) % 2
    assert (window_starts(raw, 2.0) / 2).tolist() == kept
    settings = {"window": 2.0, "validation": 0.5}
    model = tiny(name, **settings).fit(raw, y[kept], groups=np.array([0, 0, 0, 1, 1, 1]))
    expected = tiny(name, **settings).fit(X[kept], y[kept], groups=np.array([0, 0, 0, 1, 1, 1]))
    np.testing.assert_allclose(model.predict(raw), expected.predict(X[kept]), atol=1e-3)
    with pytest.raises(ValueError, match=r"y has 8 (labels|rows), but X has 6 epochs"):
        tiny(name, window=2.0).fit(raw, y)
    with pytest.raises(ValueError, match="groups has 8 entries, but X has 6 epochs"):
        tiny(name, **settings).fit(raw, y[kept], groups=y)


def test_pipeline__list_of_recordings__fits_and_predicts(tmp_path):
    X = microvolts()
    paths = [saved(to_raw(part), tmp_path / f"{i}_raw.fif") for i, part in enumerate((X[:5], X))]
    pipeline = make_pipeline(tiny("embedder", **NO_ARRAY), LogisticRegression())
    assert pipeline.fit(paths, [0, 1] * 6 + [0]).predict(paths[:1]).shape == (5,)


MIXED = [
    (CH_NAMES, 200.0, 3),
    (["P3", "Pz", "P4"], 256.0, 2),
    (CH_NAMES, 200.0, 1),
    ([*CH_NAMES, "Pz"], 100.0, 4),
]


def mixed_raws():
    """Recordings that differ in montage, rate and number of windows of 2 s."""
    rng = np.random.default_rng(1)
    return [
        to_raw(rng.normal(scale=20, size=(n, len(names), int(2 * sfreq))), names, sfreq)
        for names, sfreq, n in MIXED
    ]


def mixed_epochs():
    """Epochs that differ in montage, rate and length."""
    lengths = [300, 512, 500, 200]
    pieces = [raw.get_data() * 1e6 for raw in mixed_raws()]
    return [
        to_epochs(piece[None, :, :n], names, sfreq)
        for piece, n, (names, sfreq, _) in zip(pieces, lengths, MIXED, strict=True)
    ]


@pytest.mark.parametrize(("make", "n_windows"), [(mixed_raws, 10), (mixed_epochs, 4)])
@pytest.mark.parametrize("name", ["tokenizer", "pretrainer", "embedder", "classifier"])
def test_mixed_list__fit__works_and_keeps_the_order(name, make, n_windows):
    mixed = make()
    estimator = tiny(name, **NO_ARRAY)
    estimator.fit(mixed, np.arange(n_windows) % 2)
    if name == "tokenizer":
        assert estimator.score(mixed) <= 1
        return
    apply = estimator.predict_proba if name == "classifier" else estimator.transform
    alone = np.concatenate([apply(item) for item in mixed])
    assert len(alone) == n_windows
    np.testing.assert_allclose(apply(mixed), alone, atol=1e-5)


def test_mixed_list__pooling_channel__says_it_needs_one_montage():
    embedder = tiny("embedder", **NO_ARRAY, pooling="channel")
    with pytest.raises(InvalidEEGError, match=r"differ in their channels.*pooling='mean'"):
        embedder.fit_transform(mixed_raws())
    embedder.fit(mixed_raws()[0])
    with pytest.raises(InvalidEEGError, match=r"missing from X.*pooling='mean' to mix montages"):
        embedder.transform(mixed_raws())


def cut_whole_windows(path):
    """Windows of 5 s of an EEGMAT file, read by MNE, resampled as recordings are, ECG dropped."""
    raw = mne.io.read_raw(path, preload=True, verbose="error").drop_channels("ECG ECG")
    signals = resample(raw.get_data(units="uV"), 500.0)
    starts = range(0, signals.shape[1] - 999, 1000)
    return np.stack([signals[:, start : start + 1000] for start in starts])


def test_eegmat__edf_files__as_their_windows_without_ecg(eegmat_folder):
    paths = [eegmat_folder / f"Subject00_{i}.edf" for i in (1, 2)]
    embedder = tiny("embedder", **NO_ARRAY | {"window": 5.0}, pooling="channel")
    with pytest.warns(EEGWarning, match="Left out, as bad or not EEG: 'ECG ECG'"):
        result = embedder.fit_transform(paths)
    report = {row["channel"]: row for row in embedder.electrode_report_}
    assert len(report) == 1 + embedder.n_channels_in_ == 21
    assert (report["ECG ECG"]["how"], report["ECG ECG"]["rows"]) == ("left out", ())
    pair = report["EEG A2-A1"]
    assert (pair["how"], sorted(pair["electrodes"])) == ("bipolar", ["A1", "A2"])

    windows = np.concatenate([cut_whole_windows(path) for path in paths])
    names = [name.removeprefix("EEG ") for name in embedder.ch_names_in_]
    expected = tiny("embedder", pooling="channel", ch_names=names).fit_transform(windows)
    np.testing.assert_allclose(result, expected, atol=1e-4 * np.abs(expected).max())

    # The loader puts channels in another order, and resamples with MNE's polyphase filter.
    loaded = load_eegmat(eegmat_folder, [0])
    order = [names.index(name) for name in loaded.ch_names]
    by_loader = tiny("embedder", pooling="channel", ch_names=loaded.ch_names)
    expected = by_loader.fit_transform(loaded.X)
    result = result.reshape(len(result), 20, -1)[:, order].reshape(expected.shape)
    np.testing.assert_allclose(result, expected, atol=1e-2 * np.abs(expected).max())
