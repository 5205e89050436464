"""``explanations.py``: what is kept, and what the pages say of it."""

import csv
import re

import numpy as np
from benchmark_commands import BENCHMARKS, module_of

ROWS = list(csv.DictReader((BENCHMARKS / "results" / "explanations.csv").open()))


def shares(method, labels="true"):
    """Number of simulations, and in how many place, band and both are true."""
    own = [row for row in ROWS if (row["method"], row["labels"]) == (method, labels)]
    hits = [(row["channel"] == row["place"], row["found"] == row["band"]) for row in own]
    places, bands = np.array(hits).T
    return len(own), places.sum(), bands.sum(), (places & bands).sum()


def test_kept_results__occlusion_and_patterns__at_least_95_of_100_places_and_bands():
    for method in ("occlusion", "pattern"):
        n, places, bands, _ = shares(method)
        assert n == 100
        assert min(places, bands) >= 95


def test_kept_results__shuffled_labels__seldom_the_truth():
    for method in ("occlusion", "pattern", "gradients"):
        n, _, _, both = shares(method, "shuffled")
        assert n == 10
        assert both <= 3


def test_pages__table__that_of_the_kept_results():
    table = module_of("explanations").table(ROWS)
    assert table in (BENCHMARKS / "details" / "explanations.md").read_text()
    page = (BENCHMARKS.parent / "docs" / "explanations.rst").read_text()
    for method in ("occlusion", "pattern", "gradients"):
        _, places, bands, both = shares(method)
        assert re.search(rf"{method}\D+{places}\s+{bands}\s+{both}\n", page)


def test_shuffled__labels__each_person_keeps_as_many_of_a_class():
    y, subjects = np.arange(12) % 2, np.repeat([0, 1, 2], 4)
    found = module_of("explanations").shuffled(y, subjects, 0)
    assert not np.array_equal(found, y)
    assert [found[subjects == person].sum() for person in range(3)] == [2, 2, 2]
