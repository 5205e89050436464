"""The command ``table.py``, and what it shares with ``learning_curve.py``: going on, output."""

import argparse
import csv
from dataclasses import replace

import numpy as np
import pytest
from benchmark_commands import main_of
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table.features import log_band_power
from table.options import add_common_options, choose
from table.output import markdown, write_csv
from table.running import plan, read_result, run
from table.store import Store
from table.summary import sections
from table.system import Settings
from table.tasks import grouped_folds, official_fold

from sk_brainrvq import BrainRVQEmbedder, Weights

NAMES = ("bands7", "st-transformer", "scratch")


# Going on


def run_systems(task, folder, names=NAMES, **options):
    settings = Settings(architecture="tiny", epochs={"": 2})
    jobs = plan(task, grouped_folds(task, 2)[:2], names, [0], settings, folder)
    run(jobs, task, settings, folder, **options)
    return jobs


def test_run__killed_and_given_again__as_if_never_killed(task, tmp_path, capsys):
    whole = run_systems(task, tmp_path / "whole")
    none = run_systems(task, tmp_path / "killed", max_minutes=0)
    assert not any(job.done for job in none)
    run_systems(task, tmp_path / "killed", ("st-transformer",))
    # Killed before the merge, and between the two files of a result: predictions without a record.
    store = none[0].store
    entries = [store.read(key) for key in store]
    for path in (store.table, store.predictions):
        path.unlink()
    for record, arrays in entries:
        store.add({**record, "kept": True}, arrays)
    half = next(job for job in none if job.system == "st-transformer")
    (store.unmerged / f"{half.key}.json").unlink()
    kept = {job.key for job in none if job.system == "st-transformer"} - {half.key}
    capsys.readouterr()
    again = run_systems(task, tmp_path / "killed")
    assert f"{len(kept)} results are there" in capsys.readouterr().err
    assert [read_result(job).record.get("kept", False) for job in again] == [
        job.key in kept for job in none
    ]
    assert [job.key for job in again] == [job.key for job in whole]
    for one, other in zip(whole, again, strict=True):
        a, b = read_result(one), read_result(other)
        assert np.array_equal(a.probability, b.probability)
        assert a.record["figures"] == b.record["figures"]
        assert np.array_equal(a.rows, one.fold.test)


def test_plan__other_epochs_or_data__other_results(task, tmp_path):
    folds = grouped_folds(task, 2)[:1]

    def key(task=task, **settings):
        return plan(task, folds, ["eegnet"], [0], Settings(**settings), tmp_path)[0].key

    changed = replace(task, X=task.X + 1)
    others = [{"epochs": {"": 3}}, {"max_seconds": 9.0}, {"precision": {"eegnet": "bfloat16"}}]
    assert len({key(), key(task=changed), *(key(**other) for other in others)}) == 5
    assert key(precision={"labram": "bfloat16"}) == key(precision={"": "float32"}) == key()
    assert key(weights_digest="other") == key()


def test_run__two_processes__as_in_one(task, tmp_path):
    one = run_systems(task, tmp_path / "one", ("bands7", "st-transformer"))
    two = run_systems(task, tmp_path / "two", ("bands7", "st-transformer"), n_jobs=2)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(read_result(a).probability, read_result(b).probability)


def test_run__one_job_fails__the_others_are_done_and_it_is_named(task, tmp_path):
    broken = replace(task, ch_names=["EOG", *task.ch_names[1:]])
    settings = Settings(epochs={"": 1})
    folds = grouped_folds(broken, 2)[:1]
    jobs = plan(broken, folds, ["labram", "bands7"], [0], settings, tmp_path)
    failed = run(jobs, broken, settings, tmp_path)
    assert [job.done for job in jobs] == [False, True]
    assert len(failed) == 1
    assert "labram" in failed[0]
    assert "EOG" in failed[0]


# What is shown


def test_sections__trained_in_bfloat16__the_row_says_so(task, tmp_path):
    settings = Settings(epochs={"": 1}, precision={"eegnet": "bfloat16"})
    folds = grouped_folds(task, 2)[:1]
    jobs = plan(task, folds, ["eegnet", "st-transformer"], [0], settings, tmp_path)
    run(jobs, task, settings, tmp_path)
    (section,) = sections([read_result(job) for job in jobs], task)
    assert [row.notes for row in section.rows] == [("trained in bfloat16",), ()]


def test_official_fold__no_test_subjects__validation_is_scored_and_marked(tmp_path, eegmat_like):
    task = eegmat_like(32)
    jobs = plan(task, [official_fold(task)], ["bands7"], [0], Settings(), tmp_path)
    run(jobs, task, Settings(), tmp_path)
    (section,) = sections([read_result(job) for job in jobs], task)
    assert "VALIDATION" in section.title
    assert any("too good" in note for note in section.notes)


def test_sections__official_split_with_test_subjects__scored_once_on_them(tmp_path, eegmat_like):
    task = eegmat_like(36)
    jobs = plan(task, [official_fold(task)], ["bands7", "tangent"], [0], Settings(), tmp_path)
    run(jobs, task, Settings(), tmp_path)
    (section,) = sections([read_result(job) for job in jobs], task)
    assert section.title == "Official split"
    rows = np.isin(task.subjects, range(32, 36))
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=5000)
    )
    X, train = log_band_power(task.X, 7), task.subjects < 28
    share = model.fit(X[train], task.y[train]).predict_proba(X[rows])[:, 1]
    estimate = section.rows[0].estimates["auroc"]
    assert estimate.mean == pytest.approx(roc_auc_score(task.y[rows], share), abs=1e-6)
    assert estimate.low <= estimate.mean <= estimate.high


def test_sections__exposed_subjects__their_folds_apart(task, tmp_path):
    folds = grouped_folds(task, 2)
    jobs = plan(task, folds, ["bands7", "bands5"], [0], Settings(), tmp_path)
    run(jobs, task, Settings(), tmp_path)
    results = [read_result(job) for job in jobs]
    tables = {s.slug: s for s in sections(results, task, exposed=range(5))}
    n_folds = {slug: section.rows[0].n_folds for slug, section in tables.items()}
    assert n_folds == {"folds": 4, "folds-seen": 3, "folds-unseen": 1}
    auroc = {
        r.job.fold.name: r.record["figures"]["auroc"] for r in results if r.job.system == "bands5"
    }
    row = next(row for row in tables["folds-seen"].rows if row.system == "bands5")
    assert row.estimates["auroc"].mean == pytest.approx(np.mean([auroc[f] for f in "123"]))


def test_sections__a_band_power_of_few_folds__is_not_what_others_are_set_against(task, tmp_path):
    folds = grouped_folds(task, 2)
    jobs = plan(task, folds, ["bands7"], [0], Settings(), tmp_path)
    jobs += plan(task, folds[1:2], ["bands5"], [0], Settings(), tmp_path)
    jobs += plan(task, folds[:3], ["random", "summaries"], [0], Settings(), tmp_path)
    run(jobs, task, Settings(), tmp_path)
    results = [read_result(job) for job in jobs]
    (section,) = sections(results, task)
    assert section.best_band_power == "bands7"
    rows = {row.system: row for row in section.rows}
    assert rows["bands5"].notes == ("1 of 4 folds",)
    assert rows["random"].notes == ("3 of 4 folds",)
    assert not section.contrasts
    # Under the name of a system that is set against the other.
    results = [
        replace(r, job=replace(r.job, system="frozen")) if r.job.system == "random" else r
        for r in results
    ]
    (section,) = sections(results, task)
    found = [(c.system, c.rival, c.n_folds) for c in section.contrasts]
    assert found == [("frozen", "bands7", 3), ("frozen", "summaries", 3)]
    contrast = section.contrasts[1]
    of = {
        name: np.array([r.record["figures"]["auroc"] for r in results if r.job.system == name])
        for name in ("frozen", "summaries")
    }
    difference = of["frozen"] - of["summaries"]
    plain, corrected = contrast.difference.estimate, contrast.difference.corrected
    assert plain.mean == corrected.mean == pytest.approx(difference.mean())
    # Three folds of two test subjects and four to train on: the variance of a mean is 1/3 + 2/4.
    ratio = (corrected.high - corrected.mean) / (plain.high - plain.mean)
    assert ratio == pytest.approx(np.sqrt((1 / 3 + 2 / 4) / (1 / 3)))
    assert "against: spectra by region and log-covariance" in markdown(section)


def test_sections__more_seeds_on_some_folds__the_row_and_a_note_say_so(task, tmp_path):
    settings, folds = Settings(architecture="tiny"), grouped_folds(task, 2)
    jobs = plan(task, folds, ["bands7", "random"], [0], settings, tmp_path)
    jobs += plan(task, folds[:2], ["random"], [1], settings, tmp_path)
    run(jobs, task, settings, tmp_path)
    results = [read_result(job) for job in jobs]
    (section,) = sections(results, task)
    printed = markdown(section)
    assert "| 4 × 1 |" in printed
    assert "| 4 × 1–2 |" in printed
    (note,) = [note for note in section.notes if "seeds are not as many" in note.lower()]
    assert "random encoder, one covariance, LR (2 on folds 1-2; 1 on folds 3-4)" in note
    assert "7-band" not in note
    of = {fold.name: [] for fold in folds}
    for result in results:
        if result.job.system == "random":
            of[result.job.fold.name].append(result.record["figures"]["auroc"])
    row = next(row for row in section.rows if row.system == "random")
    expected = np.mean([np.mean(auroc) for auroc in of.values()])
    assert row.estimates["auroc"].mean == pytest.approx(expected)
    write_csv([section], tmp_path / "table.csv")
    lines = list(csv.DictReader((tmp_path / "table.csv").open(newline="")))
    assert {line["n_seeds"] for line in lines if line["system"] == "random"} == {"1–2"}


# Commands


@pytest.mark.parametrize("name", ["table", "learning_curve"])
def test_command__simulated_without_further_options__runs(
    name, tmp_path, capsys, simulated_records
):
    arguments = ["--dataset", "simulated", "--quick", "--systems", "bands7"]
    assert main_of(name)([*arguments, "--results", str(tmp_path)]) == 0
    assert "| 7-band log power, LR |" in capsys.readouterr().out
    records = simulated_records()
    assert sorted(r["test_subjects"] for r in records) == [[0, 1], [2, 3]]


def test_choose__subjects_per_fold__four_but_in_simulated_data_unless_given():
    parser = argparse.ArgumentParser()
    add_common_options(parser)
    for given, expected in (
        ([], 4),
        (["--dataset", "tuab"], 4),
        (["--dataset", "simulated"], 2),
        (["--dataset", "simulated", "--subjects-per-fold", "1"], 1),
    ):
        arguments = parser.parse_args(given)
        choose(arguments, ["bands7"], True)
        assert arguments.subjects_per_fold == expected


def test_table__simulated__prints_writes_and_does_nothing_twice(
    tmp_path, capsys, simulated_records
):
    common = ["--dataset", "simulated", "--subjects-per-fold", "2", "--results", str(tmp_path)]
    arguments = [*common, "--systems", "bands7,bands5-c,tangent,random", "--seeds", "2"]
    arguments += ["--architecture", "tiny", "--exposed", "0-3"]
    assert main_of("table")(arguments) == 0
    printed = capsys.readouterr()
    assert "| 7-band log power, LR |" in printed.out
    assert "4 × 2" in printed.out
    records = simulated_records()
    auroc = [r["figures"]["auroc"] for r in records if r["system"] == "tangent"]
    assert f"{np.mean(auroc):.3f}".lstrip("0") in printed.out
    for name in ("table.csv", "runs.csv", "table.png", "table-folds-unseen.png"):
        assert (tmp_path / "simulated" / name).stat().st_size > 500
    assert main_of("table")(arguments) == 0
    again = capsys.readouterr()
    assert again.out == printed.out
    assert "20 results are there, 0 to go" in again.err


def test_table__grouped_folds__figures_of_each_person_as_well(task, tmp_path, capsys):
    arguments = ["--dataset", "simulated", "--people", "--results", str(tmp_path)]
    arguments += ["--systems", "tangent,bands7"]
    assert main_of("table")([*arguments, "--split", "folds"]) == 0
    store, own = Store(tmp_path, "simulated"), {"tangent": [], "bands7": []}
    for record, arrays in map(store.read, store):
        people = task.subjects[arrays["rows"]]
        for person in np.unique(people):
            rows = arrays["rows"][people == person]
            scores = arrays["probability"][people == person, 1]
            own[record["system"]].append(roc_auc_score(task.y[rows], scores))
    part = capsys.readouterr().out.split("### Whose figures")[1]
    for name, label in (("tangent", "tangent space, LR"), ("bands7", "7-band log power, LR")):
        line = next(line for line in part.splitlines() if line.startswith(f"| {label} |"))
        assert len(own[name]) == 8
        shown = float(line.split(" | ")[2].split()[0])
        assert shown == pytest.approx(np.mean(own[name]), abs=0.00051)


def test_table__weights_of_a_file__frozen_and_fine_tuned_rows(
    task, tmp_path, capsys, simulated_records
):
    embedder = BrainRVQEmbedder(
        weights=None, architecture="tiny", sfreq=200, ch_names=task.ch_names, random_state=0
    )
    embedder.fit(task.X[:2]).weights_.save(tmp_path / "weights")
    arguments = ["--dataset", "simulated", "--subjects-per-fold", "2", "--quick"]
    arguments += ["--weights", str(tmp_path / "weights"), "--results", str(tmp_path)]
    arguments += ["--systems", "frozen,frozen+bands,fine-tuned", "--embedder", "pooling=channel"]
    assert main_of("table")(arguments) == 0
    printed = capsys.readouterr()
    assert printed.out.count("| 2 × 1 |") == 3
    assert "the weights do not say whose EEG they have seen" in printed.err
    records = simulated_records()
    widths = {r["system"]: r["n_features"] for r in records if "n_features" in r}
    assert widths["frozen+bands"] - widths["frozen"] == 19 * 7
    assert {r["n_epochs"] for r in records if r["system"] == "fine-tuned"} == {2}


def test_choose__weights_that_say_whom_they_have_seen__these_are_exposed(task, tmp_path, capsys):
    embedder = BrainRVQEmbedder(
        weights=None, architecture="tiny", sfreq=200, ch_names=task.ch_names, random_state=0
    )
    weights = embedder.fit(task.X[:2]).weights_
    parser = argparse.ArgumentParser()
    add_common_options(parser)
    for i, (data, subjects, dataset, expected) in enumerate(
        [
            ("EEGMAT 1.0.0", [3, 5], "eegmat", [3, 5]),
            ("EEGMAT 1.0.0", [3, 5], "tuab", []),
            ("PhysioNetMI", [7], "physionet-mi", [7]),
            ("TUAB 3.0.1", ["aaaaaaaq"], "tuab", ["aaaaaaaq"]),
            ("Temple University", ["aaaaaaaq"], "tuab", None),
        ]
    ):
        info = {**weights.info, "data": data, "subjects": subjects}
        told = Weights.from_module("told", weights.kind, weights.config, weights.module(), info)
        told.save(tmp_path / str(i))
        arguments = parser.parse_args(["--weights", str(tmp_path / str(i)), "--dataset", dataset])
        assert choose(arguments, ["frozen"], True).exposed == (expected or [])
        assert ("do not say whose EEG" in capsys.readouterr().err) == (expected is None)
    seen = choose(parser.parse_args([]), ["frozen"], True).exposed
    assert sorted(seen) == list(range(28))


def test_table__results_of_another_folder__taken_over_and_not_computed_again(tmp_path, capsys):
    arguments = ["--dataset", "simulated", "--quick", "--systems", "bands7,tangent"]
    assert main_of("table")([*arguments, "--results", str(tmp_path / "there")]) == 0
    printed = capsys.readouterr().out
    here = [*arguments, "--results", str(tmp_path / "here"), "--max-minutes", "0"]
    assert main_of("table")([*here, "--add-results", str(tmp_path / "there")]) == 0
    again = capsys.readouterr()
    assert again.out == printed
    assert "4 results taken over from" in again.err
    assert main_of("learning_curve")([*here, "--add-results", str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: --add-results")
    assert error.endswith("holds no results of simulated.")


def test_table__a_damaged_table__one_line_that_says_what_to_do(tmp_path, capsys):
    arguments = ["--dataset", "simulated", "--quick", "--systems", "bands7"]
    assert main_of("table")([*arguments, "--results", str(tmp_path)]) == 0
    table = tmp_path / "simulated.csv"
    table.write_text(table.read_text()[:-5])
    capsys.readouterr()
    assert main_of("table")([*arguments, "--results", str(tmp_path)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith(f"error: {table} and simulated.npz cannot be read")
    assert "move both away" in error
