"""Our network in braindecode's loops, and our estimators on braindecode's datasets."""

import json
import pickle

import mne
import numpy as np
import pytest
import torch
from braindecode import EEGClassifier, EEGRegressor
from braindecode.datasets import create_from_X_y
from braindecode.models import Labram, ShallowFBCSPNet
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import CH_NAMES, fitted, make_alpha_task, make_eeg, make_labels, tiny
from torch.utils.data import Subset

from sk_brainrvq.braindecode import BrainRVQModule
from sk_brainrvq.exceptions import CheckpointError, EEGWarning, InvalidEEGError

SMALL = {"weights": None, "architecture": "tiny"}
QUIET = {"verbose": 0, "train_split": None, "iterator_train__drop_last": False}


def module(n_outputs=2, n_times=600, sfreq=200, **params):
    return BrainRVQModule(
        n_outputs, n_times=n_times, sfreq=sfreq, **{**SMALL, "ch_names": CH_NAMES, **params}
    ).eval()


def make_epochs(data, ch_names=CH_NAMES, sfreq=200.0):
    info = mne.create_info(list(ch_names), sfreq, "eeg")
    return mne.EpochsArray(data * 1e-6, info, verbose="error")


def make_dataset(data, y, ch_names=CH_NAMES, sfreq=200.0):
    """braindecode's windows, in volts; a recording an epoch."""
    n_times = data.shape[-1]
    with mne.utils.use_log_level("error"):
        return create_from_X_y(data * 1e-6, y, False, sfreq, list(ch_names), n_times, n_times)


@pytest.mark.parametrize(
    ("sfreq", "n_times"), [(200, 600), (200, 530), (250, 1000), (128, 301), (500, 200)]
)
def test_forward__any_rate_and_length__as_the_classifier_sees_it(sfreq, n_times):
    X = make_eeg(5, n_times=n_times)
    classifier = tiny("classifier", sfreq=sfreq).fit(X, make_labels(5))
    network = module(n_times=n_times, sfreq=sfreq, weights=None)
    network.backbone.encoder.load_state_dict(classifier.net_.module_.encoder.state_dict())
    network.final_layer.load_state_dict(classifier.net_.module_.head.state_dict())
    with torch.inference_mode():
        logits = network(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(
        logits[:, 1] - logits[:, 0], classifier.decision_function(X), atol=1e-4
    )


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1), ("mV", 1e-3), ("V", 1e-6)])
def test_unit__as_given__same_logits(unit, factor):
    torch.manual_seed(0)
    expected = module()
    other = module(unit=unit)
    other.load_state_dict(expected.state_dict())
    X = torch.from_numpy(make_eeg(3))
    with torch.inference_mode():
        torch.testing.assert_close(other(X * factor), expected(X), atol=1e-4, rtol=1e-4)


def test_unit__volts_taken_as_microvolts__warns_once():
    network = module()
    X = torch.from_numpy(make_eeg(3)) * 1e-6
    with pytest.warns(EEGWarning, match="unit="):
        network(X)
    with torch.inference_mode():
        assert network(X).shape == (3, 2)


def test_weights__of_a_pretrainer__are_those_of_its_encoder():
    weights = fitted("pretrainer").weights_
    encoder = module(weights=weights).backbone.encoder
    for name, value in weights.encoder().state_dict().items():
        torch.testing.assert_close(encoder.state_dict()[name], value)


def test_channels__in_another_order__same_logits():
    torch.manual_seed(0)
    network, X = module(), torch.from_numpy(make_eeg(3))
    turned = module(ch_names=CH_NAMES[::-1])
    turned.load_state_dict(network.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(turned(X.flip(1)), network(X), atol=1e-4, rtol=1e-4)


def test_ch_names__one_string__error_in_module_and_estimators():
    message = r"^ch_names='Cz' is a string; expected a list, \['Cz'\]\.$"
    with pytest.raises(InvalidEEGError, match=message):
        module(ch_names="Cz")
    with pytest.raises(InvalidEEGError, match=message):
        tiny("embedder", ch_names="Cz").fit(make_eeg(3, n_channels=1))


def test_chs_info__unknown_names_with_positions__are_placed():
    montage = mne.channels.make_standard_montage("biosemi32")
    info = mne.create_info(["E1", "E2", "Cz", "Fz", "O1", "O2"], 200, "eeg")
    places = montage.get_positions()["ch_pos"]
    electrodes = ("C3", "C4", "Cz", "Fz", "O1", "O2")
    given = {n: places[e] for n, e in zip(info.ch_names, electrodes, strict=True)}
    info.set_montage(mne.channels.make_dig_montage(given, coord_frame="head"))
    network = BrainRVQModule(2, n_times=200, sfreq=200, chs_info=info["chs"], **SMALL)
    by_name = {row["channel"]: row for row in network.electrode_report}
    assert by_name["Cz"]["how"] == "exact"
    for name, neighbours in (("E1", {"C1", "C3", "C5"}), ("E2", {"C2", "C4", "C6"})):
        assert by_name[name]["how"] == "interpolated"
        assert set(by_name[name]["electrodes"]) <= neighbours


def test_classifier__epochs__signal_arguments_come_from_braindecode():
    X, y = make_alpha_task(24, seed=0)
    net = EEGClassifier(
        BrainRVQModule,
        module__weights=None,
        module__architecture="tiny",
        optimizer=torch.optim.AdamW,
        module__drop_path=0.0,
        optimizer__lr=2e-3,
        batch_size=8,
        max_epochs=12,
        **QUIET,
    )
    torch.manual_seed(0)
    numbers = (y == "task").astype(int)
    net.fit(make_epochs(X), numbers)
    assert net.module_.n_chans == 4
    assert net.module_.n_times == 400
    assert [row["channel"] for row in net.module_.electrode_report] == CH_NAMES
    X, y = make_alpha_task(20, seed=1)
    numbers = (y == "task").astype(int)
    probabilities = net.predict_proba(make_epochs(X))
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert net.score(make_epochs(X), numbers) > 0.8
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_allclose(again.predict_proba(make_epochs(X)), probabilities, atol=1e-6)


def test_classifier__windows_dataset_at_its_own_rate__trains_and_predicts():
    dataset = make_dataset(make_eeg(12, n_times=500), np.arange(12) % 3, sfreq=250.0)
    net = EEGClassifier(
        BrainRVQModule,
        module__weights=fitted("pretrainer").weights_,
        module__ch_names=CH_NAMES,
        module__sfreq=250,
        module__unit="V",
        module__frozen=True,
        max_epochs=1,
        batch_size=5,
        **QUIET,
    )
    net.fit(dataset, y=None)
    assert net.predict_proba(dataset).shape == (12, 3)
    assert np.isfinite(net.history[:, "train_loss"]).all()
    start = fitted("pretrainer").weights_.encoder().state_dict()
    for name, value in net.module_.backbone.encoder.state_dict().items():
        torch.testing.assert_close(value, start[name])


def test_classifier__in_cross_validation__is_cloned_with_its_weights():
    weights = fitted("pretrainer").weights_
    net = EEGClassifier(
        BrainRVQModule,
        module__weights=weights,
        module__ch_names=CH_NAMES,
        module__sfreq=200,
        classes=[0, 1],
        max_epochs=1,
        **QUIET,
    )
    assert clone(net).get_params()["module__weights"] is weights
    scores = cross_val_score(
        net, make_eeg().astype(np.float32), np.arange(12) % 2, cv=2, error_score="raise"
    )
    assert scores.shape == (2,)


def test_regressor__numbers__trains_and_predicts():
    net = EEGRegressor(
        BrainRVQModule,
        module__weights=None,
        module__architecture="tiny",
        module__head="attention",
        max_epochs=1,
        **QUIET,
    )
    y = np.arange(12, dtype=np.float32)[:, None]
    net.fit(make_epochs(make_eeg()), y)
    assert net.predict(make_epochs(make_eeg())).shape == (12, 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_times": None}, "n_times was not given"),
        ({"n_times": 200 * 31}, r"at most 30 s\. Cut longer ones"),
        ({"sfreq": 0}, "expected a sampling rate in Hz, from 1 to 100,000"),
        ({"unit": "nV"}, r"unit='nV' was given; expected one of"),
        ({"n_chans": 3}, "4 channel names were given, but n_chans=3"),
        ({"ch_names": None}, "Neither chs_info, ch_names nor n_chans"),
        ({"architecture": "huge"}, "architecture='huge'"),
        ({"head": "none"}, "head='none' was given"),
        ({"weights": "nowhere"}, "nowhere"),
    ],
)
def test_arguments__that_make_no_sense__clear_error(params, message):
    with pytest.raises(ValueError, match=message):
        module(**params)


def test_forward__other_size_than_built_for__clear_error():
    with pytest.raises(ValueError, match=r"x has shape \(3, 4, 599\); .*\(n_windows, 4, 600\)"):
        module()(torch.from_numpy(make_eeg(3, n_times=599)))


def test_rate__not_given__200_hz_and_a_warning():
    with pytest.warns(EEGWarning, match="taken as 200 Hz"):
        assert module(sfreq=None).n_times == 600


def test_length__in_seconds__at_the_rate_of_the_signals():
    assert module(n_times=None, input_window_seconds=2.0, sfreq=250).n_times == 500


def test_flattened_head__padded_windows__one_weight_a_patch():
    network = module(n_times=530, head="flatten")
    assert network(torch.from_numpy(make_eeg(2, n_times=530)).float()).shape == (2, 2)


def test_our_pipeline__windows_dataset__as_on_the_array():
    X, y = make_alpha_task(24, seed=0)
    pipeline = make_pipeline(tiny("embedder"), StandardScaler(), LogisticRegression())
    expected = clone(pipeline).fit(X, y).predict_proba(X)
    dataset = make_dataset(X, (y == "task").astype(int))
    np.testing.assert_allclose(pipeline.fit(dataset, y).predict_proba(dataset), expected, atol=1e-3)
    assert pipeline.score(Subset(dataset, [3, 0, 7]), y[[3, 0, 7]]) > 0.5


def test_our_classifier__windows_dataset_alone__takes_its_targets():
    X, y = make_alpha_task(24, seed=0)
    numbers = (y == "task").astype(int)
    dataset = make_dataset(X, numbers)
    settings = {"max_epochs": 4, "lr": 1e-3, "drop_path": 0.0}
    classifier = tiny("classifier", **settings).fit(dataset)
    assert classifier.classes_.tolist() == [0, 1]
    expected = tiny("classifier", **settings).fit(X, numbers)
    np.testing.assert_allclose(
        classifier.predict_proba(dataset), expected.predict_proba(X), atol=1e-3
    )
    assert classifier.score(dataset) == classifier.score(dataset, numbers)


def test_rival__a_braindecode_model__same_windows_same_calls():
    X, y = make_alpha_task(24, seed=0)
    numbers = (y == "task").astype(int)
    rival = EEGClassifier(ShallowFBCSPNet, max_epochs=1, batch_size=8, **QUIET)
    ours = EEGClassifier(
        BrainRVQModule,
        module__weights=None,
        module__architecture="tiny",
        max_epochs=1,
        batch_size=8,
        **QUIET,
    )
    for net in (rival, ours):
        net.fit(make_epochs(X), numbers)
        assert net.predict_proba(make_epochs(X)).shape == (24, 2)


def test_channels__unnamed_or_unknown__warns_and_says_what_to_pass():
    with pytest.warns(EEGWarning, match=r"to braindecode module__ch_names=\[\.\.\.\]"):
        BrainRVQModule(2, n_chans=4, n_times=400, sfreq=200, **SMALL)
    with pytest.warns(EEGWarning, match="No electrode position is known for 'Q1', 'Q2'"):
        module(n_times=400, ch_names=["Q1", "Q2"])


def as_written_for_labram(model_class, sizes, folder):
    """What code for braindecode's foundation models does: figures that do not depend on which."""
    names = ["Fp1", "C3", "Cz", "O2"]
    chs_info = mne.create_info(names, 200.0, "eeg")["chs"]
    model = model_class(n_outputs=2, n_times=400, sfreq=200, chs_info=chs_info, **sizes).eval()
    x = 20 * torch.randn(2, 4, 400)
    features = model(x, return_features=True, ch_names=names)
    same = model_class.from_config(json.loads(json.dumps(model.get_config())))
    model.save_pretrained(folder)
    loaded = model_class.from_pretrained(folder).eval()
    other = model_class.from_pretrained(folder, n_outputs=5)
    with torch.no_grad():
        torch.testing.assert_close(loaded(x, ch_names=names), model(x, ch_names=names))
    model.reset_head(3)
    return {
        "features": {name: (value.ndim, len(value)) for name, value in features.items()},
        "n_outputs": [m.n_outputs for m in (same, loaded, other, model)],
        "shapes": [m(x, ch_names=names).shape for m in (same, loaded, other, model)],
        "times": [(m.n_times, m.sfreq, m.n_chans, m.input_window_seconds) for m in (same, other)],
        "weights": [n in dict(same.named_parameters()) for n in ("final_layer.weight",)],
    }


@pytest.mark.filterwarnings("ignore")
def test_foundation_models__code_for_labram__runs_with_ours(tmp_path):
    sizes = {"embed_dim": 40, "num_layers": 1, "num_heads": 2}
    labram = as_written_for_labram(Labram, sizes, tmp_path / "labram")
    ours = as_written_for_labram(BrainRVQModule, SMALL, tmp_path / "ours")
    assert ours == labram
    assert ours["n_outputs"] == [2, 2, 5, 3]


def test_from_pretrained__default_weights__are_those_of_the_constructor(tmp_path):
    params = {"n_outputs": 2, "n_times": 400, "sfreq": 200, "ch_names": CH_NAMES}
    given = BrainRVQModule.from_pretrained("default", **params)
    given.save_pretrained(tmp_path)
    # Another montage: what the encoder knows of electrodes has been kept.
    loaded = BrainRVQModule.from_pretrained(tmp_path, ch_names=["T7", "Pz"], n_times=600).eval()
    fresh = BrainRVQModule(2, n_times=600, sfreq=200, ch_names=["T7", "Pz"]).eval()
    x = 20 * torch.randn(2, 2, 600)
    with torch.no_grad():
        expected = fresh(x, return_features=True)["features"]
        torch.testing.assert_close(loaded(x, return_features=True)["features"], expected)


def test_forward__other_channels_and_length_by_name__as_built_for_them():
    network = module()
    other = module(ch_names=["T7", "Pz", "F4"], n_times=500, sfreq=200)
    other.load_state_dict(network.state_dict())
    x = 20 * torch.randn(2, 3, 500)
    with torch.no_grad():
        torch.testing.assert_close(network(x, ch_names=["T7", "Pz", "F4"]), other(x))
    with pytest.raises(InvalidEEGError, match="2 names"):
        network(x, ch_names=["T7", "Pz"])


def test_from_pretrained__damaged_folder__clear_error(tmp_path):
    module().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        BrainRVQModule.from_pretrained(tmp_path)


@pytest.mark.parametrize("n_outputs", [0, -1])
def test_reset_head__no_outputs__clear_error(n_outputs):
    with pytest.raises(ValueError, match="expected 1 or more"):
        module().reset_head(n_outputs)


def test_final_layer__replaced_as_leaderboards_do__is_the_only_head():
    network, other = module(), module(ch_names=["T7", "Pz"], n_times=400)
    other.load_state_dict(network.state_dict())  # nothing depends on montage and length
    other.final_layer = torch.nn.Flatten(1)
    assert other(torch.randn(3, 2, 400)).shape == (3, 100)
    heads = set(dict(network.named_parameters())) - set(dict(other.named_parameters()))
    assert heads == {"final_layer.weight", "final_layer.bias"}
