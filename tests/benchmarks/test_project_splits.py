"""The project's own splits in ``table.py``: who is read, what is fitted, what is printed."""

import mne
import numpy as np
import pytest
from benchmark_commands import main_of
from sklearn.cross_decomposition import CCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table import limits
from table.features import (
    CENTRED,
    canonical_correlations,
    compute,
    log_band_power,
    stimulus_response,
)
from table.store import Store
from table.systems import SYSTEMS
from table.tasks import as_task, load_task, project_folds

from sk_brainrvq.datasets import BENCHMARK_SPLITS, make_eeg


@pytest.fixture(scope="module")
def main():
    """``main`` of the table's command."""
    return main_of("table")


@pytest.fixture(scope="module")
def windows():
    """Simulated people 0 to 31 under EEGMAT's numbers."""
    return make_eeg(32, 6, duration=1, effect=0.7, ch_names=["Fz", "O1", "O2"], random_state=0)


def test_project_folds__develop__folds_of_the_split_and_all_others_fitted(windows):
    task = as_task("eegmat", windows.of_subjects(range(28)))
    folds = project_folds(task, "develop")
    assert len(folds) == 7
    for fold, people in zip(folds, BENCHMARK_SPLITS["eegmat"].folds, strict=True):
        assert sorted(set(task.subjects[fold.test].tolist())) == list(people)
        assert np.array_equal(fold.fitted, np.flatnonzero(~np.isin(task.subjects, people)))
        assert set(fold.validation) < set(fold.fitted)
        assert not set(fold.train) & set(fold.validation)


def test_project_folds__once__fitted_on_all_to_develop_on_and_scored_on_the_others(windows):
    task = as_task("eegmat", windows)
    (fold,) = project_folds(task, "once")
    assert set(task.subjects[fold.scored].tolist()) == {28, 29, 30, 31}
    assert set(task.subjects[fold.fitted].tolist()) == set(range(28))
    with pytest.raises(ValueError, match="scored once for each released model"):
        project_folds(task, "develop")
    with pytest.raises(ValueError, match="and not simulated"):
        project_folds(as_task("simulated", windows), "develop")


def write_person(folder, subject, codes=(1, 2, 3, 4) * 2):
    """A session in which the light that is looked at is seen in the EEG."""
    place = folder / f"subject{subject:02d}"
    place.mkdir()
    rng, times = np.random.default_rng(subject), np.arange(256 * 60) / 256
    signals = 30 * rng.normal(size=(8, len(times)))
    samples = 500 + 1664 * np.arange(len(codes))
    for sample, code in zip(samples, codes, strict=True):
        if code > 1:
            seen = slice(sample, sample + 1280)
            signals[:, seen] += 10 * np.sin(2 * np.pi * {2: 13, 3: 21, 4: 17}[code] * times[seen])
    names = "Oz O1 O2 PO3 POz PO7 PO8 PO4".split()  # noqa: SIM905
    raw = mne.io.RawArray(1e-3 * signals, mne.create_info(names, 256, "eeg"), verbose="error")
    raw.save(place / f"record-[2012.07.0{subject}-19.02.16]_raw.fif", verbose="error")
    events = np.column_stack([samples, 0 * samples, codes])
    mne.write_events(
        place / f"record-[2012.07.0{subject}-19.02.16]-eve.fif", events, verbose="error"
    )


@pytest.fixture(scope="module")
def ssvep(tmp_path_factory):
    """Four people, and one who is never read, whose file nobody can read."""
    folder = tmp_path_factory.mktemp("ssvep")
    for subject in (1, 2, 5, 8):
        write_person(folder, subject)
    (folder / "subject11").mkdir()
    path = folder / "subject11" / "record-[2014.01.01-00.00.00]_raw.fif"
    path.write_bytes(b"not to be opened")
    return folder


def test_load_task__split_of_the_project__files_of_other_people_stay_closed(ssvep):
    assert set(load_task("ssvep", ssvep, "develop").subjects.tolist()) == {1, 2, 5}
    assert set(load_task("ssvep", ssvep, "once").subjects.tolist()) == {1, 2, 5, 8}
    with pytest.raises(ValueError, match="never read: expected develop or once"):
        load_task("ssvep", ssvep)


def test_table__develop__figures_by_name_as_scikit_learn_has_them(main, ssvep, tmp_path, capsys):
    arguments = ["--dataset", "ssvep", "--data", str(ssvep), "--systems", "bands7,cca"]
    assert main([*arguments, "--results", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    task = load_task("ssvep", ssvep, "develop")
    X, y = log_band_power(task.X, 7), task.y
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=5000)
    )
    accuracy, kappa = [], []
    for train, test in BENCHMARK_SPLITS["ssvep"].cross_validation(task.subjects):
        predicted = model.fit(X[train], y[train]).predict(X[test])
        accuracy.append(balanced_accuracy_score(y[test], predicted))
        kappa.append(cohen_kappa_score(y[test], predicted))
    rows = {line.split(" | ")[0]: line.split(" | ")[1:] for line in printed.splitlines()}
    shown = [float(cell.split()[0]) for cell in rows["| 7-band log power, LR"][:2]]
    assert shown == pytest.approx([np.mean(accuracy), np.mean(kappa)], abs=6e-4)
    assert float(rows["| CCA, largest correlation"][0].split()[0]) > 0.7
    assert "balanced accuracy, per person" in printed


def test_three_datasets__one_of_them__leads_of_people_as_the_results_kept_have_them(
    ssvep, tmp_path, capsys
):
    arguments = ["--data", f"ssvep={ssvep}", "--seeds", "1", "--results", str(tmp_path)]
    assert main_of("three_datasets")(arguments) == 0
    printed = capsys.readouterr().out
    store, accuracy = Store(tmp_path, "ssvep"), {}
    for key in store:  # a fold is a person
        record, _ = store.read(key)
        own = accuracy.setdefault(record["system"], {})
        own[record["fold"]] = record["figures"]["balanced_accuracy"]
    lead = np.mean([accuracy["frozen"][fold] - accuracy["bands7"][fold] for fold in "123"])
    row = "| BrainRVQ, one covariance, LR, over: 7-band log power, LR | "
    cells = next(line for line in printed.splitlines() if line.startswith(row)).split(" | ")[1:3]
    assert [float(cell.split()[0]) for cell in cells] == pytest.approx([lead, lead], abs=6e-4)
    assert "People: SSVEP exoskeleton 3." in printed
    title = next(line for line in printed.splitlines() if line.startswith("| lead |"))
    assert "(*)" in title  # the bundled model has seen the EEG of these people
    assert main_of("three_datasets")(["--data", "seed-v=there"]) == 2
    assert "expected dataset=FOLDER" in capsys.readouterr().err


def test_table__people_without_a_published_split__other_splits_refused(main, tmp_path, capsys):
    for split in ("folds", "official"):
        arguments = ["--dataset", "ssvep", "--data", str(tmp_path), "--split", split]
        assert main(arguments) == 2
        assert "never read: expected develop or once" in capsys.readouterr().err


def test_stimulus_features__sines_in_noise__largest_at_their_frequency():
    times, rng = np.arange(400) / 200, np.random.default_rng(0)
    X = np.stack(
        [rng.normal(size=(4, 400)) + np.sin(2 * np.pi * f * times) for f in (13, 17, 21) * 3]
    )
    for feature in (stimulus_response, canonical_correlations):
        assert feature(X).shape == (9, 3)
        assert feature(X).argmax(1).tolist() == [0, 1, 2] * 3


def test_canonical_correlations__one_window__as_scikit_learn_has_them():
    x, times = np.random.default_rng(0).normal(size=(4, 400)), np.arange(400) / 200
    waves = np.stack([f(2 * np.pi * 17 * h * times) for h in (1, 2) for f in (np.sin, np.cos)], 1)
    a, b = CCA(1, max_iter=5000, tol=1e-12).fit_transform(x.T, waves)
    expected = np.corrcoef(a[:, 0], b[:, 0])[0, 1]
    assert canonical_correlations(x[None])[0, 1] == pytest.approx(expected, abs=1e-3)


def test_compute__centred__each_persons_features_have_mean_zero_and_signals_stay_the_same():
    task = as_task("eegmat", make_eeg(3, 12, duration=2, ch_names=["Fz", "O1", "O2"]))
    for name in ("bands7", "random-default-0"):
        options = (task, {"spectrum": None}, "tiny", {"filters": None})
        plain, centred = (compute(name + end, *options) for end in ("", CENTRED))
        assert plain.shape == centred.shape
        for person in np.unique(task.subjects):
            own = task.subjects == person
            # Covariances are centred by a Riemannian mean, on which they have mean zero too.
            assert np.allclose(centred[own].mean(0), 0, atol=1e-3)
            if name == "bands7":
                assert np.allclose(centred[own], plain[own] - plain[own].mean(0), atol=1e-4)
    assert SYSTEMS["bands7-centred"].features(0) == ("bands7@person",)
    assert SYSTEMS["random-default-centred"].features(2) == ("random-default-2@person",)


def test_limits__parts_of_people__hold_no_more_windows_or_states_than_they_say():
    task = as_task("eegmat", make_eeg(3, 12, duration=1, ch_names=["Fz"]))
    parts = limits.parts_of_people(task)
    for n in limits.N_WINDOWS:
        people, _ = parts[f"{n} drawn"]
        assert max(np.unique(people, return_counts=True)[1]) == min(n, 12)
    for name, (people, _) in parts.items():
        for part in np.unique(people):
            own = people == part
            assert len(set(task.subjects[own])) == 1  # nobody is seen with others' windows
            if name == "one state":
                assert len(set(task.y[own])) == 1
    assert parts["3 own"][1] == 1  # no part is drawn to the others
    # The same windows, with and without being drawn.
    assert (parts["3 own"][0] == parts["3 drawn"][0]).all()
