"""Poolings against the bare module, in numpy."""

import mne
import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import torch
from tiny import CH_NAMES, fitted, make_eeg, tiny

from sk_brainrvq import Weights
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals import ELECTRODE_NAMES, match_electrodes
from sk_brainrvq.signals.electrodes import electrode_rows
from sk_brainrvq.signals.electrodes.regions import REGIONS, interest_table, place_weights


def bare_tokens(module, X, layer=-1):
    """Tokens (n_epochs, 1 + C * P, D) of microvolts at 200 Hz, by the module itself."""
    rows = [ELECTRODE_NAMES.index(name.upper()) + 1 for name in CH_NAMES]
    x = torch.tensor(X / 100, dtype=torch.float32).unflatten(-1, (-1, 200))
    with torch.no_grad():
        return module(x, torch.tensor(rows), layer=layer).double().numpy()


def naive_pooling(tokens, pooling, n_channels=4):
    patches = tokens[:, 1:].reshape(len(tokens), n_channels, -1, tokens.shape[-1])
    return {
        "mean": patches.mean((1, 2)),
        "channel": patches.mean(2).reshape(len(tokens), -1),
        "mean_std": np.concatenate([patches.mean((1, 2)), patches.std((1, 2))], 1),
        "cls": tokens[:, 0],
        "mean_cls": np.concatenate([patches.mean((1, 2)), tokens[:, 0]], 1),
        "none": patches,
    }[pooling]


@pytest.mark.parametrize("pooling", ["mean", "channel", "mean_std", "cls", "mean_cls", "none"])
@pytest.mark.parametrize("layer", [-1, 0])
def test_embedder__each_pooling__as_the_bare_module(pooling, layer):
    X = make_eeg()
    embedder = tiny("embedder", pooling=pooling, layer=layer).fit(X)
    tokens = bare_tokens(embedder.net_.module_, X, layer)
    result = embedder.transform(X)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, naive_pooling(tokens, pooling), atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "channel", "mean_std", "cls", "mean_cls", "none"])
def test_embedder__weights_of_a_pretrainer__each_pooling_as_the_bare_encoder(pooling):
    X = make_eeg()
    pretrainer = fitted("pretrainer")
    result = tiny("embedder", weights=pretrainer.weights_, pooling=pooling).fit_transform(X)
    tokens = bare_tokens(pretrainer.net_.module_.encoder, X)
    np.testing.assert_allclose(result, naive_pooling(tokens, pooling), atol=1e-5)


def test_pretrainer__transform__starts_with_the_mean_of_the_bare_encoder():
    X = make_eeg()
    tokens = bare_tokens(fitted("pretrainer").net_.module_.encoder, X)
    features = fitted("pretrainer").transform(X)
    np.testing.assert_allclose(features[:, :100], naive_pooling(tokens, "mean"), atol=1e-5)


REGION_CENTRES = ["Fpz", "F7", "Fz", "F8", "T7", "Cz", "T8", "P7", "Pz", "P8", "Oz"]


def naive_weights(ch_names, centres, concentration):
    """Weights (n_channels, n_centres) from angles of a standard cap; each centre's sum to 1."""
    places = mne.channels.make_standard_montage("easycap-M1").get_positions()["ch_pos"]
    centre = np.mean([places[name] for name in ("T7", "T8", "Fpz", "Oz")], axis=0)

    def directions(names):
        vectors = np.array([places[name] - centre for name in names])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    interest = np.exp(concentration * directions(ch_names) @ directions(centres).T)
    return interest / interest.sum(0)


def test_region__weights__those_of_distances_on_a_standard_cap():
    names = ["F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8", "P3", "P4", "O1", "O2"]
    weights = place_weights(electrode_rows(match_electrodes(names, len(names))))
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-6)
    # Caps of templates differ by millimetres.
    np.testing.assert_allclose(weights, naive_weights(names, REGION_CENTRES, 30), atol=0.3)


def test_region__weights_of_a_pair__mean_of_the_electrodes():
    table = interest_table(REGIONS, 30.0)
    pair = electrode_rows(match_electrodes(["C3-P3"], 1))
    c3, p3 = (ELECTRODE_NAMES.index(name) + 1 for name in ("C3", "P3"))
    np.testing.assert_allclose(pair @ table, table[[c3, p3]].mean(0, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(place_weights(pair), 1)


def test_place__electrodes_far_from_every_place__nearest_counts():
    rows = electrode_rows(match_electrodes(["O1", "Fp2"], 2))
    weights = place_weights(rows, ("Oz", "Fpz"), 1000.0)
    np.testing.assert_allclose(weights, np.eye(2), atol=1e-6)


TEN_TWENTY = [
    "Fp1",
    "Fp2",
    "F7",
    "F3",
    "Fz",
    "F4",
    "F8",
    "T7",
    "C3",
    "Cz",
    "C4",
    "T8",
    "P7",
    "P3",
    "Pz",
    "P4",
    "P8",
    "O1",
    "O2",
]


def log_euclidean_tangent(signals):
    """Upper triangles of log-covariances of (n_epochs, n_channels, n_patches, 200), by scipy."""
    rows, columns = np.triu_indices(signals.shape[1])
    result = []
    for epoch in signals - signals.mean(-1, keepdims=True):
        flat = epoch.reshape(len(epoch), -1) / 100
        covariance = flat @ flat.T / flat.shape[1]
        ridge = 1e-3 * np.trace(covariance) / len(flat)
        log = scipy.linalg.logm(covariance + ridge * np.eye(len(flat)))
        result.append(log[rows, columns] * np.where(rows == columns, 1, np.sqrt(2)))
    return np.array(result)


def test_covariance__montage_of_the_10_20_system__log_of_the_matrix():
    mixing = np.random.default_rng(1).normal(size=(19, 19))
    X = np.einsum("ij,njt->nit", mixing, make_eeg(n_channels=19))
    embedder = tiny("embedder", covariance=True, ch_names=TEN_TWENTY).fit(X)
    features = embedder.transform(X)
    expected = log_euclidean_tangent(X.reshape(12, 19, 3, 200))
    # Neighbours count a little at each position.
    np.testing.assert_allclose(features[:, 100:], expected, atol=0.05)
    names = list(embedder.get_feature_names_out())
    assert names[100:102] == ["Fp1xFp1", "Fp1xFp2"]
    assert names[-1] == "O2xO2"


def test_covariance_of_bands__signals_at_their_places__cross_spectra_of_scipy():
    mixing = np.random.default_rng(1).normal(size=(19, 19))
    X = np.einsum("ij,njt->nit", mixing, make_eeg(n_epochs=3, n_channels=19, n_times=1000))
    embedder = tiny("embedder", covariance="bands", ch_names=TEN_TWENTY).fit(X)
    features, names = embedder.transform(X)[:, 100:], list(embedder.get_feature_names_out())[100:]
    frequencies, spectra = scipy.signal.csd(
        X[:, :, None] / 100, X[:, None] / 100, fs=200, nperseg=400, detrend="constant"
    )
    rows, columns = np.triu_indices(19)
    for place, (low, high) in enumerate(((1, 4), (4, 8), (8, 13), (13, 30), (30, 45))):
        chosen = (frequencies >= low) & (frequencies < high)
        block = slice(190 * place, 190 * (place + 1))
        for epoch, found in zip(spectra[..., chosen].real.sum(-1) / 2, features, strict=True):
            ridge = 1e-3 * np.trace(epoch) / 19 * np.eye(19)
            log = scipy.linalg.logm(epoch + ridge)[rows, columns]
            expected = log * np.where(rows == columns, 1, np.sqrt(2))
            # Neighbours count a little at each position.
            np.testing.assert_allclose(found[block], expected, atol=0.05)
        assert names[block][0] == f"{low}-{high}Hz_Fp1xFp1"


def test_covariance_of_bands__short_long_and_few_channels__finite_and_of_one_size():
    for n_times in (100, 200, 300, 8000):
        X = make_eeg(2, 2, n_times)
        features = tiny("embedder", covariance="bands", ch_names=["C3", "C4"]).fit_transform(X)
        assert features.shape == (2, 1050)
        assert np.isfinite(features).all()


def test_covariance__other_channels_and_flat_signals__finite_and_of_one_size():
    for X, names in (
        (make_eeg(n_channels=1), ["Cz"]),
        (make_eeg(n_channels=3), ["C3-P3", "O1", "unknown"]),
        (np.zeros((4, 2, 400)), ["C3", "C4"]),
    ):
        features = tiny("embedder", covariance=True, ch_names=names).fit_transform(X)
        assert features.shape == (len(X), 290)
        assert np.isfinite(features).all()


def test_covariance__long_epochs__of_all_segments_together():
    X = make_eeg(n_epochs=2, n_channels=19, n_times=40 * 200)
    params = {"covariance": True, "ch_names": TEN_TWENTY}
    long = tiny("embedder", **params).fit_transform(X)[:, 100:]
    expected = log_euclidean_tangent(X.reshape(2, 19, 40, 200))
    np.testing.assert_allclose(long, expected, atol=0.05)


def test_region__features__weighted_means_over_channels():
    X = make_eeg()
    embedder = tiny("embedder", pooling="region").fit(X)
    tokens = bare_tokens(embedder.net_.module_, X)[:, 1:].reshape(len(X), 4, -1, 100).mean(2)
    weights = place_weights(electrode_rows(match_electrodes(CH_NAMES, 4)))
    expected = np.einsum("ncd,cr->nrd", tokens, weights).reshape(len(X), -1)
    np.testing.assert_allclose(embedder.transform(X), expected, atol=1e-5)


def test_region__channels_in_another_order_or_number__same_size():
    X = make_eeg()
    embedder = tiny("embedder", pooling="region").fit(X)
    names = list(reversed(CH_NAMES))
    turned = tiny("embedder", pooling="region", ch_names=names).fit_transform(X[:, ::-1])
    np.testing.assert_allclose(turned, embedder.transform(X), atol=1e-4)
    fewer = tiny("embedder", pooling="region", ch_names=CH_NAMES[:1]).fit_transform(X[:, :1])
    assert fewer.shape == turned.shape == (12, 1100)


def test_spectrum__last_features__log_amplitudes_of_each_second():
    times = np.arange(600) / 200
    X = 30 * np.sin(2 * np.pi * 10 * times) * np.ones((3, 4, 1))
    with_spectrum = tiny("embedder", spectrum="mean").fit(X)
    features, names = with_spectrum.transform(X), list(with_spectrum.get_feature_names_out())
    np.testing.assert_allclose(features[:, :100], tiny("embedder").fit_transform(X), atol=1e-6)
    value = dict(zip(names, features[0], strict=True))
    # Tenths of microvolts, less the typical values that the network is spared.
    assert value["mean_10Hz"] == pytest.approx(np.log1p(300) - 1.5, abs=1e-3)
    assert value["mean_20Hz"] == pytest.approx(-1.5, abs=0.05)
    assert value["mean_log_std"] == pytest.approx(np.log1p(30 / np.sqrt(2)) - 2.5, abs=1e-3)


def test_spectrum__regions__weighted_means_of_the_channels():
    X = make_eeg()
    by_channel = tiny("embedder", spectrum="channel").fit_transform(X)[:, 100:]
    weights = place_weights(electrode_rows(match_electrodes(CH_NAMES, 4)))
    expected = np.einsum("ncf,cr->nrf", by_channel.reshape(len(X), 4, 46), weights)
    by_region = tiny("embedder", spectrum="region").fit_transform(X)[:, 100:]
    np.testing.assert_allclose(by_region, expected.reshape(len(X), -1), atol=1e-5)


@pytest.mark.parametrize("pooling", ["region", "mean", "channel", "mean_std", "cls", "mean_cls"])
@pytest.mark.parametrize("spectrum", ["region", "mean", "channel", None])
def test_features__each_pooling_and_spectrum__tokens_then_spectra(pooling, spectrum):
    n_tokens = {"region": 11, "channel": 4, "mean_std": 2, "mean_cls": 2}.get(pooling, 1) * 100
    n_spectra = {"region": 11, "mean": 1, "channel": 4, None: 0}[spectrum] * 46
    embedder = tiny("embedder", pooling=pooling, spectrum=spectrum).fit(make_eeg())
    features = embedder.transform(make_eeg())
    assert features.shape == (12, n_tokens + n_spectra)
    assert len(set(embedder.get_feature_names_out())) == n_tokens + n_spectra
    alone = tiny("embedder", pooling=pooling).fit_transform(make_eeg())
    np.testing.assert_allclose(features[:, :n_tokens], alone, atol=1e-6)


def test_spectrum__that_cannot_be__is_refused():
    with pytest.raises(ValueError, match=r"spectrum=True was given; expected one of .*or None"):
        tiny("embedder", spectrum=True).fit(make_eeg())
    with pytest.raises(ValueError, match="covariance='log' was given; expected 'bands', True"):
        tiny("embedder", covariance="log").fit(make_eeg())
    with pytest.raises(
        ValueError, match=r"unpooled tokens cannot be joined.*Pass spectrum=None and"
    ):
        tiny("embedder", pooling="none", spectrum="region").fit(make_eeg())


@pytest.mark.parametrize("pooling", ["mean", "mean_std", "channel", "none"])
@pytest.mark.parametrize(("spectrum", "covariance"), [("mean", True), ("region", False)])
def test_tokens__left_out__the_columns_that_follow_them(pooling, spectrum, covariance):
    X, params = make_eeg(), {"spectrum": spectrum, "covariance": covariance}
    whole = tiny("embedder", **params).fit(X)
    part = tiny("embedder", **params, pooling=pooling, tokens=False).fit(X)
    width = whole.net_.module_.embed_dim
    np.testing.assert_array_equal(part.transform(X), whole.transform(X)[:, width:])
    np.testing.assert_array_equal(
        part.get_feature_names_out(), whole.get_feature_names_out()[width:]
    )


def test_tokens__left_out__need_no_network():
    X, params = make_eeg(), {"spectrum": "region", "covariance": True, "tokens": False}
    one = tiny("embedder", **params, random_state=0).fit_transform(X)
    np.testing.assert_array_equal(one, tiny("embedder", **params, random_state=1).fit_transform(X))


def test_tokens__nothing_left_or_no_bool__is_refused():
    with pytest.raises(ValueError, match=r"tokens=False, spectrum=None .* leaves no features"):
        tiny("embedder", tokens=False).fit(make_eeg())
    with pytest.raises(ValueError, match="tokens=0 was given; expected True or False"):
        tiny("embedder", tokens=0).fit(make_eeg())


def test_layer__not_given__is_the_one_that_the_weights_recommend():
    X = make_eeg()
    plain = tiny("embedder").fit(X).weights_
    module, config = plain.module(), plain.config
    for layer in (0, 1):
        weights = Weights.from_module("w", plain.kind, config, module, {"layer": layer})
        chosen = tiny("embedder", weights=weights).fit_transform(X)
        named = tiny("embedder", weights=plain, layer=layer).fit_transform(X)
        np.testing.assert_array_equal(chosen, named)


def test_layer__first_and_last__differ():
    X = make_eeg()
    first = tiny("embedder", layer=0).fit_transform(X)
    last = tiny("embedder", layer=1).fit_transform(X)
    np.testing.assert_array_equal(last, tiny("embedder").fit_transform(X))
    assert np.abs(first - last).max() > 1e-3


def test_classifier__probabilities__softmax_of_the_bare_module():
    X = make_eeg()
    classifier = fitted("classifier")
    rows = [ELECTRODE_NAMES.index(name.upper()) + 1 for name in CH_NAMES]
    x = torch.tensor(X / 100, dtype=torch.float32).unflatten(-1, (-1, 200))
    with torch.no_grad():
        logits = classifier.net_.module_(x, torch.tensor(rows)).double().numpy()
    odds = np.exp(logits)
    expected = odds / odds.sum(1, keepdims=True)
    np.testing.assert_allclose(classifier.predict_proba(X), expected, atol=1e-6)
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[expected.argmax(1)])


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_batch_size__any__same_embedding(batch_size):
    X = make_eeg()
    result = tiny("embedder", batch_size=batch_size).fit_transform(X)
    np.testing.assert_allclose(result, tiny("embedder").fit_transform(X), atol=1e-6)


def test_pooling_none__epochs_of_one_length__only():
    with pytest.raises(InvalidEEGError, match="each montage and length separately"):
        tiny("embedder", pooling="none").fit_transform([np.ones((4, 200)), np.ones((4, 400))])


def test_pooling__set_after_fit__is_followed():
    X = make_eeg()
    embedder = tiny("embedder").fit(X)
    embedder.set_params(pooling="channel")
    np.testing.assert_array_equal(
        embedder.transform(X), tiny("embedder", pooling="channel").fit_transform(X)
    )
    assert len(embedder.get_feature_names_out()) == 400
