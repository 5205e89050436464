"""``codes.py`` and new decoders for old codes: kept figures, and what training leaves alone."""

import json

import numpy as np
import pytest
import torch
from benchmark_commands import BENCHMARKS, module_of

from sk_brainrvq import Architecture, DDRVQTransformer, Engine
from sk_brainrvq.datasets import make_eeg

PAGE = (BENCHMARKS / "details" / "codes.md").read_text()
OURS, KMEANS, FILTERED = "ours", "residual k-means", "residual k-means, spatial filter"
LABELS = {OURS: "**tokenizer**", "without spatial filter": "tokenizer without spatial filter"}


def levels(file, scored, code, n_levels=3):
    """Explained variance by level, means over seeds, as the page writes them."""
    rows = json.loads((BENCHMARKS / "results" / f"codes_{file}.json").read_text())["rows"]
    found = [row for row in rows if (row["scored"], row["code"]) == (scored, code)]
    means = [
        np.mean([row["explained"] for row in found if row["levels"] == level])
        for level in range(1, n_levels + 1)
    ]
    return [f"{mean:.3f}".lstrip("0") for mean in means]


def lines_of(label):
    """Cells of a code's lines in the tables by level, whose third figure has an interval."""
    lines = [line for line in PAGE.splitlines() if line.startswith(f"| {label} |")]
    cells = [[cell.strip(" *") for cell in line.split("|")[2:]] for line in lines]
    return [line for line in cells if "(" in line[2]]


@pytest.mark.parametrize("code", [OURS, KMEANS, FILTERED, "without spatial filter"])
def test_page__tables__those_of_the_kept_figures(code):
    lines = lines_of(LABELS.get(code, code))
    scored = [("eegmat", "eegmat"), ("once", "eegmat"), ("guinea_bissau", "guinea-bissau")]
    if code == "without spatial filter":
        scored.remove(("once", "eegmat"))
    assert [[*line[:2], line[2].split("*")[0].split()[0]] for line in lines] == [
        levels(*which, code) for which in scored
    ]
    assert lines[-1][4:7] == levels("guinea_bissau", "eegmat", code)


@pytest.mark.parametrize(("codes", "n_levels"), [(512, 8), (64, 3)])
@pytest.mark.parametrize("code", [OURS, KMEANS, FILTERED])
def test_page__other_sizes__the_kept_figures_which_rise_with_every_level(codes, n_levels, code):
    found = levels(f"{codes}x{n_levels}", "eegmat", code, n_levels)
    label = LABELS.get(code, code).strip("*")
    line = f"| {codes} × {n_levels} | {label} | {' | '.join(found + (8 - n_levels) * [''])} |"
    assert " ".join(line.split()) in PAGE
    assert found == sorted(set(found))


def test_page__twenty_passes__figures_of_the_kept_results():
    for code in (OURS, KMEANS):
        *first, last = levels("twenty_passes", "eegmat", code)
        assert f"{', '.join(first)} and {last}" in " ".join(PAGE.split())


def test_page__bundled_tokenizer__figures_of_the_kept_results():
    for scored in ("eegmat", "guinea-bissau"):
        figures = ", ".join(levels("once", scored, "bundled"))
        assert figures in " ".join(PAGE.split())


def test_new_decoders__of_a_tokenizer_without_filter__same_codes_and_less_error():
    decoders = module_of("decoders")
    names = ["Fp1", "Fp2", "C3", "C4", "Pz", "O1", "O2"]
    eeg = make_eeg(n_subjects=4, n_windows=16, duration=4, ch_names=names, random_state=0)
    settings = {"sfreq": eeg.sfreq, "ch_names": names, "random_state": 0, "device": "cpu"}
    known, unseen = eeg.X[eeg.subjects < 3], eeg.X[eeg.subjects == 3]
    without = Architecture("tiny", spatial_filter=False)
    former = DDRVQTransformer(architecture=without, max_epochs=2, **settings).fit(known)
    again = DDRVQTransformer(
        decoders.with_spatial_filter(former.weights_),
        engine=Engine(callbacks=[decoders.DecodersOnly()]),
        max_epochs=2,
        **settings,
    ).fit(known)
    np.testing.assert_array_equal(again.transform(unseen), former.transform(unseen))
    quantizers = (each.weights_.module().quantizers.state_dict() for each in (former, again))
    assert all(map(torch.equal, *(each.values() for each in quantizers)))
    assert again.score(unseen) > former.score(unseen) + 0.005
