"""Saved estimators that say what no fit gives; and parameters that hold objects."""

import numpy as np
import pytest
import torch
from saved_files import EEG, LABELS, fitted_small, header_of, small, write_header

from sk_brainrvq import Engine, Filters
from sk_brainrvq.estimators._outputs.earlier_versions import current_params
from sk_brainrvq.exceptions import CheckpointError

MARK = "__sk_brainrvq__"


def mapping(**values):
    return {MARK: "mapping", "values": [[name, value] for name, value in values.items()]}


# A row of a channel that was left out, which has no electrode.
REPORTED = {
    **{"channel": "X", "how": "left out", "note": "marked bad"},
    **{"electrodes": [], "rows": [], "weights": []},
}


@pytest.fixture
def saved(tmp_path):
    """Save an estimator with one entry changed, added, or left out."""

    def save(name, part, entry, value=None, remove=False):
        file = fitted_small(name).save_pretrained(tmp_path)
        header = header_of(file)
        pairs = [pair for pair in header[part]["values"] if pair[0] != entry]
        header[part]["values"] = pairs if remove else [*pairs, [entry, value]]
        write_header(file, header)
        return file

    return save


def refused(name, file, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        type(fitted_small(name)).from_pretrained(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    "attribute",
    ["transform", "net_", "_restore", "__class__", "weights_", "random_state", "classes_"],
)
def test_from_pretrained__attribute_that_none_has__is_not_set(saved, attribute):
    file = saved("embedder", "fitted", attribute, "spoilt")
    refused("embedder", file, f"no fitted attributes .*{attribute}")


@pytest.mark.parametrize(
    ("name", "attribute", "value"),
    [
        ("embedder", "n_channels_in_", "3"),
        ("embedder", "ch_names_in_", ["Fp1", "C3"]),
        ("embedder", "n_features_in_", -3),
        ("embedder", "ch_names_in_", ["Fp1", 3, "O2"]),
        ("embedder", "ch_names_in_", 5),
        ("embedder", "_takes_2d", 1),
        ("embedder", "feature_names_in_", ["a"]),
        ("embedder", "electrode_report_", [{"channel": "Fp1"}]),
        ("embedder", "electrode_report_", "none"),
        ("embedder", "electrode_report_", [mapping(**REPORTED | {"how": "exact"})]),
        (
            "embedder",
            "electrode_report_",
            [mapping(**REPORTED | {"rows": [3], "electrodes": ["FP2"], "weights": [1.0]})],
        ),
        ("classifier", "classes_", ["rest", "task"]),
        ("classifier", "classes_", {MARK: "array", "dtype": "<i8", "values": [1, 2, 3]}),
        ("classifier", "history_", [1, 2]),
        ("classifier", "n_trained_parameters_", None),
        ("regressor", "n_targets_", 2),
        ("regressor", "target_mean_", {MARK: "array", "dtype": "<U1", "values": ["a"]}),
        ("tokenizer", "perplexity_", 5.0),
        ("tokenizer", "_positions_in", mapping(C3=[1, 2, 3])),
    ],
)
def test_from_pretrained__attribute_that_no_fit_gives__error_names_it(
    saved, name, attribute, value
):
    refused(name, saved(name, "fitted", attribute, value), rf"{attribute}\b")


@pytest.mark.parametrize(
    ("name", "attribute"), [("embedder", "ch_names_in_"), ("classifier", "classes_")]
)
def test_from_pretrained__attribute_missing__error_names_it(saved, name, attribute):
    file = saved(name, "fitted", attribute, remove=True)
    refused(name, file, f"'{attribute}'.* missing")


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("rogue", 1, "does not know the parameters"),
        ("batch_size", "many", "batch_size='many'"),
        ("batch_size", {MARK: "omitted"}, "not a value that can be saved"),
        ("weights", "/home/someone/model", "not a value that can be saved"),
        ("tokenizer", {MARK: "omitted"}, "tokenizer"),
        ("device", 5, "device=5"),
        ("device", {MARK: "device", "values": "nowhere"}, "'device' cannot be read"),
        ("filters", 5, "filters=5"),
        ("filters", {MARK: "filters", "values": mapping(l_freq="x")}, "l_freq='x'"),
        ("filters", {MARK: "filters", "values": mapping(rogue=1)}, "no such parameters"),
        ("filters", {MARK: "filters", "values": [1]}, "not a mapping"),
        ("reading", {MARK: "reading", "values": mapping(on_error=5)}, "on_error=5"),
        ("window", {MARK: "unknown", "values": []}, "no mark that this version knows"),
        ("window", {MARK: ["tuple"]}, "no mark that this version knows"),
        ("window", {"a": 1}, "no mark that this version knows"),
        ("window", {MARK: "tuple", "values": 5}, "no mark"),
        ("window", {MARK: "bytes", "values": "zz"}, "'window' cannot be read"),
        ("window", {MARK: "array", "dtype": "nonsense", "values": []}, "cannot be read"),
        ("window", {MARK: "array", "dtype": "<U200000000", "values": ["a"]}, "cannot be read"),
        ("window", {MARK: "array", "dtype": "<f8", "values": [[1], [2, 3]]}, "cannot be read"),
        ("random_state", {MARK: "random_state", "values": {"key": [1]}}, "parts of its state"),
    ],
)
def test_from_pretrained__parameter_that_none_has__error_says_so(saved, parameter, value, message):
    refused("embedder", saved("embedder", "params", parameter, value), message)


def test_from_pretrained__generator_in_no_state_of_one__error_says_so(saved):
    whole = {"key": [1] * 624, "pos": 624, "has_gauss": 0, "gauss": 0.0}
    for change, message in [
        ({"key": [1] * 623}, "does not have 624 numbers"),
        ({"key": 1}, "does not have 624 numbers"),
        ({"key": [1] * 623 + [-1]}, "numbers that do not fit into 32 bits"),
        ({"key": [2**32] + [1] * 623}, "numbers that do not fit into 32 bits"),
        ({"pos": -1}, "position of a RandomState is -1, not within 624"),
        ({"pos": 625}, "position of a RandomState is 625, not within 624"),
        ({"pos": 1.0}, r"position of a RandomState is 1\.0, not within 624"),
    ]:
        value = {MARK: "random_state", "values": {**whole, **change}}
        refused("embedder", saved("embedder", "params", "random_state", value), message)
    for pos in (0, 624):
        value = {MARK: "random_state", "values": {**whole, "key": [0, 2**32 - 1] * 312, "pos": pos}}
        file = saved("embedder", "params", "random_state", value)
        state = type(fitted_small("embedder")).from_pretrained(file).random_state.get_state()
        assert state[1].tolist() == [0, 2**32 - 1] * 312
        assert state[2] == pos


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("checkpoint_dir", "/home/someone"),
        ("validation", [1, 2]),
        ("engine", {MARK: "engine", "values": mapping(resume_from="/home/someone")}),
    ],
)
def test_from_pretrained__what_stays_behind_when_saved__is_not_taken(saved, parameter, value):
    file = saved("classifier", "params", parameter, value)
    refused("classifier", file, f"{parameter}=.* not a value that can be saved")


@pytest.mark.parametrize("part", ["params", "fitted"])
@pytest.mark.parametrize("value", [5, [], {}, {MARK: "mapping"}, {MARK: "mapping", "values": [1]}])
def test_from_pretrained__part_that_is_no_mapping__says_so(tmp_path, part, value):
    file = fitted_small("embedder").save_pretrained(tmp_path)
    write_header(file, header_of(file) | {part: value})
    refused("embedder", file, "mapping")


def test_from_pretrained__network_of_another_kind__names_both(tmp_path):
    file = fitted_small("classifier").save_pretrained(tmp_path)
    write_header(file, header_of(file) | {"estimator": "BrainRVQEmbedder"})
    with pytest.raises(CheckpointError, match=r"kind 'classifier' .* one of kind 'encoder'"):
        type(fitted_small("embedder")).from_pretrained(file)


def test_from_pretrained__pretrainer_without_its_tokenizer__says_so(tmp_path):
    pretrainer = fitted_small("pretrainer")
    file = pretrainer.weights_.save(tmp_path)
    whole = header_of(pretrainer.save_pretrained(tmp_path / "whole"))
    write_header(file, whole | {"attached": {}})
    with pytest.raises(CheckpointError, match="in addition no other"):
        type(pretrainer).from_pretrained(file)


def test_from_pretrained__device_that_is_not_here__loads_on_the_cpu(saved):
    for device in ("xla", "meta", "cuda:7"):
        file = saved("embedder", "params", "device", device)
        with pytest.warns(UserWarning, match="Loaded on the CPU"):
            loaded = type(fitted_small("embedder")).from_pretrained(file)
        np.testing.assert_array_equal(
            loaded.transform(EEG), fitted_small("embedder").transform(EEG)
        )


@pytest.mark.parametrize(("parameter", "value"), [("unit", ["uV"]), ("sfreq", 10**400)])
def test_transform__loaded_with_a_setting_that_none_has__is_a_value_error(saved, parameter, value):
    loaded = type(fitted_small("embedder")).from_pretrained(
        saved("embedder", "params", parameter, value)
    )
    with pytest.raises(ValueError, match=f"{parameter}=.* was given"):
        loaded.transform(EEG)


def test_current_params__reference_of_several_channels__is_kept():
    params = dict.fromkeys(("l_freq", "h_freq", "notch")) | {"reference": ["A1", "A2"]}
    filters = current_params("BrainRVQEmbedder", params)["filters"]
    assert repr(filters) == repr(Filters(None, None, None, ["A1", "A2"]))


# Parameters that are objects


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer", "classifier", "regressor"])
def test_save_pretrained__random_state_object__next_fit_is_the_same(name, tmp_path):
    generator = np.random.RandomState(3)
    generator.normal()  # half of a pair of normal numbers is kept
    original = small(name, random_state=generator, device=torch.device("cpu"))
    loaded = type(original).from_pretrained(original.save_pretrained(tmp_path))
    assert loaded.device == torch.device("cpu")
    y = np.arange(6.0) if name == "regressor" else LABELS
    assert loaded.fit(EEG, y).weights_ == original.fit(EEG, y).weights_
    assert loaded.random_state.normal(size=5).tolist() == generator.normal(size=5).tolist()


@pytest.mark.parametrize("generator", [np.random.default_rng, np.random.PCG64])
def test_save_pretrained__other_generators__error_says_what_to_pass(generator, tmp_path):
    estimator = small("embedder")
    made = generator(0)
    if not hasattr(made, "normal"):
        made = np.random.RandomState(made)
    estimator.random_state = made
    with pytest.raises(TypeError, match=r"pass an integer or numpy\.random\.RandomState\(seed\)"):
        estimator.save_pretrained(tmp_path)


def test_save_pretrained__early_stopping_on_data__loads_without_the_data(tmp_path):
    original = small("classifier", validation=(EEG, LABELS), early_stopping=2, engine=Engine())
    loaded = type(original).from_pretrained(original.save_pretrained(tmp_path))
    assert (loaded.validation, loaded.early_stopping) == (None, 2)


def test_from_pretrained__early_stopping_that_no_fit_takes__error_says_what_is_expected(tmp_path):
    file = small("classifier", validation=0.5, early_stopping=2).save_pretrained(tmp_path)
    header = header_of(file)
    pairs = [pair for pair in header["params"]["values"] if pair[0] != "early_stopping"]
    header["params"]["values"] = [*pairs, ["early_stopping", 0]]
    write_header(file, header)
    refused("classifier", file, "early_stopping=0 was given; expected")


def test_from_pretrained__one_row_of_a_report_that_is_none__error_names_the_report(tmp_path):
    file = fitted_small("embedder").save_pretrained(tmp_path)
    header = header_of(file)
    rows = dict(header["fitted"]["values"])["electrode_report_"]
    assert len(rows) > 1
    # A row is a mapping that is marked as one.
    dict(rows[-1]["values"])
    rows[-1]["values"] = [[key, 5 if key == "how" else value] for key, value in rows[-1]["values"]]
    write_header(file, header)
    refused("embedder", file, r"electrode_report_\b")


def test_from_pretrained__channel_that_was_left_out__stays_in_the_report(saved):
    file = saved("embedder", "fitted", "electrode_report_", [mapping(**REPORTED)])
    (row,) = type(fitted_small("embedder")).from_pretrained(file).electrode_report_
    assert (row["channel"], row["how"], row["note"]) == ("X", "left out", "marked bad")
