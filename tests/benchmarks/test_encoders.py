"""``encoders.py``: what is kept of the bundled encoders, and what the pages say of it."""

import argparse
import json
from functools import cache

import numpy as np
import pytest
from benchmark_commands import BENCHMARKS, main_of, module_of

from sk_brainrvq.datasets import BENCHMARK_SPLITS

MODULE = module_of("encoders")


@cache
def kept(split, name="tokens"):
    """Each person's figure, by weights, row and dataset."""
    records = json.loads((BENCHMARKS / "results" / "encoders" / f"{name}.json").read_text())
    return {
        (each["weights"], each["system"], each["dataset"]): each["people"]
        for each in records
        if each["split"] == split
    }


@pytest.mark.parametrize("split", ["develop", "once"])
def test_kept_figures__people__those_of_the_split(split):
    found = kept(split)
    assert {dataset for _, _, dataset in found} == set(BENCHMARK_SPLITS)
    for (_, _, dataset), people in found.items():
        own = BENCHMARK_SPLITS[dataset]
        allowed = own.develop if split == "develop" else own.score_once
        assert set(people) == {str(person) for person in allowed}


@pytest.mark.parametrize("split", ["develop", "once"])
def test_page__tables__those_of_the_kept_figures(split):
    page = (BENCHMARKS / "details" / "pretraining.md").read_text()
    for part in MODULE.table(kept(split)).split("\n\n"):
        assert part in page


def test_page__curves__those_of_the_kept_figures():
    found = kept("develop", "curves")
    assert MODULE.curve(found) in (BENCHMARKS / "details" / "pretraining.md").read_text()
    whole = kept("develop")
    for key in found.keys() & whole.keys():
        assert found[key] == whole[key]
    last = {key[1:]: people for key, people in found.items() if key[0] == "small-2026.11-12"}
    assert last == {
        (row, dataset): whole["small-2026.11", row, dataset] for row, dataset in last
    }  # the last epoch is the encoder itself


def test_page__claims__the_kept_figures_of_all_people():
    found = kept("develop", "claims")
    assert MODULE.curve(found) in (BENCHMARKS / "details" / "pretraining.md").read_text()
    assert {name for name, _, _ in found} >= {"all-three-claims", "random-masks", "spectrum-codes"}


def test_page__class_token__the_kept_figures_of_all_people():
    found = kept("develop", "class_token")
    assert MODULE.curve(found) in (BENCHMARKS / "details" / "pretraining.md").read_text()
    whole = kept("develop")
    both = found.keys() & whole.keys()
    assert both
    for key in both:
        # Computed again on another machine: single windows change their order.
        own, other = ([*people[key].values()] for people in (found, whole))
        assert np.nanmean(own) == pytest.approx(np.nanmean(other), abs=1e-3)


@pytest.mark.parametrize("name", ["half", "half_class_token"])
def test_page__half_the_corpus__the_kept_figures_of_people_who_were_left_out(name):
    found = kept("develop", name)
    assert MODULE.curve(found) in (BENCHMARKS / "details" / "pretraining.md").read_text()
    for dataset, own in BENCHMARK_SPLITS.items():
        left_out = {str(person) for fold in own.folds[::2] for person in fold}
        for (_, _, scored), people in found.items():
            assert scored != dataset or set(people) == left_out


def test_kept_figures__default__those_of_the_tables_of_three_datasets():
    text = (BENCHMARKS / "three_datasets.md").read_text()
    own = kept("develop", "class_token")["small-2026.12", "tokens-region-centred", "guinea-bissau"]
    label = "BrainRVQ, tokens by region only, LR, centred"
    line = next(line for line in text.splitlines() if line.startswith(f"| {label} (*) |")
                and f"{np.nanmean([*own.values()]):.3f}".lstrip("0") in line)  # fmt: skip
    assert line


def test_lead__two_rows__person_by_person():
    people = {"1": 0.75, "2": 0.5}, {"1": 0.5, "2": 0.75}
    found = {}
    for name in ("default", MODULE.RANDOM):
        for row, random in MODULE.ROWS.items():
            system = row if name == "default" else random
            found[name, system, "eegmat"] = people[name != "default"]
    found[MODULE.RANDOM, MODULE.BANDS, "eegmat"] = {"1": 0.75, "2": 0.5}
    leads = MODULE.table(found).split("\n\n")[1]
    assert "| +.000 [-.250, +.250] | +.000 [-.250, +.250] |" in leads
    assert "over centred 7 bands | +.000 [+.000, +.000] |" in leads


def test_rows__unknown__error_names_them():
    options = argparse.Namespace(rows="tokens-centred,cls", curve=False)
    with pytest.raises(ValueError, match=r"--rows \['cls'\] is unknown; choose from"):
        MODULE.rows_of(options)


@pytest.mark.parametrize("curve", [False, True])
def test_rows__not_given__those_without_the_class_token(curve):
    rows = MODULE.rows_of(argparse.Namespace(rows=None, curve=curve))
    assert list(rows) == ["tokens-region-centred", "tokens-centred", "default-centred"][: 3 - curve]
    chosen = MODULE.rows_of(argparse.Namespace(rows="class-token-centred", curve=curve))
    assert chosen == {"class-token-centred": "random-class-token-centred"}


def test_unseen__people_whom_the_weights_have_seen__are_in_no_row():
    found = {("default", "tokens-centred", "eegmat"): {"1": 0.75, "2": 0.5}}
    found[MODULE.RANDOM, MODULE.BANDS, "eegmat"] = {"1": 0.25, "2": 1.0}
    left = MODULE._without({"1"}, found)
    assert left == {
        ("default", "tokens-centred", "eegmat"): {"2": 0.5},
        (MODULE.RANDOM, MODULE.BANDS, "eegmat"): {"2": 1.0},
    }


def test_unseen__nobody_is_left__told_before_anything_is_computed(capsys):
    argv = ["--weights", "default", "--data", "eegmat=not-there", "--unseen"]
    assert main_of("encoders")(argv) != 0
    assert "have seen everybody of eegmat (--split develop)" in capsys.readouterr().err


def test_unseen__people_scored_once__are_left(tmp_path, capsys):
    # Those the weights have not seen; that their recordings are missing is found out later.
    argv = ["--weights", "default", "--data", f"eegmat={tmp_path}", "--unseen", "--split", "once"]
    assert main_of("encoders")(argv) != 0
    assert "have seen everybody" not in capsys.readouterr().err


def test_command__a_dataset_that_has_no_split__one_line(capsys):
    assert main_of("encoders")(["--weights", "default", "--data", "tuab=x"]) != 0
    assert "tuab" in capsys.readouterr().err
