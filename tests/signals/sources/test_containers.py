"""MNE's Epochs as input: the same signals as the array, whatever the container."""

import mne
import numpy as np
import pytest

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals import blocks_from_array, blocks_from_epochs, prepare
from sk_brainrvq.signals.sources.mne_epochs import is_list_of_epochs, is_mne_epochs

NAMES = ["Fp1", "C3", "Cz", "O2"]


def make_epochs(microvolts, ch_names=NAMES, sfreq=200.0, types="eeg", bads=()):
    info = mne.create_info(list(ch_names), sfreq, types)
    info["bads"] = list(bads)
    return mne.EpochsArray(microvolts * 1e-6, info, verbose="error")


def patches_of(blocks):
    (group,) = prepare(blocks).groups
    return group.patches


def test_epochs__of_the_same_signals__give_the_patches_of_the_array(eeg):
    (block,) = blocks_from_epochs(make_epochs(eeg, sfreq=250.0))
    assert block.ch_names == NAMES
    assert block.sfreq == 250
    assert block.n_channels == 4
    array = blocks_from_array(eeg, 250, NAMES, "uV")
    np.testing.assert_allclose(patches_of([block]), patches_of(array), rtol=1e-5, atol=1e-7)


def test_epochs__cut_from_a_raw_and_not_loaded__give_the_patches_of_the_array(eeg):
    info = mne.create_info(NAMES, 200.0, "eeg")
    raw = mne.io.RawArray(np.concatenate(eeg, -1) * 1e-6, info, verbose="error")
    events = mne.make_fixed_length_events(raw, duration=3.0)
    epochs = mne.Epochs(
        raw, events, tmin=0, tmax=3 - 1 / 200, baseline=None, preload=False, verbose="error"
    )
    array = blocks_from_array(eeg, 200, NAMES, "uV")
    actual = patches_of(blocks_from_epochs(epochs))
    np.testing.assert_allclose(actual, patches_of(array), rtol=1e-5, atol=1e-7)


def test_list__of_single_trials_as_scikit_learn_makes__keeps_the_order(eeg):
    epochs = make_epochs(eeg)
    order = [5, 0, 11, 3]
    trials = [epochs[i] for i in order]
    assert is_list_of_epochs(trials)
    (block,) = blocks_from_epochs(trials)
    assert block.index.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(block.data * block.to_microvolts, eeg[order], rtol=1e-9)


def test_list__of_mixed_montages_rates_and_lengths__is_grouped_with_the_right_index(eeg):
    first, second = eeg[:3], eeg[3:5, :2, :400]
    items = [
        make_epochs(first[:1]),
        make_epochs(second, NAMES[:2]),
        make_epochs(first[1:]),
        make_epochs(first[:1], sfreq=250.0),
        make_epochs(first[:1], NAMES[::-1]),
    ]
    blocks = blocks_from_epochs(items)
    assert [block.index.tolist() for block in blocks] == [[0, 3, 4], [1, 2], [5], [6]]
    assert [block.sfreq for block in blocks] == [200, 200, 250, 200]
    assert blocks[3].ch_names == NAMES[::-1]
    np.testing.assert_allclose(blocks[0].data * 1e6, first, rtol=1e-9)
    np.testing.assert_allclose(blocks[1].data * 1e6, second, rtol=1e-9)

    result = prepare(blocks)
    assert result.n_epochs == 7
    assert sorted(np.concatenate([group.epoch for group in result.groups])) == list(range(7))
    (short,) = [group for group in result.groups if group.n_patches == 2]
    assert short.epoch.tolist() == [1, 2]


def test_error__in_a_mixed_list__names_the_epoch_of_the_caller(eeg):
    broken = eeg[3:5, :2].copy()
    broken[1, 0, 0] = np.nan
    items = [make_epochs(eeg[:1]), make_epochs(broken, NAMES[:2])]
    with pytest.raises(InvalidEEGError, match="NaN, first at epoch 2, 'Fp1', sample 0"):
        prepare(blocks_from_epochs(items))


def test_channels__not_eeg_or_bad__are_left_out_and_listed(eeg):
    types = ["eeg", "eog", "eeg", "eeg"]
    epochs = make_epochs(eeg, types=types, bads=["Cz"])
    (block,) = blocks_from_epochs(epochs)
    assert block.left_out == {"C3": "of type eog", "Cz": "marked bad"}
    assert block.ch_names == ["Fp1", "O2"]
    np.testing.assert_allclose(block.data * 1e6, eeg[:, [0, 3]], rtol=1e-9)


def test_channels__named_like_a_type__are_picked_by_name(eeg):
    names = ["eeg", "C3", "data", "O2"]
    (block,) = blocks_from_epochs(make_epochs(eeg, names))
    assert block.ch_names == names
    np.testing.assert_allclose(block.data * 1e6, eeg, rtol=1e-9)


@pytest.mark.parametrize(
    ("types", "bads", "message"),
    [
        ("mag", (), r"no good EEG channel.*of type mag"),
        ("eeg", NAMES, r"no good EEG channel.*O2 .marked bad"),
    ],
)
def test_channels__none_left__error_says_why(eeg, types, bads, message):
    with pytest.raises(InvalidEEGError, match=message):
        blocks_from_epochs(make_epochs(eeg, types=types, bads=bads))


def test_epochs__all_dropped__error_says_so(eeg):
    with pytest.raises(InvalidEEGError, match="hold no epoch"):
        blocks_from_epochs(make_epochs(eeg)[:0])


def test_kind_of_container__arrays_and_lists__are_told_apart(eeg):
    epochs = make_epochs(eeg)
    assert is_mne_epochs(epochs)
    assert not is_mne_epochs(eeg)
    assert is_list_of_epochs([epochs, epochs[0]])
    assert not is_list_of_epochs([])
    assert not is_list_of_epochs([epochs, eeg])
    assert not is_list_of_epochs(epochs)
