"""Filters, reference and electrode map of an estimator, from raw EEG to its features."""

import pickle

import mne
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from tiny import CH_NAMES, fitted, make_eeg, tiny

from sk_brainrvq import BrainRVQEmbedder, Filters, Reading
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError

FROM_MNE = {"sfreq": None, "ch_names": None, "window": 5.0, "pooling": "channel"}
BAND = Filters(l_freq=0.5, notch=50.0)


def clean_signals(n_seconds=60, sfreq=500.0, seed=0):
    """Microvolts between 2 and 40 Hz, which no filter of these tests touches."""
    noise = np.random.default_rng(seed).normal(scale=60, size=(4, int(n_seconds * sfreq)))
    return mne.filter.filter_data(noise, sfreq, 2.0, 40.0, verbose="error")


def to_raw(microvolts, ch_names=CH_NAMES, sfreq=500.0):
    info = mne.create_info(list(ch_names), sfreq, "eeg")
    return mne.io.RawArray(microvolts * 1e-6, info, verbose="error")


def as_recorded(clean, sfreq=500.0):
    """The same with an amplifier's offset and the mains in it."""
    times = np.arange(clean.shape[1]) / sfreq
    hum = 30 * np.sin(2 * np.pi * 50 * times) + 5 * np.sin(2 * np.pi * 150 * times)
    return clean + 1e5 + hum


def distance(first, second):
    return np.linalg.norm(first - second) / np.linalg.norm(second)


def test_offset_and_hum__filtered__features_of_the_clean_recording():
    clean = clean_signals()
    embedder = tiny("embedder", **FROM_MNE).fit(to_raw(clean))
    expected = embedder.transform(to_raw(clean))[1:-1]  # filters ring at the recording's ends
    recorded = to_raw(as_recorded(clean))
    unfiltered = embedder.transform(recorded)[1:-1]
    filtered = embedder.set_params(filters=BAND).transform(recorded)[1:-1]
    assert distance(filtered, expected) < 0.02
    assert distance(unfiltered, expected) > 0.2


def test_info_of_mne__filtered_already__not_filtered_again():
    raw = to_raw(clean_signals()).filter(1.0, 30.0, verbose="error")
    plain = tiny("embedder", **FROM_MNE).fit_transform(raw)
    again = tiny("embedder", **FROM_MNE, filters=Filters(1.0, 30.0)).fit_transform(raw)
    np.testing.assert_array_equal(again, plain)
    stricter = tiny("embedder", **FROM_MNE, filters__l_freq=8.0).fit_transform(raw)
    assert distance(stricter, plain) > 0.05


def test_epochs_shorter_than_the_filter__warning_says_what_was_done():
    epochs = mne.make_fixed_length_epochs(to_raw(clean_signals()), 2.0, verbose="error")
    embedder = tiny("embedder", **FROM_MNE, filters__l_freq=0.5).fit(epochs)
    with pytest.warns(EEGWarning, match="epochs last 2 s .*the band-pass needs 6.6 s"):
        embedder.transform(epochs)


def cut(raw):
    return mne.make_fixed_length_epochs(raw, 5.0, preload=True, verbose="error")


def test_reference__average__as_mne_sets_it():
    raw = to_raw(clean_signals())
    result = tiny("embedder", **FROM_MNE, filters__reference="average").fit_transform(raw)
    referenced = raw.copy().set_eeg_reference("average", verbose="error")
    np.testing.assert_allclose(
        result, tiny("embedder", **FROM_MNE).fit_transform(referenced), atol=1e-5
    )


def test_reference__average_beside_unknown_places__mnes_of_the_placed_channels(tmp_path):
    names = ["Fp1", "W1", "C3", "O2"]  # W1 lies nowhere unless electrode_map says so
    noise = clean_signals()
    noise[1] *= 20
    raw = to_raw(noise, names)
    own = Reading(electrode_map={"W1": "Pz"})
    for placed, reading in ((["Fp1", "C3", "O2"], None), (names, own)):
        by_mne = raw.copy().set_eeg_reference(placed, verbose="error")
        settings = {**FROM_MNE, "reading": reading}
        embedder = tiny("embedder", **settings, filters__reference="average")
        path = tmp_path / f"{len(placed)}_raw.fif"
        raw.save(path, fmt="double", verbose="error")
        for X, wanted in ((raw, by_mne), (path, by_mne), (cut(raw), cut(by_mne))):
            expected = tiny("embedder", **settings).fit_transform(wanted)
            np.testing.assert_allclose(embedder.fit_transform(X), expected, atol=1e-4)


def test_reference__average_of_one_placed_channel__left_out_with_a_warning():
    raw = to_raw(clean_signals(), ["C3", "W1", "W2", "W3"])
    embedder = tiny("embedder", **FROM_MNE, filters__reference="average")
    with pytest.warns(
        EEGWarning, match="average of a single channel with a known position is that"
    ):
        features = embedder.fit_transform(raw)
    np.testing.assert_array_equal(features, tiny("embedder", **FROM_MNE).fit_transform(raw))


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer", "classifier"])
def test_filters_of_a_fit__recorded_in_its_weights__used_by_auto(name):
    recorded = to_raw(as_recorded(clean_signals(n_seconds=30)))
    params = {"sfreq": None, "ch_names": None, "window": 5.0, "filters": clone(BAND)}
    trained = tiny(name, **params, filters__reference="average").fit(recorded, [0, 1] * 3)
    filters = {"l_freq": 0.5, "h_freq": None, "notch": 50.0, "reference": "average"}
    assert dict(trained.weights_.info["filters"]) == filters

    settings = {"window": 5.0, "device": "cpu"}
    automatic = BrainRVQEmbedder(trained.weights_, **settings).fit_transform(recorded)
    told = BrainRVQEmbedder(trained.weights_, **settings, filters=Filters(**filters)).fit_transform(
        recorded
    )
    np.testing.assert_array_equal(automatic, told)
    without = BrainRVQEmbedder(trained.weights_, **settings, filters=None).fit_transform(recorded)
    assert distance(without, automatic) > 0.01


def test_filters_of_a_tokenizer__pretrainer_on_it__filters_the_same():
    # Its codes are of filtered EEG: those of unfiltered EEG would be others.
    recorded = to_raw(as_recorded(clean_signals(n_seconds=30)))
    params = {"sfreq": None, "ch_names": None, "window": 5.0}
    tokenizer = tiny("tokenizer", **params, filters=BAND).fit(recorded)
    sizes = {"architecture": "tiny"}
    pretrainer = tiny("pretrainer", **params, **sizes, tokenizer=tokenizer.weights_).fit(recorded)
    assert pretrainer.weights_.info["filters"] == tokenizer.weights_.info["filters"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"filters": Filters(l_freq=-1)}, "l_freq=-1 was given"),
        ({"filters": Filters(l_freq=40, h_freq=10)}, "expected l_freq"),
        ({"filters": Filters(notch="mains")}, "notch='mains' was given"),
        ({"filters": Filters(reference="Pz")}, "reference channel 'Pz' is not among the channels"),
        ({"reading": Reading(electrode_map=["Cz"])}, "electrode_map must be a dict"),
    ],
)
def test_bad_settings__fit__says_what_was_given(params, message):
    with pytest.raises(InvalidEEGError, match=message):
        tiny("embedder", **params).fit(make_eeg())


def test_electrode_map__unknown_names__features_of_the_electrodes_meant():
    X = make_eeg()
    leads = ["lead 1", "lead 2", "lead 3", "lead 4"]
    meant = dict(zip(leads, CH_NAMES, strict=True))
    mapped = tiny("embedder", ch_names=leads, reading=Reading(electrode_map=meant))
    expected = fitted("embedder").transform(X)
    np.testing.assert_allclose(mapped.fit_transform(X), expected, atol=1e-5)
    assert [row["how"] for row in mapped.electrode_report_] == ["user"] * 4
    unmapped = tiny("embedder", ch_names=leads).fit_transform(X)
    assert distance(unmapped, expected) > 1e-3


def test_electrode_report__after_fit__is_a_table():
    names = ["EEG FP1-REF", "T3", "C3-C4", "lead"]
    embedder = tiny("embedder", ch_names=names).fit(make_eeg())
    table = pd.DataFrame(embedder.electrode_report_)
    assert table["channel"].tolist() == names
    assert table["how"].tolist() == ["decorated", "renamed", "bipolar", "mean"]
    assert list(table["electrodes"][2]) == ["C3", "C4"]
    for shares in table["weights"]:
        assert sum(shares) == pytest.approx(1)


def test_electrode_report__of_several_recordings__has_channels_of_all():
    items = [
        to_raw(make_eeg(1, 4, 2500)[0]),
        to_raw(make_eeg(1, 2, 2500)[0], ["Cz", "Pz"]),
    ]
    embedder = tiny("embedder", sfreq=None, ch_names=None, window=5.0).fit(items)
    assert [row["channel"] for row in embedder.electrode_report_] == [*CH_NAMES, "Pz"]


def test_electrode_report__saved_and_pickled__stays(tmp_path):
    embedder = tiny("embedder", ch_names=["Fp1", "T3", "C3-C4", "lead"]).fit(make_eeg())
    expected = pd.DataFrame(embedder.electrode_report_)
    embedder.save_pretrained(tmp_path)
    for loaded in (
        BrainRVQEmbedder.from_pretrained(tmp_path),
        pickle.loads(pickle.dumps(embedder)),
    ):
        table = pd.DataFrame(loaded.electrode_report_)
        assert table[["channel", "how", "note"]].equals(expected[["channel", "how", "note"]])
        for column in ("electrodes", "rows", "weights"):
            assert [list(x) for x in table[column]] == [list(x) for x in expected[column]]
        assert repr(loaded.electrode_report_) == repr(embedder.electrode_report_)


def test_settings_of_reading__saved__come_back(tmp_path):
    electrode_map = {"lead": ["C3", "C4"]}
    given = {"filters": Filters(l_freq=1.0, reference=["Cz"]), "reading": Reading(electrode_map)}
    names = ["Fp1", "lead", "Cz", "O2"]
    embedder = tiny("embedder", ch_names=names, window=4.0, overlap=1.0, **given)
    embedder.fit(make_eeg()).save_pretrained(tmp_path)
    loaded = BrainRVQEmbedder.from_pretrained(tmp_path)
    assert loaded.filters.get_params() == given["filters"].get_params()
    assert loaded.reading.get_params() == given["reading"].get_params()
    assert (loaded.window, loaded.overlap) == (4.0, 1.0)
    X = make_eeg()
    np.testing.assert_array_equal(loaded.transform(X), embedder.transform(X))


def test_coordinates_alone__a_montage_of_unknown_names__is_interpolated():
    montage = mne.channels.make_standard_montage("GSN-HydroCel-128")
    info = mne.create_info(montage.ch_names, 200.0, "eeg").set_montage(montage)
    X = make_eeg(2, 128, 400)
    epochs = mne.EpochsArray(X * 1e-6, info, verbose="error")
    embedder = tiny("embedder", sfreq=None, ch_names=None)
    result = embedder.fit_transform(epochs)
    report = pd.DataFrame(embedder.electrode_report_)
    assert len(report) == 128
    assert not (report["how"] == "mean").any()
    assert (report["how"] == "interpolated").mean() > 0.8
    # By name alone nothing would be known of them.
    nameless = mne.create_info([f"X{i}" for i in range(128)], 200.0, "eeg")
    without = mne.EpochsArray(X * 1e-6, nameless, verbose="error")
    assert distance(tiny("embedder", sfreq=None, ch_names=None).fit_transform(without), result) > 0


def test_list_of_arrays__no_rate_given__warns_of_200_hertz_once():
    embedder = tiny("embedder", sfreq=None)
    with pytest.warns(EEGWarning, match="200 Hz is assumed"):
        embedder.fit([make_eeg(2), make_eeg(3)])
