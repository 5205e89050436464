"""A corpus as X: the same figures as the same signals in memory, and what it was filtered with."""

import warnings

import mne
import numpy as np
import pytest
from tiny import tiny

from sk_brainrvq import BrainRVQEmbedder, EEGCorpus, Filters, Reading, build_corpus
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError

CH_NAMES = ["Fp1", "C3", "Cz", "O2"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Ten windows of 2 s of each of four subjects."""
    folder = tmp_path_factory.mktemp("corpus")
    info = mne.create_info(CH_NAMES, 200, "eeg")
    files = []
    for subject in range(4):
        noise = np.random.default_rng(subject).normal(scale=20e-6, size=(4, 4000))
        files.append(folder / f"sub-{subject}_raw.fif")
        mne.io.RawArray(noise, info, verbose="error").save(files[-1], verbose="error")
    build_corpus(files, folder / "corpus", notch=50)
    return EEGCorpus(folder / "corpus", window=2)


def in_memory(corpus):
    return np.stack([corpus[i] for i in range(len(corpus))])


NAMED = {"sfreq": None, "ch_names": None}


def labels_of(corpus):
    return np.array(["rest", "task"])[np.arange(len(corpus)) % 2]


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer", "classifier"])
def test_fit__corpus__records_its_filters_and_applies_to_arrays(corpus, name):
    estimator = tiny(name, **NAMED, batch_size=8).fit(corpus, labels_of(corpus))
    assert estimator.weights_.info["filters"]["notch"] == 50
    apply = getattr(estimator, "predict_proba", None) or estimator.transform
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        outputs = apply(corpus[:6])
    assert len(outputs) == 6


def test_transform__corpus__equals_the_same_windows_as_an_array(corpus):
    embedder = tiny("embedder", filters=None)
    signals = in_memory(corpus)
    expected = embedder.fit(signals).transform(signals)
    with pytest.warns(EEGWarning, match="The corpus was built with"):
        features = embedder.transform(corpus)
    np.testing.assert_allclose(features, expected, atol=2e-4 * np.abs(expected).max())


def test_embedder_fit__corpus__takes_its_filters(corpus):
    embedder = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=0).fit(corpus)
    assert embedder.weights_.info["filters"]["l_freq"] == 0.3
    assert embedder.transform(corpus).shape == (40, 1556)


def others_than_the_corpus(corpus):
    """Weights that were trained on EEG of another pass band, and that EEG's filters."""
    info = mne.create_info(CH_NAMES, 200, "eeg")
    raw = mne.io.RawArray(in_memory(corpus)[0] * 1e-6, info, verbose="error")
    filters = {"l_freq": None, "h_freq": 45.0, "notch": None, "reference": None}
    settings = {**NAMED, "window": 2.0, "max_epochs": 1}
    return tiny("tokenizer", **settings, filters=Filters(**filters)).fit(raw).weights_, filters


def told_of_filters(function, *args):
    """What a call gives, and what it warns of filters."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*args)
    return result, [str(w.message) for w in caught if "was built with" in str(w.message)]


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_embedder__weights_of_other_filters__one_warning_a_call(corpus, method, as_list):
    weights, filters = others_than_the_corpus(corpus)
    X = [corpus] if as_list else corpus
    embedder = BrainRVQEmbedder(weights, device="cpu")
    _, told = told_of_filters(getattr(embedder, method), X)
    assert len(told) == 1
    assert "notch=50" in told[0]  # what the corpus has
    assert f"h_freq={filters['h_freq']}" in told[0]  # what the weights want
    assert len(told_of_filters(embedder.transform, X)[1]) == 1


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("name", ["embedder", "tokenizer", "classifier"])
def test_fit__own_filters_other_than_the_corpus__error_names_both(corpus, name, as_list):
    X = [corpus, in_memory(corpus)] if as_list else corpus
    estimator = tiny(name, **NAMED | {"sfreq": 200}, filters__h_freq=20)
    with pytest.raises(InvalidEEGError, match=r"built with .*h_freq=75.* h_freq=20.* asked for"):
        estimator.fit(X, np.resize(labels_of(corpus), 40 * (1 + as_list)))


def test_fit__the_corpuss_filters_asked_for__no_warning_whatever_the_weights(corpus):
    weights, _ = others_than_the_corpus(corpus)
    own = Filters(l_freq=0.3, h_freq=75, notch=50, reference=None)
    features, told = told_of_filters(BrainRVQEmbedder(weights, filters=own).fit_transform, corpus)
    assert told == []
    unfiltered = BrainRVQEmbedder(weights, sfreq=200, ch_names=CH_NAMES, filters=None)
    expected = unfiltered.fit_transform(in_memory(corpus))
    np.testing.assert_allclose(features, expected, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer", "embedder"])
def test_fit_transform__list_of_corpora__takes_their_filters(corpus, name):
    estimator = tiny(name, **NAMED)
    _, told = told_of_filters(estimator.fit_transform, [corpus[:8], corpus[8:16]])
    assert told == []
    assert estimator.weights_.info["filters"]["notch"] == 50


def test_fit_transform__corpus_beside_unfiltered_eeg__one_warning(corpus):
    tokenizer = tiny("tokenizer", **NAMED | {"sfreq": 200}, batch_size=8)
    _, told = told_of_filters(tokenizer.fit_transform, [corpus[:8], in_memory(corpus[:2])])
    assert len(told) == 1


def test_validation__corpus_of_other_filters__one_warning(corpus):
    signals = in_memory(corpus[:8])
    classifier = tiny("classifier", validation=(corpus[:4], labels_of(corpus)[:4]))
    _, told = told_of_filters(classifier.fit, signals, labels_of(corpus)[:8])
    assert len(told) == 1


def test_validation__fraction_of_a_corpus__holds_out_whole_subjects(corpus):
    seen = []

    class Look(pytest.importorskip("skorch.callbacks").Callback):
        def on_train_begin(self, net, X=None, **kwargs):
            for dataset in (X, net.validation):
                rows = np.concatenate([group.epoch for group in dataset.groups])
                seen.append(set(corpus.subjects[rows]))

    tiny("tokenizer", **NAMED, validation=0.25, engine__callbacks=[Look()]).fit(corpus)
    train, held_out = seen
    assert len(held_out) == 1
    assert train | held_out == set(corpus.subjects)
    assert not train & held_out


def test_fit__other_filters_than_the_corpus__error_names_both(corpus):
    with pytest.raises(InvalidEEGError, match=r"built with .*notch=50.* was asked for"):
        tiny("tokenizer", **NAMED, filters__notch=60).fit(corpus)


# What was decided when recordings were read

OTHER_READING = {
    "bad_channels": Reading(bad_channels="drop"),
    "read_options": Reading(read_options={".fif": {"allow_maxshield": True}}),
}


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer", "embedder", "classifier"])
def test_fit__reading_that_a_corpus_was_not_built_with__refused(corpus, name):
    for option, reading in OTHER_READING.items():
        with pytest.raises(InvalidEEGError, match=f"corpus was built with {option}=.*asks for"):
            tiny(name, **NAMED, reading=reading).fit(corpus, labels_of(corpus))
    # Nobody can drop a channel of one item and leave it in the other.
    estimator = tiny(name, ch_names=None, reading=OTHER_READING["bad_channels"])
    mixture, labels = [corpus, in_memory(corpus)], np.tile(labels_of(corpus), 2)
    with pytest.raises(InvalidEEGError, match="corpus was built with bad_channels='warn'"):
        estimator.fit(mixture, labels)


def test_transform__reading_that_a_corpus_was_not_built_with__said_once(corpus):
    embedder = tiny("embedder", **NAMED).fit(corpus)
    expected = embedder.transform(corpus)
    for option, reading in OTHER_READING.items():
        features, told = told_of_filters(embedder.set_params(reading=reading).transform, corpus)
        assert [option in text for text in told] == [True]
        np.testing.assert_array_equal(features, expected)


def test_fit__reading_that_makes_no_difference__is_taken(corpus, tmp_path):
    file = corpus.recordings[0].source
    options = {".fif": {"allow_maxshield": True}}
    out = tmp_path / "corpus"
    build_corpus(file, out, notch=50, bad_channels="drop", read_options=options)
    dropped = EEGCorpus(out, window=2)
    assert (
        dropped.reading.get_params()
        == Reading(bad_channels="drop", read_options=options).get_params()
    )
    for X, reading in (
        (dropped, dropped.reading),
        (dropped, Reading(bad_channels="drop")),
        (corpus, Reading(bad_channels="keep", on_error="skip")),
        # Of a mixture, the options are those of its files.
        ([corpus, file], Reading(read_options=options)),
    ):
        _, told = told_of_filters(tiny("embedder", **NAMED, window=2, reading=reading).fit, X)
        assert not [text for text in told if "reading=" in text]
    with pytest.raises(InvalidEEGError, match=r"built with bad_channels='drop'.*='keep'"):
        tiny("embedder", **NAMED, reading=Reading(bad_channels="keep")).fit(dropped)


def test_labels__one_too_few_for_a_corpus__error(corpus):
    with pytest.raises(ValueError, match="y has 39 labels, but X has 40 epochs"):
        tiny("classifier", **NAMED).fit(corpus, labels_of(corpus)[1:])
