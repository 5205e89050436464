"""Lists of anything: order, errors that name the item, and files that cannot be used."""

import warnings

import mne
import numpy as np
import pytest
from torch.utils.data import Subset

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.reading import Reading, checked_reading
from sk_brainrvq.signals.sources.lists import ListSource
from sk_brainrvq.signals.sources.registry import read_blocks, source_of
from sk_brainrvq.signals.sources.source import ReadSettings

NAMES = ["C3", "Cz", "C4"]
SETTINGS = ReadSettings(sfreq=200.0, window=1.0)


def make_raw(n_seconds=3, sfreq=200.0, kinds="eeg", seed=0):
    signals = np.random.default_rng(seed).normal(scale=20e-6, size=(3, int(n_seconds * sfreq)))
    return mne.io.RawArray(signals, mne.create_info(NAMES, sfreq, kinds), verbose="error")


def make_epochs(n_epochs=2, **kwargs):
    return mne.make_fixed_length_epochs(
        make_raw(n_epochs, **kwargs), 1.0, verbose="error"
    ).load_data()


def read(X, **changes):
    """Blocks of X, and the warnings of EEG on the way."""
    settings = ReadSettings(**{"sfreq": 200.0, "window": 1.0, **changes})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EEGWarning)
        blocks = list(read_blocks(X, settings))
    return blocks, [str(w.message) for w in caught if issubclass(w.category, EEGWarning)]


def places(blocks):
    return [block.index.tolist() for block in blocks]


@pytest.fixture
def three_files(tmp_path):
    """A good recording, a truncated EDF file, and a good recording."""
    paths = [tmp_path / "first_raw.fif", tmp_path / "broken.edf", tmp_path / "last_raw.fif"]
    make_raw(2).save(paths[0], verbose="error")
    mne.export.export_raw(paths[1], make_raw(2), verbose="error")
    paths[1].write_bytes(paths[1].read_bytes()[:400])
    make_raw(3).save(paths[2], verbose="error")
    return paths


def test_kinds__arrays_items_and_files__told_apart():
    X, raw, epochs = np.ones((2, 3, 200)), make_raw(), make_epochs()
    for array in (X, X[0], X.tolist(), [X[0], X[1]], list(X), [], None, 3, [[1, 2], [3, 4, 5]]):
        assert source_of(array).is_array
    for items in ([raw], [epochs, raw], ["eeg.edf"], (raw, X), [X, X], [X[0], X[0, :2]]):
        assert isinstance(source_of(items), ListSource)
        assert not source_of(items).is_array
    for item in (raw, epochs, "eeg.edf"):
        assert not source_of(item).is_array
        assert not isinstance(source_of(item), ListSource)
    assert source_of(Subset([1, 2], [0])).is_array
    given = ("eeg.edf", [raw, "eeg.edf"], [raw], X)
    assert [source_of(x).reads_files(x) for x in given] == [True, True, False, False]


def test_list__of_everything__places_follow_the_list(tmp_path):
    path = tmp_path / "eeg_raw.fif"
    make_raw(2).save(path, verbose="error")
    X = np.random.default_rng(0).normal(scale=20, size=(4, 3, 200))
    blocks, _ = read([make_raw(3), X, str(path), make_epochs(2), X[0]])
    assert places(blocks) == [[0, 1, 2], [3, 4, 5, 6], [7, 8], [9, 10], [11]]
    np.testing.assert_array_equal(blocks[-1].data[0], X[0])


def test_list__of_epochs_of_two_kinds__places_follow_the_list():
    blocks, _ = read([make_epochs(2), make_epochs(1, sfreq=100.0), make_epochs(2), make_raw(1)])
    assert places(blocks) == [[0, 1], [2], [3, 4], [5]]
    blocks, _ = read([make_epochs(2), make_epochs(1, sfreq=100.0), make_epochs(2)])
    assert sorted(places(blocks)) == [[0, 1, 3, 4], [2]]


def nan_raw():
    raw = make_raw()
    raw._data[1, 250] = np.nan
    return raw


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_raw(0.5), "lasts 0.50 s, less than one window"),
        (lambda: make_raw(kinds="eog"), "no good EEG channel"),
        (lambda: make_epochs(kinds="eog"), "no good EEG channel"),
        (nan_raw, "NaN or infinity, first in channel 'Cz' at 1.25 s"),
        (lambda: "nowhere.edf", r"There is no recording at nowhere\.edf\. To leave out"),
        (lambda: "folder/*.edf", r"at folder/\*\.edf\. Patterns are not expanded: pass sorted"),
        (lambda: make_epochs().drop([0, 1], verbose="error"), "hold no epoch"),
        (lambda: np.empty((0, 3, 200)), "at least one epoch"),
    ],
)
def test_list__item_that_cannot_be_used__is_named(make, message):
    with pytest.raises(InvalidEEGError, match=f"Item 2 of the list: .*{message}"):
        read([make_raw(), make_raw(), make(), make_raw()])


def test_file_of_a_list__that_cannot_be_used__its_path_is_named(tmp_path):
    path = tmp_path / "short_raw.fif"
    make_raw(0.5).save(path, verbose="error")
    with pytest.raises(InvalidEEGError, match=r"short_raw\.fif.*lasts 0.50 s, less than one"):
        read(path)
    with pytest.raises(InvalidEEGError, match=r"Item 1 of the list: .*short_raw\.fif.*lasts"):
        read([make_raw(), path])


def test_broken_file__raise__names_item_and_file(three_files):
    message = r"Item 1 of the list: .*broken\.edf.*pass reading=Reading\(on_error='warn'\)"
    with pytest.raises(InvalidEEGError, match=message):
        read(three_files)


@pytest.mark.parametrize("on_error", ["warn", "skip"])
def test_broken_file__left_out__the_others_keep_their_order(three_files, on_error):
    blocks, messages = read(three_files, on_error=on_error)
    assert places(blocks) == [[0, 1], [2, 3, 4]]
    if on_error == "skip":
        assert messages == []
    else:
        assert len(messages) == 1
        assert "Item 1 of the list is left out: " in messages[0]
        assert "broken.edf" in messages[0]


@pytest.mark.parametrize("on_error", ["warn", "skip"])
def test_file_without_an_epoch__left_out__as_any_other(tmp_path, on_error):
    good, empty = tmp_path / "good_raw.fif", tmp_path / "short_raw.fif"
    make_raw(2).save(good, verbose="error")
    make_raw(0.5).save(empty, verbose="error")
    for paths in ([good, empty, good], [empty, good, good], [good, good, empty]):
        blocks, _ = read(paths, on_error=on_error)
        assert places(blocks) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("on_error", ["warn", "skip"])
def test_file_of_epochs_with_nan__left_out__as_any_other(tmp_path, on_error):
    good, bad = tmp_path / "good_raw.fif", tmp_path / "bad-epo.fif"
    make_raw(2).save(good, verbose="error")
    epochs = make_epochs(2)
    epochs._data[1, 2, 17] = np.nan
    epochs.save(bad, verbose="error")
    blocks, _ = read([good, bad, good], on_error=on_error)
    assert places(blocks) == [[0, 1], [2, 3]]


def test_broken_files__all_of_them__says_that_none_is_left(three_files):
    with pytest.raises(InvalidEEGError, match="No item of the list could be used"):
        read([three_files[1]] * 2, on_error="skip")


def test_on_error__objects_in_the_list__are_no_files_and_raise():
    with pytest.raises(InvalidEEGError, match="Item 1 of the list"):
        read([make_raw(), make_raw(kinds="eog")], on_error="skip")


@pytest.mark.parametrize("on_error", ["ignore", None, True, "Raise"])
def test_settings__unknown_on_error__lists_the_known(on_error):
    with pytest.raises(InvalidEEGError, match=r"on_error=.*expected one of \('raise', 'warn'"):
        checked_reading(Reading(on_error=on_error))


@pytest.mark.parametrize(
    ("window", "overlap"),
    [
        *[(0, 0), (-1, 0), (np.nan, 0), (np.inf, 0), (2, 2), (2, 3), (2, -1), (2, np.nan)],
        *[("2", 0), (None, 0), (2, "1"), (2, None), ([2], 0), (True, 0)],
    ],
)
def test_settings__bad_window_or_overlap__says_what_is_expected(window, overlap):
    with pytest.raises(InvalidEEGError, match=r"window=.* and overlap=.* were given; expected"):
        ReadSettings(window=window, overlap=overlap)


@pytest.mark.parametrize("window", [1, 0.5, np.float32(2), np.int64(3)])
def test_settings__any_number_of_seconds__taken(window):
    assert len(read(make_raw(6), window=window)[0][0].data) == 6 / window


@pytest.mark.parametrize("sfreq", [0, -200.0, np.nan, "fast"])
def test_arrays__impossible_rate__says_what_is_expected(sfreq):
    for X in (np.ones((2, 3, 200)), [np.ones((2, 3, 200))] * 2):
        with pytest.raises(InvalidEEGError, match=r"sfreq=.*expected a sampling rate in Hz"):
            read(X, sfreq=sfreq)


def test_arrays__names_twice_or_too_few__say_so():
    with pytest.raises(InvalidEEGError, match="'C3' more than once"):
        read(np.ones((2, 3, 200)), ch_names=["C3", "C3", "C4"])
    with pytest.raises(InvalidEEGError, match="Item 1 of the list: ch_names has 3 names"):
        read([np.ones((2, 3, 200)), np.ones((2, 4, 200))], ch_names=NAMES)
