"""BrainRVQEmbedder(center_by="subject"): containers that know their people, covariances, MOABB."""

import pickle

import numpy as np
import pandas as pd
import pytest
from braindecode.datasets import create_from_X_y
from moabb.datasets.fake import FakeDataset
from moabb.evaluations import CrossSubjectEvaluation
from moabb.paradigms import LeftRightImagery
from recorded_people import PEOPLE, STATES, eeg_of_people, epochs_of, whitened
from recordings.recording_files import bids_file, make_raw
from scipy.linalg import expm
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from tiny import CH_NAMES, make_eeg, tiny

from sk_brainrvq import BrainRVQEmbedder, EEGCorpus, Recordings, build_corpus
from sk_brainrvq.exceptions import CheckpointError, EEGWarning, InvalidEEGError


def embedder(**params):
    """Tokens, spectra and covariances of a random network, centred by person."""
    return BrainRVQEmbedder(
        None, architecture="tiny", random_state=0, center_by="subject", device="cpu"
    ).set_params(**params)


@pytest.fixture(scope="module")
def epochs():
    return epochs_of(eeg_of_people(), subject=PEOPLE)


@pytest.fixture(scope="module")
def plain(epochs):
    return embedder(center_by=None).fit_transform(epochs)


@pytest.fixture(scope="module")
def centred(epochs):
    return embedder().fit_transform(epochs)


def matrices(features):
    """Log-covariances (n, 19, 19) of the last 190 columns: 30 to 45 Hz."""
    rows, columns = np.triu_indices(19)
    made = np.zeros((len(features), 19, 19))
    made[:, rows, columns] = features[:, -190:] / np.where(rows == columns, 1, np.sqrt(2))
    return made + np.triu(made, 1).swapaxes(1, 2)


# What centring does


def test_spectra__of_each_person__less_their_mean(plain, centred):
    means = pd.DataFrame(plain).groupby(PEOPLE).transform("mean").to_numpy()
    assert np.allclose(centred[:, 606:-950], (plain - means)[:, 100:-950], atol=1e-5)


def test_tokens_and_whitened_spectra__of_signals_whitened_by_scipy__less_their_mean(centred):
    signals = whitened(eeg_of_people(), PEOPLE)
    features = embedder(center_by=None).fit_transform(epochs_of(signals))[:, :606]
    means = pd.DataFrame(features).groupby(PEOPLE).transform("mean").to_numpy()
    np.testing.assert_allclose(centred[:, :606], features - means, atol=1e-3)
    assert centred[:, :100].std() > 0.1


def test_covariances__of_each_person__have_their_riemannian_mean_at_one(centred):
    # The mean is where the logarithms of all matrices, seen from there, add up to zero.
    for person in np.unique(PEOPLE):
        assert np.abs(centred[person == PEOPLE, -950:].mean(0)).max() < 1e-3
    assert np.abs(centred[:, -950:]).max() > 0.1


def test_covariances__of_a_person__keep_their_distances(plain, centred):
    """The affine-invariant distance of two matrices is that of their generalised eigenvalues."""

    def distance(first, second):
        ratios = np.linalg.eigvals(np.linalg.solve(expm(first), expm(second)))
        return np.sqrt(np.sum(np.log(ratios.real) ** 2))

    before, after = matrices(plain.astype(float)), matrices(centred.astype(float))
    for i, j in ((0, 1), (2, 9), (13, 20)):
        assert np.isclose(distance(before[i], before[j]), distance(after[i], after[j]), rtol=1e-2)


def test_transform__other_people_in_the_call__change_nothing(epochs, centred):
    fitted = embedder().fit(epochs)
    assert np.array_equal(fitted.transform(epochs), centred)
    for person in np.unique(PEOPLE):
        assert np.array_equal(fitted.transform(epochs[person == PEOPLE]), centred[person == PEOPLE])


def test_pooling_and_parts__each__are_centred(epochs):
    for params in (
        {"pooling": "region", "spectrum": None, "covariance": False},
        {"pooling": "channel", "spectrum": "channel"},
        {"tokens": False, "spectrum": "mean", "covariance": False},
        {"pooling": "mean_std", "covariance": False},
    ):
        found = embedder(**params).fit_transform(epochs)
        raw = embedder(**params, center_by=None).fit_transform(epochs)
        spectra = {None: 0, "mean": 46, "channel": 4 * 46, "region": 506}
        n_whitened = spectra[params.get("spectrum", "region")]
        assert found.shape == (len(raw), raw.shape[1] + n_whitened)
        assert np.abs(raw[PEOPLE == "bob"].mean(0)).max() > 0.01
        assert np.abs(found[PEOPLE == "bob"].mean(0)).max() < 1e-3


# Containers


def test_fit__calibration_that_knows_nobody__says_so_of_the_calibration(epochs):
    arrays = embedder(sfreq=200, ch_names=CH_NAMES, tokens=False)
    X = epochs.get_data() * 1e6
    with pytest.raises(
        InvalidEEGError, match=r"They belong to calibration: .*calibrate\(X, subjects"
    ):
        arrays.fit(X, subjects=PEOPLE, calibration=X[:12])
    nameless = epochs_of(X[:12])
    with pytest.raises(InvalidEEGError, match="They belong to calibration: "):
        embedder(tokens=False).fit(epochs, calibration=nameless)


def test_epochs__each_way_of_naming_people__same_features(epochs, centred):
    X = epochs.get_data() * 1e6
    for column in ("subject_id", "participant_id", "participant"):
        assert np.array_equal(embedder().fit_transform(epochs_of(X, **{column: PEOPLE})), centred)
    single = [epochs[i] for i in range(len(epochs))]  # as scikit-learn indexes Epochs
    assert np.array_equal(embedder().fit_transform(single), centred)
    arrays = embedder(sfreq=200, ch_names=CH_NAMES)
    assert np.allclose(arrays.fit_transform(X, subjects=PEOPLE), centred, atol=1e-4)


def test_recordings__raws_files_and_corpus__features_of_each_person_have_mean_zero(tmp_path):
    people = ["a", "b", "b"]
    raws = [make_raw(24, seed, 3) for seed in range(3)]
    for number, raw in enumerate(raws):
        raw.info["subject_info"] = {"his_id": people[number]}
        raw._data *= 1 + number
    rows = np.repeat([0, 1, 1], 12)
    plain = {"covariance": False, "min_windows": 5}
    files = [
        bids_file(tmp_path, person, raw, session=str(n))
        for n, (person, raw) in enumerate(zip(people, raws, strict=True))
    ]
    build_corpus(tmp_path, tmp_path / "corpus", notch=50)
    nameless = [make_raw(24, seed, 3) for seed in range(3)]
    for container in (
        raws,
        files,
        Recordings(nameless, subjects=people, window=2),
        EEGCorpus(tmp_path / "corpus", window=2),
    ):
        found = embedder(window=2, **plain).fit_transform(container)
        assert found.shape[0] == 36
        for person in (0, 1):
            assert np.abs(found[rows == person].mean(0)).max() < 1e-4
        assert np.abs(found[rows == 1][:12].mean(0)).max() > 1e-3  # not each recording


def test_file_names__of_temple_and_eegmat__tell_the_subject(tmp_path):
    for name in ("aaaaaaab_s001_t000.fif", "Subject07_1.fif"):
        make_raw(24).save(tmp_path / name, verbose="error")
        assert len(embedder(window=2).fit_transform(tmp_path / name)) == 12
    make_raw(24).save(tmp_path / "unnamed_raw.fif", verbose="error")
    with pytest.raises(InvalidEEGError, match="the subjects of the windows are unknown"):
        embedder(window=2).fit(tmp_path / "unnamed_raw.fif")


def test_braindecode__description__tells_the_subject(epochs, centred):
    dataset = create_from_X_y(
        *(epochs.get_data() * 1e6, np.zeros(36, int)),
        **{"drop_last_window": False, "sfreq": 200, "ch_names": CH_NAMES},
    )
    for number, part in enumerate(dataset.datasets):
        part.set_description({"subject": str(PEOPLE[number])}, overwrite=True)
    assert np.allclose(embedder().fit_transform(dataset), centred, atol=1e-3)


# scikit-learn and MOABB


def test_pipelines__any_scorer__centred_on_both_sides(epochs):
    X, y = epochs, STATES
    plain = {"tokens": False, "covariance": False}
    model = make_pipeline(embedder(**plain), LogisticRegression())
    scores = cross_val_score(
        model, X, y, groups=PEOPLE, cv=LeaveOneGroupOut(), scoring="balanced_accuracy"
    )
    raw = clone(model).set_params(brainrvqembedder__center_by=None)
    of_raw = cross_val_score(
        raw, X, y, groups=PEOPLE, cv=LeaveOneGroupOut(), scoring="balanced_accuracy"
    )
    assert scores.mean() > 0.9 > of_raw.mean()
    search = GridSearchCV(
        model, {"brainrvqembedder__center_by": ["subject", None]}, cv=GroupKFold(3), refit=False
    ).fit(X, y, groups=PEOPLE)
    assert search.best_params_ == {"brainrvqembedder__center_by": "subject"}


def test_routing__subjects_of_arrays__reach_fit_and_predict(epochs):
    X, y = epochs.get_data() * 1e6, STATES
    part = embedder(sfreq=200, ch_names=CH_NAMES, tokens=False, covariance=False)
    with config_context(enable_metadata_routing=True):
        model = make_pipeline(part, LogisticRegression()).fit(X, y, subjects=PEOPLE)
        assert model.score(X, y, subjects=PEOPLE) > 0.9
    with pytest.raises(InvalidEEGError, match="Pass subjects="):
        model.predict(X)


@pytest.mark.parametrize("mode", ["train_only", "train_and_target_unlabeled_50p"])
def test_moabb__cross_subject_on_epochs__with_and_without_calibration(tmp_path, mode):
    dataset = FakeDataset(
        ["left_hand", "right_hand"],
        **{"n_sessions": 1, "n_runs": 1, "n_subjects": 3, "duration": 60, "n_events": 20},
        channels=["C3", "Cz", "C4"],
        seed=0,
    )
    part = embedder(min_windows=5, tokens=False)
    with config_context(enable_metadata_routing=True):
        part = part.set_fit_request(X_target_unlabeled=mode != "train_only")
    evaluation = CrossSubjectEvaluation(
        *(LeftRightImagery(resample=200, tmax=1.995), [dataset]),
        **{"hdf5_path": str(tmp_path), "return_epochs": True, "error_score": "raise"},
        **({} if mode == "train_only" else {"cs_mode": mode}),
    )
    results = evaluation.process({"centred": make_pipeline(part, LogisticRegression())})
    assert len(results) == 3
    assert results["score"].between(0, 1).all()


# Calibration


def test_calibrate__earlier_windows__single_later_ones_are_centred(epochs, plain):
    early = np.arange(36) % 12 < 10
    fitted = embedder(covariance=False).fit(epochs, calibration=epochs[early])
    found = fitted.transform(epochs[11])
    spectra = plain[:, 100:-950]
    assert np.allclose(found[:, 606:], spectra[11] - spectra[:10].mean(0), atol=1e-4)
    whole = fitted.transform(epochs)  # covariances are those of the calibration, too
    assert np.allclose(whole[early][:10].mean(0), 0, atol=1e-4)
    assert np.array_equal(whole[11], found[0])
    with pytest.raises(InvalidEEGError, match="no calibration windows of 'new'"):
        fitted.transform(epochs_of(make_eeg(1, 4, 400), subject=["new"]))
    fitted.calibrate(epochs_of(make_eeg(12, 4, 400), subject=["new"] * 12))
    assert fitted.transform(epochs_of(make_eeg(1, 4, 400), subject=["new"])).shape == (1, 1112)


def test_saved_and_pickled__calibrated__same_features(epochs, tmp_path):
    fitted = embedder().fit(epochs, calibration=epochs)
    expected = fitted.transform(epochs[:3])
    fitted.save_pretrained(tmp_path)
    loaded = BrainRVQEmbedder.from_pretrained(tmp_path)
    assert np.array_equal(loaded.transform(epochs[:3]), expected)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).transform(epochs[:3]), expected)
    fitted.subject_centers_["ada"] = np.zeros(3)
    fitted.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="differ in size"):
        BrainRVQEmbedder.from_pretrained(tmp_path)


# What is said


def test_few_windows__fit_and_transform__say_whose(epochs):
    with pytest.warns(EEGWarning, match=r"min_windows=20 windows of 'ada' \(12\)"):
        embedder(min_windows=20).fit(epochs)
    fitted = embedder().fit(epochs)
    with pytest.warns(EEGWarning, match=r"min_windows=10 windows of 'eve' \(2\)"):
        found = fitted.transform(epochs[-2:])
    assert np.isfinite(found).all()
    assert np.abs(fitted.transform(epochs[-1:])).max() > 1e-3  # not zero, as its own mean is


def test_fit__one_class_for_each_person__says_that_centering_removes_it(epochs):
    with pytest.warns(EEGWarning, match="removes what you want to predict"):
        embedder().fit(epochs, (PEOPLE == "ada").astype(int))


def test_input__of_no_use__errors(epochs):
    X = epochs.get_data()
    for subjects, message in (
        ([None, *PEOPLE[1:]], r"1 of 36 windows \(row 0\)"),
        (PEOPLE[:5], "5 subjects were given for 36 windows"),
    ):
        with pytest.raises(InvalidEEGError, match=message):
            embedder().fit(epochs, subjects=subjects)
        with pytest.raises(InvalidEEGError, match=message):
            embedder().fit(epochs).transform(epochs, subjects=subjects)
    with pytest.raises(InvalidEEGError, match="Pass subjects="):
        embedder(sfreq=200).fit(X * 1e6)
    for params, message in (
        ({"center_by": "session"}, "center_by='session' was given; expected 'subject' or None"),
        ({"min_windows": 0}, "min_windows=0 was given"),
        ({"pooling": "none", "spectrum": None, "covariance": False}, "pooling='none' and center"),
    ):
        with pytest.raises(ValueError, match=message):
            embedder(**params).fit(epochs)


def test_parameters_changed_after_fit__error_says_to_fit_again(epochs):
    for params in ({"center_by": "subject"}, {"center_by": "subject", "covariance": True}):
        fitted = embedder(center_by=None, covariance=False).fit(epochs)
        with pytest.raises(ValueError, match="Fit again"):
            fitted.set_params(**params).transform(epochs)
    with pytest.raises(ValueError, match="does not centre people"):
        embedder(center_by=None).fit(epochs).calibrate(epochs)


def test_without_center_by__subjects__are_not_needed_and_change_nothing():
    part = tiny("embedder")
    X = make_eeg()
    assert np.array_equal(part.fit(X, subjects=[1] * 12).transform(X), part.fit(X).transform(X))
    assert not hasattr(part, "center_")
