"""Windows, labels, units and rates of braindecode datasets."""

import mne
import numpy as np
import pandas as pd
import pytest
from braindecode.datasets import BaseConcatDataset, RawDataset
from braindecode.datasets.base import EEGWindowsDataset, WindowsDataset
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from skorch.helper import SliceDataset
from torch.utils.data import Subset

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources.braindecode_datasets import (
    blocks_from_braindecode,
    is_braindecode_dataset,
    targets_of,
)

NAMES = ["C3", "Cz", "C4"]


def make_raw(n_seconds=8, sfreq=200.0, seed=0, ch_names=NAMES, kinds="eeg", scale=20e-6):
    shape = (len(ch_names), int(n_seconds * sfreq))
    signals = np.random.default_rng(seed).normal(scale=scale, size=shape)
    return mne.io.RawArray(signals, mne.create_info(list(ch_names), sfreq, kinds), verbose="error")


def windows_of(raw, n_times=200, targets=None):
    """The whole recording in windows; its number of windows as long as ``targets``."""
    start = np.arange(0, raw.n_times, n_times)
    targets = np.arange(len(start)) if targets is None else targets
    columns = {"i_window_in_trial": np.arange(len(start)), "i_start_in_trial": start}
    return EEGWindowsDataset(
        raw, pd.DataFrame({**columns, "i_stop_in_trial": start + n_times, "target": targets})
    )


def epochs_of(raw, n_times=200):
    """The same windows as a dataset that holds mne.Epochs."""
    dataset = windows_of(raw, n_times)
    epochs = mne.make_fixed_length_epochs(
        raw, n_times / raw.info["sfreq"], preload=True, verbose="error"
    )
    epochs.metadata = dataset.metadata.reset_index(drop=True)
    return WindowsDataset(epochs)


def read(dataset, window=1.0, overlap=0.0, filters=None):
    """Epochs in microvolts in the order of the dataset, and the blocks they came in."""
    blocks = list(blocks_from_braindecode(dataset, window, overlap, filters or FilterSettings()))
    index = np.concatenate([block.index for block in blocks])
    assert sorted(index.tolist()) == list(range(len(index)))
    epochs = np.concatenate([block.data * block.to_microvolts for block in blocks])
    return epochs[np.argsort(index)], blocks


def test_is_braindecode_dataset__datasets_subsets_and_others():
    dataset = windows_of(make_raw())
    concatenated = BaseConcatDataset([dataset])
    views = (Subset(Subset(concatenated, [3, 1]), [0]), SliceDataset(concatenated))
    for given in (dataset, concatenated, *views):
        assert is_braindecode_dataset(given)
    for other in (make_raw(), np.ones((2, 3)), [dataset], Subset([1, 2, 3], [0]), None, "eeg.edf"):
        assert not is_braindecode_dataset(other)


@pytest.mark.parametrize("make", [windows_of, epochs_of])
def test_subset__any_indices__rows_and_labels_in_their_order(make):
    whole = BaseConcatDataset([make(make_raw(seed=seed)) for seed in range(3)])
    rows = np.random.default_rng(1).permutation(24)[:17].tolist()
    expected = np.stack([whole[row][0] for row in rows]) * 1e6
    for part in (Subset(whole, rows), SliceDataset(whole)[np.array(rows)]):
        epochs, _ = read(part)
        np.testing.assert_allclose(epochs, expected, rtol=1e-5)
        assert targets_of(part).tolist() == [whole[row][1] for row in rows]
    assert len(read(SliceDataset(whole))[0]) == 24
    with pytest.raises(InvalidEEGError, match=r"idx=1, which gives no EEG"):
        read(SliceDataset(whole, idx=1))


def test_cross_validation__slice_dataset__as_on_the_features():
    parts = [windows_of(make_raw(seed=seed), targets=np.arange(8) % 2) for seed in range(2)]
    whole = BaseConcatDataset(parts)
    groups = np.repeat([0, 1], 8)
    embedder = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=0)
    features = embedder.fit_transform(whole)
    pipeline = make_pipeline(embedder, LogisticRegression())
    split = {"groups": groups, "cv": GroupKFold(2), "error_score": "raise"}
    for y in (targets_of(whole), SliceDataset(whole, idx=1)):
        X = SliceDataset(whole, idx=0)
        found = cross_val_score(pipeline, X, y, **split)
        expected = cross_val_score(LogisticRegression(), features, np.asarray(y), **split)
        np.testing.assert_allclose(found, expected)
    # The dataset itself comes as a list of tuples, which know neither names nor rate.
    with pytest.raises(InvalidEEGError, match=r"3-tuples .* Pass SliceDataset\(dataset, idx=0\)"):
        cross_val_score(pipeline, whole, targets_of(whole), **split)


def test_subset__of_a_subset__indices_of_indices():
    whole = BaseConcatDataset([windows_of(make_raw(seed=seed)) for seed in range(2)])
    nested = Subset(Subset(whole, [15, 3, 9, 0]), [3, 0, 0])
    epochs, _ = read(nested)
    np.testing.assert_allclose(epochs, np.stack([whole[i][0] for i in (0, 15, 15)]) * 1e6)
    assert targets_of(nested).tolist() == [0, 7, 7]


def test_subset__negative_and_numpy_indices__as_the_dataset_takes_them():
    whole = BaseConcatDataset([windows_of(make_raw(seed=seed)) for seed in range(2)])
    epochs, _ = read(Subset(whole, np.array([-1, 0])))
    np.testing.assert_allclose(epochs, np.stack([whole[15][0], whole[0][0]]) * 1e6)
    assert targets_of(Subset(whole, np.array([-1, 0]))).tolist() == [7, 0]


def test_subset__shuffled__one_block_a_recording():
    # A block of a window or two each would run the network with batches of one.
    whole = BaseConcatDataset([windows_of(make_raw(seed=seed)) for seed in range(2)])
    _, blocks = read(Subset(whole, np.random.default_rng(0).permutation(16).tolist()))
    assert [len(block.data) for block in blocks] == [8, 8]


def test_subset__without_indices__says_that_nothing_is_left():
    with pytest.raises(InvalidEEGError, match="no window"):
        read(Subset(windows_of(make_raw()), []))


@pytest.mark.parametrize("make", [RawDataset, lambda raw: BaseConcatDataset([RawDataset(raw)])])
def test_subset__of_recordings_not_cut__says_to_cut_them(make):
    with pytest.raises(InvalidEEGError, match="not cut into windows"):
        read(Subset(make(make_raw()), [0, 1]))


def test_raw_dataset__not_cut__windows_without_the_tail():
    raw = make_raw(n_seconds=7)
    epochs, _ = read(RawDataset(raw), window=2.0, overlap=1.0)
    signals = raw.get_data() * 1e6
    expected = np.stack([signals[:, 200 * i : 200 * i + 400] for i in range(6)])
    np.testing.assert_allclose(epochs, expected, rtol=1e-5)


@pytest.mark.parametrize("make", [RawDataset, windows_of, epochs_of])
@pytest.mark.parametrize(("scale", "factor"), [(1e-6, 1e6), (200e-6, 1e6), (1.0, 1), (200.0, 1)])
def test_unit__of_one_to_two_hundred_microvolts__judged_by_amplitude(make, scale, factor):
    raw = make_raw(scale=scale)
    epochs, _ = read(make(raw))
    expected = np.split(raw.get_data() * factor, 8, axis=1)
    np.testing.assert_allclose(epochs, expected, rtol=1e-5)


def test_unit__recording_with_offset__judged_without_it():
    raw = make_raw()
    raw._data += 0.1  # volts, as electrodes that drift
    epochs, _ = read(windows_of(raw))
    assert epochs.std() == pytest.approx(20, rel=0.1)


def test_unit__quiet_windows_of_a_subset__judged_from_the_recording():
    raw = make_raw()
    raw._data[:, :200] = 1e-3 * np.sign(np.arange(200) % 2 - 0.5)
    raw._data[:, 200:400] = 0
    raw._data[0, 300] = 5e-6
    epochs, blocks = read(Subset(windows_of(raw), [1]))
    assert blocks[0].to_microvolts == 1e6
    assert epochs.max() == pytest.approx(5)


def test_filters__what_windows_were_filtered_with__is_handed_on():
    raw = make_raw(n_seconds=20).filter(1.0, 40.0, verbose="error")
    for dataset in (windows_of(raw), epochs_of(raw)):
        _, (block,) = read(dataset)
        assert (block.highpass, block.lowpass) == (1.0, 40.0)


@pytest.mark.parametrize("make", [windows_of, epochs_of, RawDataset])
def test_other_channels__of_windows__are_left_out(make):
    names = [*NAMES, "STI", "EOG"]
    raw = make_raw(ch_names=names, kinds=["eeg"] * 3 + ["stim", "eog"])
    raw.info["bads"] = ["Cz"]
    epochs, (block,) = read(make(raw))
    assert block.ch_names == ["C3", "C4"]
    expected = np.split(raw.get_data(picks=["C3", "C4"]) * 1e6, 8, axis=1)
    np.testing.assert_allclose(epochs, expected, rtol=1e-5)


def test_other_channels__transform_that_picks_some__those_of_eeg_or_an_error():
    raw = make_raw(ch_names=[*NAMES, "EOG"], kinds=["eeg"] * 3 + ["eog"])
    dataset = windows_of(raw)
    dataset.transform = lambda x: x[:3]
    epochs, (block,) = read(dataset)
    assert block.ch_names == NAMES
    expected = np.split(raw.get_data(picks=NAMES) * 1e6, 8, axis=1)
    np.testing.assert_allclose(epochs, expected, rtol=1e-5)
    dataset.transform = lambda x: x[:2]
    with pytest.raises(InvalidEEGError, match=r"windows of 2 channels.* all 4 .* its 3 good EEG"):
        read(dataset)


@pytest.mark.parametrize("make", [windows_of, epochs_of, RawDataset])
def test_mixed_rates__one_dataset__both_are_named(make):
    mixed = BaseConcatDataset([make(make_raw(sfreq=200.0)), make(make_raw(sfreq=250.0))])
    with pytest.raises(InvalidEEGError, match=r"mixes sampling rates: 200.0 and 250.0 Hz"):
        read(mixed)


def test_labels__recording_not_cut__says_to_pass_y():
    with pytest.raises(InvalidEEGError, match="holds no targets; pass y"):
        targets_of(BaseConcatDataset([RawDataset(make_raw(), description={"subject": 1})]))


def test_labels__target_per_sample_channel__says_to_pass_y():
    # target_from="channels": targets are signals of misc channels, no label of a window.
    dataset = windows_of(make_raw())
    signals = EEGWindowsDataset(dataset.raw, dataset.metadata, targets_from="channels")
    with pytest.raises(InvalidEEGError, match="holds no targets; pass y"):
        targets_of(signals)


def test_filters__windows_of_a_recording__as_filtering_it_before_cutting():
    raw = make_raw(n_seconds=20, scale=20.0)
    expected = raw.copy().filter(2.0, None, verbose="error").get_data()
    settings = FilterSettings.checked(l_freq=2.0)
    epochs, (block,) = read(Subset(windows_of(raw), [5, 3]), filters=settings)
    assert block.filtered
    np.testing.assert_allclose(epochs[0], expected[:, 1000:1200], atol=1e-3)
    np.testing.assert_allclose(epochs[1], expected[:, 600:800], atol=1e-3)
    _, (cut,) = read(epochs_of(raw), filters=settings)
    assert not cut.filtered  # nothing continuous is left to filter


@pytest.mark.parametrize("filters", [None, FilterSettings.checked(l_freq=1.0, h_freq=40.0)])
@pytest.mark.parametrize("make", [windows_of, epochs_of])
def test_projection__not_applied_yet__as_if_it_were(make, filters):
    raw = make_raw(seed=1).set_eeg_reference("average", projection=True, verbose="error")
    epochs, _ = read(make(raw), filters=filters)
    expected, _ = read(make(raw.copy().apply_proj(verbose="error")), filters=filters)
    np.testing.assert_allclose(epochs, expected, atol=1e-4)
    assert np.abs(epochs.mean(axis=1)).max() < 1e-4


def test_blocks__every_channel_misc__names_decide_what_is_eeg():
    raw = make_raw(ch_names=["C3", "ECG", "0"], kinds="misc")
    for dataset in (windows_of(raw), epochs_of(raw), RawDataset(raw)):
        epochs, (block,) = read(dataset)
        assert block.ch_names == ["C3", "0"]
        assert block.left_out == {"ECG": "heart, by its name"}
        assert epochs.shape == (8, 2, 200)
