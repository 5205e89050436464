"""Pictures on the head: how channels were mapped, and attention."""

import matplotlib.pyplot as plt
import mne
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.exceptions import NotFittedError

from sk_brainrvq import BrainRVQEmbedder, CodeHistogram, Filters, Reading
from sk_brainrvq.signals import match_electrodes
from sk_brainrvq.viz import plot_attention, plot_electrodes
from sk_brainrvq.viz._shared.plot_inputs import read_patches
from sk_brainrvq.viz._shared.topography import draw_topography, electrode_places
from sk_brainrvq.viz.attention_plot import class_attention


def places_of(ax):
    """Place of each channel by its name: a point and its name are drawn one after another."""
    names = [text.get_text() for text in ax.texts if hasattr(text, "xy")]
    places = [text.xy for text in ax.texts if hasattr(text, "xy")]
    return {name: np.array(place) for name, place in zip(names, places, strict=True)}


def test_plot_electrodes__names__where_anatomy_has_them():
    ax = plot_electrodes(["Fp1", "Fp2", "T7", "T8", "O1", "O2", "Cz", "Fz", "Pz", "C3"])
    place = places_of(ax)
    assert np.linalg.norm(place["Cz"]) < 0.05
    assert place["Fp1"][1] > 0.8
    assert place["O1"][1] < -0.8
    assert place["T7"][0] < -0.9
    assert place["T8"][0] > 0.9
    # Cz, C3, T7 and Fz, Pz lie at a fifth and two fifths of the way round the head.
    assert np.linalg.norm(place["C3"]) == pytest.approx(np.linalg.norm(place["T7"]) / 2, abs=0.06)
    np.testing.assert_allclose(place["Fz"], -place["Pz"], atol=0.06)
    np.testing.assert_allclose(place["O1"] * [-1, 1], place["O2"], atol=0.04)


def test_plot_electrodes__kinds_of_match__a_look_and_a_legend_entry_each():
    ax = plot_electrodes(["Cz", "EEG Fz-REF", "T3", "C3-P3", "AFF5h", "EKG", "Resp"])
    assert [text.get_text() for text in ax.get_legend().texts] == [
        "exact (1)",
        "decorated (1)",
        "renamed (1)",
        "bipolar (1)",
        "interpolated (1)",
    ]
    alone = places_of(plot_electrodes(["C3", "P3"]))
    np.testing.assert_allclose(places_of(ax)["C3-P3"], (alone["C3"] + alone["P3"]) / 2, atol=1e-6)
    assert ax.texts[-1].get_text() == "No known position: EKG, Resp"


def test_plot_electrodes__pair_across_another_channel__drawn_clear_of_it():
    place = places_of(plot_electrodes(["Cz", "A2-A1", "Pz"]))
    for name in ("Cz", "Pz"):
        assert np.linalg.norm(place["A2-A1"] - place[name]) > 0.12


def test_plot_electrodes__estimator__its_report(tokenizer, windows):
    ax = plot_electrodes(tokenizer)
    assert list(places_of(ax)) == windows.ch_names
    assert ax.get_title(loc="left") == f"{len(windows.ch_names)} channels on the head"
    by_name = places_of(plot_electrodes(windows.ch_names))
    for name, place in places_of(ax).items():
        np.testing.assert_allclose(place, by_name[name])


def test_plot_electrodes__recording__good_eeg_channels_by_montage(epochs, windows, template):
    assert list(places_of(plot_electrodes(epochs))) == windows.ch_names
    info = mne.create_info(["one", "two", "three", "heart"], 200, ["eeg"] * 3 + ["ecg"])
    spots = mne.channels.make_standard_montage(template).get_positions()["ch_pos"]
    chosen = dict(zip(info["ch_names"], (spots[name] for name in ("C3", "C4", "Oz")), strict=False))
    info.set_montage(mne.channels.make_dig_montage(chosen, coord_frame="head"))
    info["bads"] = ["two"]
    place = places_of(plot_electrodes(info))
    assert list(place) == ["one", "three"]
    assert place["one"][0] < -0.2
    assert place["three"][1] < -0.6


def test_plot_electrodes__bad_input__clear_error():
    with pytest.raises(ValueError, match=r"None of the 2 channels has a known position: \['X1'"):
        plot_electrodes(["X1", "X2"])
    with pytest.raises(ValueError, match="No EEG channels were given"):
        plot_electrodes([])
    with pytest.raises(NotFittedError):
        plot_electrodes(BrainRVQEmbedder())
    with pytest.raises(ValueError, match="CodeHistogram was given; expected a fitted estimator"):
        plot_electrodes(CodeHistogram().fit(np.zeros((2, 1, 1, 2, 1), int)))


@pytest.mark.parametrize(("name", "side"), [("O1", (-1, -1)), ("Fp2", (1, 1)), ("P8", (1, -1))])
def test_draw_topography__one_channel_stands_out__there_on_the_head(name, side):
    names = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "P7", "P8", "O1", "O2", "Cz"]
    values = np.array([channel == name for channel in names], float)
    image = draw_topography(
        plt.figure().add_subplot(), values, match_electrodes(names, len(names)), (0, 1)
    )
    grid = np.ma.filled(np.ma.masked_invalid(image.get_array()), -1)
    left, right, bottom, top = image.get_extent()
    xs, ys = np.linspace(left, right, grid.shape[1]), np.linspace(bottom, top, grid.shape[0])
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    assert (np.sign(xs[column]), np.sign(ys[row])) == side
    for channel, value in zip(names, values, strict=True):
        x, y = electrode_places([channel.upper()])[0]
        assert grid[np.abs(ys - y).argmin(), np.abs(xs - x).argmin()] == pytest.approx(
            value, abs=0.1
        )


def test_read_patches__filters_and_places_of_the_estimator__are_those_of_the_patches(windows):
    settings = {"weights": None, "architecture": "tiny", "sfreq": windows.sfreq}
    plain = BrainRVQEmbedder(**settings, ch_names=windows.ch_names).fit(windows.X)
    channels = [f"channel {n}" for n, _ in enumerate(windows.ch_names)]
    places = dict(zip(channels, windows.ch_names, strict=True))
    embedder = BrainRVQEmbedder(
        **settings,
        ch_names=channels,
        filters=Filters(reference="average"),
        reading=Reading(electrode_map=places),
    ).fit(windows.X)
    (expected,), (found,) = (read_patches(e, windows.X) for e in (plain, embedder))
    np.testing.assert_array_equal(found.electrodes, expected.electrodes)
    assert np.abs(expected.patches.mean(axis=1)).max() > 1e-3
    np.testing.assert_allclose(found.patches.mean(axis=1), 0, atol=1e-5)


@pytest.mark.parametrize("which", ["tokenizer", "pretrainer"])
def test_class_attention__either_network__what_the_fused_kernel_uses(which, windows, request):
    estimator = request.getfixturevalue(which)
    encoder = estimator.net_.module_.encoder
    group = read_patches(estimator, windows.X)[0]
    x, electrodes = torch.from_numpy(group.patches[:2]), torch.from_numpy(group.electrodes)
    seen = []

    def attend(query, key, value, kernel=F.scaled_dot_product_attention):
        # With unit vectors for values, the kernel's result is its weights.
        seen.append(kernel(query, key, torch.eye(key.shape[-2]).expand(*key.shape[:2], -1, -1)))
        return kernel(query, key, value)

    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr(F, "scaled_dot_product_attention", attend)
        encoder(x, electrodes)
    found = class_attention(encoder, x, electrodes, [0, 1])
    expected = torch.stack([weights[:, :, 0].mean(1) for weights in seen])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.sum(-1), torch.ones(2, 2))
    assert not encoder.blocks[0].attn._forward_pre_hooks  # none is left behind


def test_plot_attention__layers__a_map_each_with_one_colour_bar(windows, pretrainer):
    axes = plot_attention(pretrainer, windows.X, layer=[0, -1])
    assert [ax.get_title(loc="left") for ax in axes] == ["Block 1 of 2", "Block 2 of 2"]
    limits = {ax.images[0].get_clim() for ax in axes}
    assert len(limits) == 1
    low, high = limits.pop()
    assert 0 < low < 100 / len(windows.ch_names) < high < 100
    labels = [ax.get_ylabel() for ax in axes[0].figure.axes]
    assert labels.count("Attention of the class token (%)") == 1


def test_plot_attention__no_preference__the_same_for_each_channel(windows):
    embedder = BrainRVQEmbedder(
        weights=None,
        architecture="tiny",
        sfreq=windows.sfreq,
        ch_names=windows.ch_names,
        random_state=0,
    ).fit(windows.X)
    with torch.no_grad():
        embedder.net_.module_.blocks[1].attn.qkv.weight.zero_()
    (ax,) = plot_attention(embedder, windows.X, epoch=3)
    image = np.ma.compressed(np.ma.masked_invalid(ax.images[0].get_array()))
    np.testing.assert_allclose(image, 100 / len(windows.ch_names), rtol=1e-4)


def test_plot_attention__epochs_in_any_order_and_batch__mean_over_epochs(
    windows, pretrainer, epochs
):
    limits = [
        plot_attention(pretrainer, X)[0].images[0].get_clim()
        for X in (windows.X, windows.X[::-1].copy(), epochs, [windows.X[:5], windows.X[5:]])
    ]
    np.testing.assert_allclose(limits, np.tile(limits[0], (4, 1)), rtol=1e-3)


def test_plot_attention__channel_of_unknown_place__gets_none_and_changes_no_other(
    windows, pretrainer
):
    names = [*windows.ch_names, "X1"]
    beside = np.concatenate([windows.X, 100 * windows.X[:, :1]], 1)
    embedder = BrainRVQEmbedder(pretrainer.weights_, sfreq=windows.sfreq, ch_names=names)
    ax = plot_attention(embedder.fit(beside), beside)[0]
    expected = plot_attention(pretrainer, windows.X)[0]
    assert ax.images[0].get_clim() == pytest.approx(expected.images[0].get_clim(), rel=1e-5)


def test_plot_attention__bad_input__clear_error(windows, pretrainer):
    with pytest.raises(NotFittedError):
        plot_attention(BrainRVQEmbedder(), windows.X)
    with pytest.raises(
        ValueError, match=r"layer=2 was given, but the encoder has 2 blocks; expected -2 to 1"
    ):
        plot_attention(pretrainer, windows.X, layer=2)
    with pytest.raises(ValueError, match="epoch=12 was given; expected a number from 0 to 11"):
        plot_attention(pretrainer, windows.X, epoch=12)
    with pytest.raises(ValueError, match="CodeHistogram was given; expected a fitted estimator"):
        plot_attention(CodeHistogram(), windows.X)
    with pytest.raises(ValueError, match="1 axes were given, but 2 are needed: one for each layer"):
        plot_attention(pretrainer, windows.X, layer=[0, 1], ax=plt.figure().add_subplot())
    names = [f"X{i}" for i in range(len(windows.ch_names))]
    unknown = BrainRVQEmbedder(weights=pretrainer.weights_, sfreq=200, ch_names=names)
    with pytest.raises(ValueError, match=r"A topography needs 4 channels .* none can be placed"):
        plot_attention(unknown.fit(windows.X), windows.X)


def test_plot_electrodes__channel_without_place__is_not_counted():
    ax = plot_electrodes(["Cz", "EEG Fz-REF", "ECG"])
    assert ax.get_title(loc="left") == "2 channels on the head"
    assert plot_electrodes(["Cz"]).get_title(loc="left") == "1 channel on the head"


@pytest.mark.parametrize("size", [(4.5, 4.5), (8, 4), (4, 8)])
def test_plot_electrodes__axes_of_a_plain_figure__legend_is_within_it(size):
    figure, ax = plt.subplots(figsize=size)
    plot_electrodes(["Cz", "EEG Fz-REF", "T3", "C3-P3", "AFF5h"], ax=ax)
    figure.canvas.draw()
    legend = ax.get_legend().get_window_extent()
    assert legend.x1 <= figure.bbox.x1
    # It stands beside the head.
    assert legend.x0 > ax.transData.transform((1, 0))[0]
