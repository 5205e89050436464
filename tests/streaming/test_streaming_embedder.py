"""A stream gives what windows of the whole recording give, and refuses what cannot be a stream."""

from copy import copy
from itertools import pairwise

import mne
import numpy as np
import pandas as pd
import pytest
from scipy import signal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from tiny import CH_NAMES, fitted, make_eeg, make_labels, tiny

from sk_brainrvq import Filters, Reading, StreamingEmbedder, SubjectCentering
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.filters.causal_filters import causal_sections
from sk_brainrvq.signals.filters.causal_resampling import resample_causally
from sk_brainrvq.signals.filters.settings import FilterSettings

BAND = FilterSettings(l_freq=1.0, h_freq=45.0, notch=50.0)
FILTERS = Filters(l_freq=1.0, h_freq=45.0, notch=50.0)


@pytest.fixture(scope="module")
def embedder():
    return tiny("embedder", filters=FILTERS, spectrum="region").fit(make_eeg())


def recording(seconds=7.3, sfreq=250, seed=0):
    """Noise of 20 microvolts with an offset and slow drift, (4, n_times)."""
    x = make_eeg(1, n_times=int(seconds * sfreq), seed=seed)[0]
    return x + 100 * np.sin(np.arange(x.shape[1]) / sfreq) + [[0], [4000], [-90], [7]]


def pushed(stream, x, sizes):
    """Results of chunks of these sizes, and of one with the rest."""
    edges = [*np.minimum(np.cumsum([0, *sizes]), x.shape[1]), x.shape[1]]
    return [r for a, b in pairwise(edges) for r in stream.push(x[:, a:b])]


def values(results):
    return np.stack([result.values for result in results])


def windows_by_hand(x, sfreq, n_window, n_step, band=BAND):
    """Windows at 200 Hz of the whole recording, by SciPy."""
    if band is not None:
        sections = causal_sections(band, sfreq)
        state = signal.sosfilt_zi(sections)[:, None] * x[:, :1]
        x = signal.sosfilt(sections, x, zi=state)[0]
    filtered = resample_causally(x, sfreq)
    starts = range(0, filtered.shape[1] - n_window + 1, n_step)
    return np.stack([filtered[:, start : start + n_window] for start in starts])


# The same numbers


def test_push__chunks_of_any_size__same_numbers_as_offline_and_as_by_hand(embedder):
    x, rng = recording(), np.random.default_rng(1)
    stream = StreamingEmbedder(embedder, 250, window=1.5, step=0.4)
    unfiltered = copy(embedder).set_params(filters=None)
    by_hand = unfiltered.transform(windows_by_hand(x, 250, 300, 80))
    offline = stream.offline(x)
    assert np.allclose(values(offline), by_hand, rtol=0, atol=1e-5)
    ones = StreamingEmbedder(embedder, 250, window=1.5, step=0.4)
    n_ones = [1] * 600  # the first windows sample by sample, then all that is left
    for sizes in (n_ones, [], [0, 700, 0, 3], *(rng.integers(1, 300, 40) for _ in range(4))):
        results = pushed(ones, x, sizes)
        assert np.allclose(values(results), by_hand, rtol=0, atol=1e-5)
        assert [(r.start, r.end) for r in results] == [(r.start, r.end) for r in offline]
        ones.reset()
    assert [r.start for r in offline] == pytest.approx(0.4 * np.arange(len(by_hand)))
    assert [r.end for r in offline] == pytest.approx(1.5 + 0.4 * np.arange(len(by_hand)))


def test_push__window_complete__result_comes_with_its_last_sample(embedder):
    stream, x = StreamingEmbedder(embedder, 250, window=2.0, step=0.2), recording()
    came = [i for i in range(600) if stream.push(x[:, [i]])]
    # At 200 Hz its last sample is 5 ms before the end: that of the stream there or before it.
    assert came == [int((end - 1) * 250 / 200) for end in (400, 440, 480)]


def test_settled__windows_after_the_start__not_changed_by_what_came_before(embedder):
    x = recording(12)
    stream = StreamingEmbedder(embedder, 250, window=1.0)
    assert 1 < stream.settling < 4
    late, early = StreamingEmbedder(embedder, 250, window=1.0), stream.offline(x)
    ahead = np.concatenate([recording(3, seed=5), x], axis=1)
    after = late.offline(ahead)[3:]
    assert [r.settled for r in early] == [r.start >= stream.settling for r in early]
    gaps = [np.abs(a.values - b.values).mean() for a, b in zip(early, after, strict=True)]
    settled = [gap for gap, r in zip(gaps, early, strict=True) if r.settled]
    assert max(settled) < 0.01 < gaps[0]


def test_delay__filters_and_resampler__stated(embedder):
    slow = StreamingEmbedder(embedder, 250, window=1.0)
    assert 0.02 < slow.delay == slow.delay_at(10.0) < 0.06
    plain = tiny("embedder", filters=None).fit(make_eeg())
    assert StreamingEmbedder(plain, 200).delay == 0
    # What the amplifier did is not done again.
    done = StreamingEmbedder(embedder, 200, highpass=1.0, lowpass=40.0)
    assert (done.filters.l_freq, done.filters.h_freq, done.filters.notch) == (None, None, 50.0)


def test_results__pipeline_and_classifier__are_decisions():
    plain = tiny("embedder", filters=FILTERS).fit(make_eeg())
    model = make_pipeline(StandardScaler(), "passthrough", LogisticRegression())
    model.fit(plain.transform(make_eeg()), make_labels())
    pipeline = make_pipeline(plain, model)
    classifier = fitted("classifier")
    unfiltered = windows_by_hand(recording(), 250, 400, 200, None)
    features = (
        copy(plain).set_params(filters=None).transform(windows_by_hand(recording(), 250, 400, 200))
    )
    for estimator, method, wanted in (
        (pipeline, "predict_proba", model.predict_proba(features)),
        (pipeline, "decision_function", model.decision_function(features)),
        (classifier, "predict_proba", classifier.predict_proba(unfiltered)),
    ):
        stream = StreamingEmbedder(estimator, 250, window=2.0, method=method)
        assert np.allclose(values(stream.offline(recording())), wanted, atol=1e-5)
    labels = StreamingEmbedder(classifier, 250, window=2.0, method="predict")
    wanted = classifier.predict(unfiltered)
    assert [result.values for result in labels.offline(recording())] == wanted.tolist()
    auto = StreamingEmbedder(pipeline, 250, window=2.0)
    assert auto.classes.tolist() == ["rest", "task"]
    assert "predict_proba" in repr(auto)
    assert auto.offline(recording())[0].values.sum() == pytest.approx(1)


def test_units_and_names__of_the_stream__as_those_of_epochs(embedder):
    x = recording()
    wanted = values(StreamingEmbedder(embedder, 250, window=2).offline(x))
    volts = StreamingEmbedder(embedder, 250, window=2, unit="V").offline(x * 1e-6)
    assert np.allclose(values(volts), wanted, atol=1e-5)
    counts = [x.round(), x.round().astype(np.int16), x.round().astype(int).tolist()]
    one, *same = (values(StreamingEmbedder(embedder, 250, window=2).offline(c)) for c in counts)
    assert all((one == other).all() for other in same)
    order = [2, 0, 3, 1]
    names = [CH_NAMES[i] for i in order]
    other = StreamingEmbedder(embedder, 250, names, window=2).offline(x[order])
    assert np.allclose(values(other)[:, :100], wanted[:, :100], atol=1e-4)
    channels = tiny("embedder", pooling="channel", filters=FILTERS).fit(make_eeg())
    ours = values(StreamingEmbedder(channels, 250, names, window=2).offline(x[order]))
    assert np.allclose(
        ours, values(StreamingEmbedder(channels, 250, window=2).offline(x)), atol=1e-4
    )


def test_reference_and_bad_channels__of_a_window__treated_as_in_transform():
    x, filters = recording(), Filters(l_freq=1.0, h_freq=45.0, notch=50.0, reference="average")
    x[3] = 4.0  # flat: left out, of the average too
    dropping = {"filters": filters, "reading": Reading(bad_channels="drop")}
    model = tiny("embedder", **dropping).fit(make_eeg())
    with pytest.warns(EEGWarning, match="flat .*'O2'. They are left out"):
        found = values(StreamingEmbedder(model, 250, window=2).offline(x))
    three = windows_by_hand(x, 250, 400, 200)[:, :3]
    without = tiny("embedder", ch_names=CH_NAMES[:3], weights=model.weights_, architecture=None)
    wanted = without.fit(three).transform(three - three.mean(1, keepdims=True))
    assert np.allclose(found, wanted, atol=1e-5)


# People


@pytest.fixture(scope="module")
def centring():
    """Four people of whom the estimators learn, as Epochs."""
    x, people = make_eeg(40, seed=3), np.repeat(["ada", "bob", "eve", "kim"], 10)
    x *= np.linspace(0.5, 2, 4)[np.arange(40) // 10][:, None, None]
    info = mne.create_info(CH_NAMES, 200, "eeg")
    metadata = pd.DataFrame({"subject": people})
    return mne.EpochsArray(x * 1e-6, info, metadata=metadata, verbose="error"), people


def epochs_of(windows, subject="new"):
    metadata = pd.DataFrame({"subject": [subject] * len(windows)})
    info = mne.create_info(CH_NAMES, 200, "eeg")
    return mne.EpochsArray(windows * 1e-6, info, metadata=metadata, verbose="error")


def test_calibrate__person_at_hand__as_the_estimator_calibrated_on_their_windows(centring):
    epochs, _ = centring
    own = {"filters": FILTERS, "center_by": "subject", "covariance": True}
    model = tiny("embedder", **own).fit(epochs)
    before, x = recording(30, seed=8) * 2, recording(seed=9) * 2
    stream = StreamingEmbedder(model, 250, window=2.0)
    with pytest.raises(
        InvalidEEGError, match=r"a single window has no centre. First call calibrate\(X\)"
    ):
        stream.push(x)
    found = values(stream.calibrate(before).offline(x))
    assert values(stream.push(x)) == pytest.approx(found, abs=1e-5)
    start = int(np.ceil(stream.settling * 200))
    calm = windows_by_hand(before, 250, start + 400, 400)
    calm = np.stack([calm[0][:, start:], *(w[:, start:] for w in calm[1:])])
    by_hand = tiny("embedder", **own | {"filters": None}).fit(epochs)
    by_hand.covariance_, by_hand.center_ = model.covariance_, model.center_
    wanted = by_hand.calibrate(epochs_of(calm)).transform(
        epochs_of(windows_by_hand(x, 250, 400, 200))
    )
    assert np.allclose(found, wanted, atol=2e-4)
    assert model.subject_centers_ == {}
    assert stream.reset().push(x)  # a reset keeps the person
    kept = StreamingEmbedder(model.calibrate(epochs), 250, window=2.0, subject="ada")
    assert kept.push(x)
    with pytest.raises(InvalidEEGError, match=r"keeps the centres of .*'ada', 'bob'"):
        StreamingEmbedder(model, 250, subject="zoe")


def test_calibrate__subject_centering_in_a_pipeline__takes_off_the_mean(centring):
    _, people = centring
    plain = tiny("embedder").fit(make_eeg())
    features = plain.transform(make_eeg(40))
    centring_step = SubjectCentering().fit(features, subjects=people)
    scaler = StandardScaler().fit(features)
    logistic = LogisticRegression().fit(features, make_labels(40))
    pipeline = make_pipeline(plain, scaler, centring_step, logistic)
    before, x = make_eeg(1, n_times=24 * 200, seed=4)[0], make_eeg(1, n_times=1200, seed=5)[0]
    stream = StreamingEmbedder(pipeline, 200, window=2.0).calibrate(before)
    scaled = [
        scaler.transform(plain.transform(y.reshape(4, -1, 400).swapaxes(0, 1))) for y in (before, x)
    ]
    wanted = logistic.predict_proba(scaled[1] - scaled[0].mean(0))
    assert np.allclose(values(stream.push(x))[::2], wanted, atol=1e-4)
    assert centring_step.subject_centers_ == {}
    nobody = StreamingEmbedder(plain, 200)
    with pytest.raises(ValueError, match="does not centre people"):
        nobody.calibrate(before)


def test_calibrate__that_fails_half_way__leaves_the_person_before(centring):
    fails = []

    def checked(values):
        if fails:
            raise OverflowError
        return values

    own = tiny("embedder", filters=None, center_by="subject").fit(centring[0])
    second = SubjectCentering().fit(own.transform(centring[0]), subjects=centring[1])
    pipeline = make_pipeline(own, FunctionTransformer(checked), second)
    stream = StreamingEmbedder(pipeline, 200, window=2.0).calibrate(make_eeg(1, n_times=4800)[0])
    x = make_eeg(1, n_times=800, seed=5)[0]
    before = values(stream.push(x))
    fails.append(True)
    with pytest.raises(OverflowError):
        stream.calibrate(5 * make_eeg(1, n_times=4800, seed=7)[0])
    fails.clear()
    assert np.array_equal(values(stream.reset().push(x)), before)


def test_calibrate__raw__bad_stretches_left_out_other_rates_refused(centring):
    model = tiny("embedder", filters=None, center_by="subject").fit(centring[0])
    stream = StreamingEmbedder(model, 200, window=2.0)
    calm = make_eeg(1, n_times=4800, seed=1)[0]
    bad = np.concatenate([calm[:, :400], 30 * calm[:, :400], calm[:, 400:]], axis=1)
    info = mne.create_info([*CH_NAMES[::-1], "ECG"], 200, ["eeg"] * 4 + ["ecg"])
    raw = mne.io.RawArray(np.vstack([bad[::-1], bad[:1]]) * 1e-6, info, verbose="error")
    raw.set_annotations(mne.Annotations(2.0, 2.0, "BAD_jump"))
    x = make_eeg(1, n_times=1000)[0]
    wanted = values(StreamingEmbedder(model, 200, window=2.0).calibrate(calm).push(x))
    assert np.allclose(values(stream.calibrate(raw).push(x)), wanted, atol=1e-4)
    for other, words in (
        (raw.copy().resample(100), r"has 100 Hz, but the stream has 200 Hz.*resample\(200\)"),
        (raw.copy().rename_channels({"Cz": "X1"}), r"Channels \['Cz'\] of the stream are missing"),
        (raw.copy().crop(0.5, 3.5), "no usable window of 2 s"),
        (calm[:, :0], "The EEG for calibration is empty"),
    ):
        with pytest.raises(InvalidEEGError, match=words):
            stream.calibrate(other)


# Time


def test_timestamps__of_a_clock__results_carry_it_and_gaps_are_found(embedder):
    x, times = recording(), 5000 + np.arange(1825) / 250
    stream = StreamingEmbedder(embedder, 250, window=1.0)
    (first,) = stream.push(x[:, :300], times[:300] + 1e-4)
    assert (first.start, first.end) == pytest.approx((5000, 5001), abs=1e-3)
    late = times[300:600] + 0.3001
    for chunk_times, words in (
        (late, "a gap of 0.3 s before sample 0 of the chunk, at 5001.5"),
        (times[290:590], "a jump back by 0.0401"),
        (np.r_[times[300:450], late[150:]], "a gap of 0.3001 s before sample 150"),
    ):
        with pytest.raises(InvalidEEGError, match=words):
            stream.push(x[:, 300:600], chunk_times)
    # Nothing was taken in.
    rest = [first, *stream.push(x[:, 300:], times[300:] + 1e-4)]
    assert np.allclose(values(rest), values(stream.offline(x)), atol=1e-5)


def test_gap__on_gap_reset__starts_afresh_with_a_warning(embedder):
    x, times = recording(), np.arange(1825) / 250
    times[900:] += 2
    stream = StreamingEmbedder(embedder, 250, window=1.0, on_gap="reset")
    with pytest.warns(EEGWarning, match="a gap of 2 s before sample 900 .*starts again"):
        results = stream.push(x, times)
    fresh = [*stream.offline(x[:, :900]), *stream.offline(x[:, 900:])]
    assert np.allclose(values(results), values(fresh), atol=1e-5)
    assert [r.start for r in results] == pytest.approx([0, 1, 2, 5.6, 6.6, 7.6][: len(results)])
    assert [r.settled for r in results] == [r.settled for r in fresh]
    # Chunks without timestamps in between are counted.
    counted = StreamingEmbedder(embedder, 250, window=1.0)
    counted.push(x[:, :100], times[:100])
    counted.push(x[:, 100:200])
    counted.push(x[:, 200:300], times[200:300])


# Bad input


def test_push__what_is_no_chunk__a_sentence_and_the_stream_as_before(embedder):
    x = recording()
    spoilt = x[:, :50].copy()
    spoilt[2, 7] = np.nan
    stream = StreamingEmbedder(embedder, 250, window=1.0)
    stream.push(x[:, :200])
    for chunk, words in (
        (x[:, :50].T, r"shape \(50, 4\); expected \(4, n_times\).*pass chunk.T"),
        (x[:3, :50], r"shape \(3, 50\).*Select the channels of ch_names"),
        (x[:, 0], r"For one sample of all channels, pass chunk\[:, None\]"),
        (spoilt, "contains NaN, first at 'Cz', sample 7. The filters would never recover from it"),
        (x[:, :50] * np.inf, "contains infinity, first at 'Fp1', sample 0"),
        (x[:, :50] * 1e9, r"microvolts, first at 'Fp1'.*Check unit='uV'"),
        (x[:, :50] + 0j, "dtype complex128; expected real numbers"),
        (x[:, :50] > 0, "dtype bool; expected real numbers"),
        (np.full((4, 50), "a"), "holds text or objects"),
        ([[1.0], [2.0, 3.0]], "list that cannot be converted to an array"),
    ):
        with pytest.raises(InvalidEEGError, match=words):
            stream.push(chunk)
    times = np.arange(50) / 250
    for given, words in (
        (times[:-1], r"shape \(49,\) were given for a chunk of 50 samples"),
        (np.arange(50) / 500, "which is 500 Hz, but the stream was set up with sfreq=250"),
        (times * np.nan, "timestamps contain NaN"),
        (["a"] * 50, "which are not numbers"),
    ):
        with pytest.raises(InvalidEEGError, match=words):
            stream.push(x[:, :50], given)
    assert np.allclose(values(stream.push(x[:, 200:])), values(stream.offline(x)), atol=1e-5)


def test_stream__what_cannot_be_set_up__a_sentence(embedder):
    flat = tiny("classifier", head="flatten").fit(make_eeg(), make_labels())
    channels = tiny("embedder", pooling="channel").fit(make_eeg())
    for settings, words in (
        ({"estimator": LogisticRegression()}, "LogisticRegression was given to read a stream"),
        ({"estimator": make_pipeline(StandardScaler())}, "StandardScaler was given to read"),
        ({"estimator": tiny("embedder")}, "not fitted yet"),
        ({"estimator": flat, "window": 2.0}, "epochs of 2 patches of 1 s"),
        ({"estimator": channels, "ch_names": ["C3", "C4"]}, "of fit are missing from X"),
        ({"sfreq": 499.907}, "Pass the nominal rate"),
        ({"sfreq": 0}, "expected a sampling rate"),
        ({"unit": "nV"}, "expected one of 'uV'"),
        ({"step": 0.1234}, "step=0.1234 was given; expected seconds above 0, in steps of 0.005"),
        ({"window": -1}, "window=-1 was given"),
        ({"on_gap": "fill"}, "expected 'raise' or 'reset'"),
        ({"method": "predict_proba"}, "BrainRVQEmbedder, the last step, has transform"),
        ({"ch_names": ["C3", "C3"]}, "more than once"),
        ({"ch_names": "C3"}, "is a string"),
    ):
        with pytest.raises(ValueError, match=words):
            StreamingEmbedder(**{"estimator": embedder, "sfreq": 250, **settings})
