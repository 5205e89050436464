"""Pictures of codes: reconstructions, images, codebooks, single codewords."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from sk_brainrvq import Architecture, CodeHistogram, DDRVQTransformer
from sk_brainrvq.viz import (
    plot_codebook_usage,
    plot_codes,
    plot_codeword,
    plot_reconstruction,
)
from sk_brainrvq.viz._shared.plot_inputs import channel_number
from sk_brainrvq.viz.codeword_plot import spectrum_of


def texts(labels):
    return [label.get_text() for label in labels]


def test_plot_reconstruction__levels__original_and_reconstruction_in_microvolts(windows, tokenizer):
    axes = plot_reconstruction(tokenizer, windows.X, epoch=2, channel=4)
    assert axes.shape == (4,)
    for level, axis in enumerate(axes[:-1], start=1):
        original, rebuilt = (line.get_ydata() for line in axis.lines)
        np.testing.assert_allclose(original, windows.X[2, 4], rtol=1e-6)
        expected = tokenizer.reconstruct(windows.X[2:3], n_levels=level)[0, 4]
        np.testing.assert_allclose(rebuilt, expected, rtol=1e-5)
        explained = 1 - np.var(expected - original) / np.var(original)
        assert axis.get_ylabel() == "µV"
        shown = int(axis.get_title(loc="left").split(": ")[1].split(" %")[0])
        # The title counts a difference of means as an error, too.
        assert shown == pytest.approx(100 * explained, abs=2)
    assert axes[-2].get_xlabel() == f"Time (s), {windows.ch_names[4]}"
    assert axes[0].get_xlim() == pytest.approx((0, 4.995))


def test_plot_reconstruction__spectra__one_of_each_level_and_of_the_original(windows, tokenizer):
    spectra = plot_reconstruction(tokenizer, windows.X, epoch=1, channel="O1")[-1]
    assert spectra.get_xlabel() == "Frequency (Hz)"
    assert spectra.get_ylabel() == "Power (µV²/Hz)"
    assert texts(spectra.get_legend().texts) == [
        "original",
        "level 1",
        "levels 1 to 2",
        "levels 1 to 3",
    ]
    # Parseval: a density summed over frequencies is the variance, but for what is not drawn.
    frequencies, power = spectra.lines[0].get_data()
    signal = windows.X[1, windows.ch_names.index("O1")].astype(float)
    times = np.arange(signal.size)
    band = np.fft.rfftfreq(signal.size, 1 / windows.sfreq)
    shown = np.fft.rfft(signal - np.polyval(np.polyfit(times, signal, 1), times))
    shown[(band < frequencies[0]) | (band > frequencies[-1])] = 0
    drawn = power.sum() * (frequencies[1] - frequencies[0])
    assert drawn == pytest.approx(np.var(np.fft.irfft(shown)), rel=0.35)
    assert len({line.get_linestyle() for line in spectra.lines}) == 4


def test_plot_reconstruction__epochs__same_as_array_and_names_of_montage(
    windows, tokenizer, epochs
):
    ours = plot_reconstruction(tokenizer, epochs, epoch=3, channel="Cz")
    arrays = plot_reconstruction(tokenizer, windows.X, epoch=3, channel="Cz")
    for one, other in zip(ours, arrays, strict=True):
        for line, same in zip(one.lines, other.lines, strict=True):
            np.testing.assert_allclose(line.get_ydata(), same.get_ydata(), rtol=1e-3, atol=1e-3)


def test_plot_reconstruction__bad_input__clear_error(windows, tokenizer, pretrainer):
    with pytest.raises(NotFittedError):
        plot_reconstruction(DDRVQTransformer(), windows.X)
    with pytest.raises(ValueError, match="A BrainRVQPretrainer was given; expected a fitted DDRVQ"):
        plot_reconstruction(pretrainer, windows.X)
    with pytest.raises(ValueError, match="the class DDRVQTransformer was given"):
        plot_reconstruction(DDRVQTransformer, windows.X)
    with pytest.raises(ValueError, match="epoch=12 was given; expected a number from 0 to 11"):
        plot_reconstruction(tokenizer, windows.X, epoch=12)
    with pytest.raises(ValueError, match="channel='O9' was given; the channels are"):
        plot_reconstruction(tokenizer, windows.X, channel="O9")
    with pytest.raises(ValueError, match="channel=20 was given"):
        plot_reconstruction(tokenizer, windows.X, channel=20)
    _, ax = plt.subplots(2)
    with pytest.raises(ValueError, match="2 axes were given, but 4 are needed: one for each of 3"):
        plot_reconstruction(tokenizer, windows.X, ax=ax)


def test_plot_codes__tokenizer__similar_codewords_get_similar_colours(windows, tokenizer):
    codes = tokenizer.transform(windows.X)
    axes = plot_codes(codes, tokenizer, epoch=5)
    assert axes.shape == (6,)
    for number, axis in enumerate(axes):
        domain, level = divmod(number, 3)
        shown = codes[5, ..., domain, level]
        colours = np.asarray(axis.images[0].get_array())
        assert colours.shape == (len(windows.ch_names), 5)
        codewords = tokenizer.net_.module_.quantizers[domain].levels[level].weight.numpy()
        component = PCA(1).fit_transform(codewords)[:, 0]
        correlation = spearmanr(component[shown].ravel(), colours.ravel()).statistic
        assert abs(correlation) == pytest.approx(1, abs=1e-6)
        assert axis.get_title(loc="left") == f"{('Time', 'Frequency')[domain]}, level {level + 1}"
    assert texts(axes[0].get_yticklabels()) == windows.ch_names
    assert axes[0].get_ylabel() == "Channel"
    assert axes[-1].get_xlabel() == "Time (s)"
    assert axes[-1].get_xlim() == (0, 5)


def test_plot_codes__no_tokenizer__code_numbers_and_names_as_given(windows, tokenizer, epochs):
    codes = tokenizer.transform(windows.X)
    axes = plot_codes(codes, ch_names=epochs)
    colours = np.asarray(axes[2].images[0].get_array())
    np.testing.assert_array_equal(colours * codes[0, ..., 0, 2].max(), codes[0, ..., 0, 2])
    assert texts(axes[0].get_yticklabels()) == windows.ch_names
    assert texts(plot_codes(codes)[0].get_yticklabels())[1] == "channel 1"
    assert any(ax.get_ylabel() == "Code number" for ax in axes[0].figure.axes)


def test_plot_codes__bad_input__clear_error(tokenizer):
    codes = np.zeros((2, 4, 3, 2, 3), int)
    with pytest.raises(ValueError, match=r"The codes have shape \(4, 3, 2, 3\); expected \(n_ep"):
        plot_codes(codes[0])
    with pytest.raises(ValueError, match=r"shape \(2, 4, 3, 2, 2\); .* n_patches, 2, 3\)"):
        plot_codes(codes[..., :2], tokenizer)
    with pytest.raises(ValueError, match="The codes are float64; expected integers"):
        plot_codes(codes / 2)
    with pytest.raises(ValueError, match="hold -1; expected numbers from 0"):
        plot_codes(codes - 1)
    with pytest.raises(ValueError, match=r"hold 64 in the time domain, level 1; .* codes 0 to 63"):
        plot_codes(codes + 64, tokenizer)
    with pytest.raises(ValueError, match="epoch=2 was given; expected a number from 0 to 1"):
        plot_codes(codes, epoch=2)
    with pytest.raises(ValueError, match="2 ch_names were given for 4 channels"):
        plot_codes(codes, ch_names=["C3", "C4"])
    with pytest.raises(NotFittedError):
        plot_codes(codes, DDRVQTransformer())
    with pytest.raises(ValueError, match="1 axes were given, but 6 are needed"):
        plot_codes(codes, ax=plt.figure().add_subplot())


def heights(axis):
    """Heights of the bars: time, frequency."""
    return np.array([[bar.get_height() for bar in group] for group in axis.containers[:2]])


def test_plot_codebook_usage__fitted__usage_and_perplexity_of_fit(tokenizer):
    usage, perplexity = plot_codebook_usage(tokenizer)
    np.testing.assert_allclose(heights(usage), 100 * tokenizer.codebook_usage_)
    np.testing.assert_allclose(heights(perplexity), tokenizer.perplexity_)
    assert usage.get_ylabel() == "Codes in use (%)"
    assert perplexity.get_ylabel() == "Perplexity (codes)"
    assert usage.get_ylim()[1] >= 100
    assert texts(perplexity.get_legend().texts) == [
        "size of the codebook",
        "time domain",
        "frequency domain",
    ]
    hatches = {bar.get_hatch() for group in usage.containers for bar in group}
    assert len(hatches) == 2  # told apart in print


def test_plot_codebook_usage__other_codes__usage_of_those(tokenizer):
    # Four codes equally often in the first level, one code elsewhere.
    codes = np.zeros((4, 4, 2, 2, 3), int)
    codes[..., 0, 0] = np.arange(4)[:, None, None]
    usage, perplexity = plot_codebook_usage(tokenizer, codes)
    np.testing.assert_allclose(heights(usage)[:, 0], [100 * 4 / 64, 100 / 64])
    np.testing.assert_allclose(heights(perplexity)[:, 0], [4, 1])
    np.testing.assert_allclose(heights(perplexity)[:, 1:], 1)


def test_plot_codebook_usage__bad_input__clear_error(tokenizer):
    with pytest.raises(NotFittedError):
        plot_codebook_usage(DDRVQTransformer())
    with pytest.raises(ValueError, match="CodeHistogram was given; expected a fitted DDRVQ"):
        plot_codebook_usage(CodeHistogram())
    with pytest.raises(ValueError, match="The codes have shape"):
        plot_codebook_usage(tokenizer, np.zeros((2, 3), int))
    with pytest.raises(ValueError, match="1 axes were given, but 2 are needed"):
        plot_codebook_usage(tokenizer, ax=plt.figure().add_subplot())


def test_plot_codeword__time_domain__seconds_with_the_code_and_what_is_decoded(windows, tokenizer):
    codes = tokenizer.transform(windows.X)
    axes = plot_codeword(tokenizer, windows.X, level=2)
    found = codes[..., 0, 1]
    code = np.bincount(found.ravel()).argmax()
    here = found == code
    seconds = windows.X.reshape(*found.shape, 200)[here].astype(float)
    standardised = (seconds - seconds.mean(-1, keepdims=True)) / seconds.std(-1, keepdims=True)
    *_, mean, decoded = axes[0].lines
    np.testing.assert_allclose(mean.get_ydata(), standardised.mean(0), atol=1e-4)
    expected = tokenizer.inverse_transform(codes, n_levels=2)[here].mean(0)
    np.testing.assert_allclose(decoded.get_ydata(), expected, atol=1e-4)
    assert axes[0].get_title(loc="left") == f"Time, level 2: code {code}"
    assert axes[1].get_title(loc="left").startswith(f"{here.sum()} time")
    assert axes[0].get_xlabel() == "Time (s)"
    assert axes[0].get_ylabel() == "Standard deviations"
    assert axes[1].get_xlabel() == "Frequency (Hz)"
    assert axes[1].get_ylabel() == "Amplitude (µV)"
    everything, of_code, _ = (line.get_ydata() for line in axes[1].lines)
    np.testing.assert_allclose(of_code, spectrum_of(seconds).mean(0)[1:51], rtol=1e-4)
    assert everything.shape == (50,)


def test_plot_codeword__channel_of_unknown_place__codes_and_decoded_as_of_transform(windows):
    names = [*windows.ch_names[:5], "X1"]
    X = np.concatenate([windows.X[:, :5], 100 * windows.X[:, :1]], 1)
    sizes = Architecture("tiny", codebook_size=4)
    tokenizer = DDRVQTransformer(
        architecture=sizes, max_epochs=1, sfreq=200, ch_names=names, random_state=0
    ).fit(X)
    codes = tokenizer.transform(X)
    code = int(codes[0, 0, 0, 0, 0])
    here = codes[..., 0, 0] == code
    axes = plot_codeword(tokenizer, X, code)
    assert axes[1].get_title(loc="left").startswith(f"{here.sum()} time")
    expected = tokenizer.inverse_transform(codes, n_levels=1)[here].mean(0)
    np.testing.assert_allclose(axes[0].lines[-1].get_ydata(), expected, atol=1e-4)


def test_plot_codeword__frequency_domain__decoded_amplitude_in_microvolts(windows, tokenizer):
    codes = tokenizer.transform(windows.X)
    code = int(codes[0, 0, 0, 1, 0])
    axes = plot_codeword(tokenizer, windows.X, code, domain="frequency")
    module = tokenizer.net_.module_
    rows = [row["rows"] for row in tokenizer.electrode_report_]
    electrodes = torch.zeros(len(rows), 129)
    for channel, row in enumerate(rows):
        electrodes[channel, list(row)] = 1 / len(row)
    with torch.inference_mode():
        decoded = module.decode(torch.from_numpy(codes).long(), electrodes, 1).amplitude
    # Targets are log1p of tenths of a microvolt.
    expected = (np.expm1(decoded.numpy()) / 10).clip(0)[codes[..., 1, 0] == code].mean(0)[1:51]
    np.testing.assert_allclose(axes[1].lines[2].get_ydata(), expected, rtol=1e-3)


def test_plot_codeword__published_targets__spectrum_near_that_of_the_eeg(windows):
    tokenizer = DDRVQTransformer(
        architecture=Architecture("tiny", targets="published"),
        max_epochs=4,
        batch_size=4,
        lr=2e-3,
        sfreq=windows.sfreq,
        ch_names=windows.ch_names,
        random_state=0,
    ).fit(windows.X)
    axes = plot_codeword(tokenizer, windows.X, domain="frequency")
    _, eeg, decoded = (line.get_ydata() for line in axes[1].lines)
    # Above the first few Hz, where a network of four epochs is far off.
    assert 0.2 < np.median(decoded[4:30] / eeg[4:30]) < 5


def test_spectrum_of__sine__its_amplitude():
    wave = 3 + 10 * np.sin(2 * np.pi * 12 * np.arange(200) / 200)
    spectrum = spectrum_of(wave[None])[0]
    assert spectrum.argmax() == 12
    assert spectrum[12] == pytest.approx(10)
    assert np.delete(spectrum, 12).max() < 1e-9


def test_plot_codeword__topography__share_of_each_channels_seconds(windows, tokenizer):
    codes = tokenizer.transform(windows.X)[..., 0, 0]
    axes = plot_codeword(tokenizer, windows.X)
    code = np.bincount(codes.ravel()).argmax()
    shares = {name: 100 * np.mean(codes[:, i] == code) for i, name in enumerate(windows.ch_names)}
    across = shares.pop("A2-A1", None)
    assert axes[2].images[0].get_clim() == pytest.approx((0, max(shares.values())))
    note = [text for text in texts(axes[2].texts) if "Not shown" in text]
    assert note == ([] if across is None else [f"Not shown: A2-A1 ({across:.1f})"])
    assert any(ax.get_ylabel() == "Share of seconds (%)" for ax in axes[2].figure.axes)


def test_plot_codeword__bad_input__clear_error(windows, tokenizer):
    X = windows.X
    with pytest.raises(NotFittedError):
        plot_codeword(DDRVQTransformer(), X)
    with pytest.raises(ValueError, match="domain='space' was given; expected 'time' or 'freq"):
        plot_codeword(tokenizer, X, domain="space")
    with pytest.raises(ValueError, match="level=4 was given; expected a level from 1 to 3"):
        plot_codeword(tokenizer, X, level=4)
    with pytest.raises(
        ValueError, match="code=64 was given; expected a code of this codebook, from 0 to 63"
    ):
        plot_codeword(tokenizer, X, 64)
    one = X[:1, :, :200]
    absent = np.setdiff1d(np.arange(64), tokenizer.transform(one)[..., 0, 0])[0]
    with pytest.raises(ValueError, match=f"Code {absent} does not occur in X; the most frequent"):
        plot_codeword(tokenizer, one, int(absent))
    unnamed = DDRVQTransformer(architecture="tiny", max_epochs=1, sfreq=200).fit(X[:4])
    with pytest.raises(ValueError, match=r"A topography needs 4 channels .* none can be placed"):
        plot_codeword(unnamed, X)


def test_plot_reconstruction__plain_name__finds_the_decorated_channel():
    assert channel_number("O1", ["EEG Cz-REF", "EEG O1", "O2"]) == 1
    assert channel_number("T3", ["Cz", "T7"]) == 1
    with pytest.raises(ValueError, match=r"'O9' was given; the channels are \['EEG O1'\]"):
        channel_number("O9", ["EEG O1"])
    with pytest.raises(ValueError, match=r"'O1' was given; fits \['EEG O1', 'O1-REF'\]"):
        channel_number("O1", ["EEG O1", "O1-REF"])
