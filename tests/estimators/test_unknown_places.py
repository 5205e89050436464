"""A channel of unknown place beside known ones: it counts only where channels are kept apart."""

import warnings

import mne
import numpy as np
import pytest
from tiny import make_labels, tiny

from sk_brainrvq import BrainRVQModule, RandomCrops, Reading
from sk_brainrvq.exceptions import EEGWarning

KNOWN = ["Fp1", "C3", "Cz", "O2"]
# Of how loud the unknown channel is nothing is said here.
FROM_MNE = {"sfreq": None, "ch_names": None, "reading": Reading(bad_channels="keep")}
EVERYTHING = {"spectrum": "region", "covariance": True}
LOUD = 2000.0


def signals(n_channels, n_epochs=3, n_times=500, seed=0):
    return np.random.default_rng(seed).normal(scale=20, size=(n_epochs, n_channels, n_times))


def epochs(microvolts, names):
    return mne.EpochsArray(microvolts * 1e-6, mne.create_info(names, 200, "eeg"), verbose=False)


def with_unknown(microvolts, names, at, scale=LOUD, name="SOMEWHERE"):
    """The same epochs with a channel of unknown place and enormous amplitude among the others."""
    shape = len(microvolts), microvolts.shape[-1]
    loud = np.random.default_rng(9).normal(scale=scale, size=shape)
    return epochs(np.insert(microvolts, at, loud, axis=1), [*names[:at], name, *names[at:]])


def said_by(function, *arguments):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        function(*arguments)
    return [str(warning.message) for warning in said if warning.category is EEGWarning]


def test_recording__unknown_channel_first_seen_in_transform__as_without_it_and_said():
    names = "AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4".split()  # noqa: SIM905
    x = 1e-6 * signals(15, n_times=128 * 30)[0]
    x[14] = 0
    info = mne.create_info([*names, "SOMEWHERE"], 128, "eeg")
    raw = mne.io.RawArray(x, info, verbose=False)
    known = raw.copy().pick(names)
    embedder = tiny("embedder", **FROM_MNE, **EVERYTHING).fit(known)
    np.testing.assert_array_equal(embedder.transform(raw), embedder.transform(known))
    (said,) = said_by(embedder.transform, raw)
    assert "'SOMEWHERE'" in said
    assert "left out when channels are pooled" in said
    assert "pass reading=Reading(electrode_map={...})" in said
    placed = Reading(electrode_map={"SOMEWHERE": "Cz"}, bad_channels="keep")  # as it says
    assert not said_by(tiny("embedder", **{**FROM_MNE, "reading": placed}).fit, raw)


def assert_same_but_for_rounding(found, expected):
    """Equal up to rounding: some processors add up larger batches in another order."""
    few_steps = 4 * np.finfo(np.float32).eps * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=few_steps)


def test_channels_apart__unknown_one__keeps_its_columns_and_leaves_the_others_alone():
    X, names = signals(4), [*KNOWN[:2], "W1", *KNOWN[2:]]
    shared = {**FROM_MNE, "pooling": "channel", "spectrum": "channel", "covariance": True}
    plain = tiny("embedder", **shared).fit(epochs(X, KNOWN))
    beside = tiny("embedder", **shared).fit(with_unknown(X, KNOWN, 2, name="W1"))
    columns = plain.get_feature_names_out().tolist()
    every = beside.get_feature_names_out().tolist()
    assert {column.split("_")[0] for column in set(every) - set(columns)} == {"W1"}
    expected = plain.transform(epochs(X, KNOWN))
    found = beside.transform(with_unknown(X, KNOWN, 2, name="W1"))
    assert_same_but_for_rounding(found[:, [every.index(c) for c in columns]], expected)
    own = [every.index(f"W1_{name}") for name in ("0", "log_std")]
    quiet = beside.transform(with_unknown(X, KNOWN, 2, scale=1.0, name="W1"))
    assert (found[:, own] != quiet[:, own]).all()
    mixed = tiny("embedder", **FROM_MNE, pooling="mean", spectrum="channel", covariance=True)
    by_place = mixed.fit(with_unknown(X, KNOWN, 2)).transform(with_unknown(X, KNOWN, 2))
    mixed.fit(epochs(X, KNOWN))
    assert_same_but_for_rounding(by_place[:, :100], mixed.transform(epochs(X, KNOWN))[:, :100])
    tokens = tiny("embedder", **FROM_MNE, pooling="none").fit(epochs(X, names[:2] + names[3:]))
    unpooled = tokens.transform(with_unknown(X, KNOWN, 2))
    assert unpooled.shape[1] == 5
    assert_same_but_for_rounding(np.delete(unpooled, 2, 1), tokens.transform(epochs(X, KNOWN)))


def test_codes__unknown_channel__has_codes_of_its_own_and_leaves_the_others_alone():
    X = signals(4)
    plain, beside = epochs(X, KNOWN), with_unknown(X, KNOWN, 1)
    tokenizer = tiny("tokenizer", **FROM_MNE).fit(plain)
    codes = tokenizer.transform(beside)
    assert codes.shape[1] == 5
    np.testing.assert_array_equal(np.delete(codes, 1, 1), tokenizer.transform(plain))
    rebuilt = tokenizer.reconstruct(beside)
    assert_same_but_for_rounding(np.delete(rebuilt, 1, 1), tokenizer.reconstruct(plain))
    assert np.abs(rebuilt[:, 1]).max() > 10 * np.abs(rebuilt[:, 0]).max()
    assert tokenizer.score(beside) == tokenizer.score(plain)
    fitted = tiny("tokenizer", **FROM_MNE).fit(beside)
    decoded = fitted.inverse_transform(codes)
    changed = codes.copy()
    changed[:, 1] = (changed[:, 1] + 1) % 16
    np.testing.assert_array_equal(
        np.delete(fitted.inverse_transform(changed), 1, 1), np.delete(decoded, 1, 1)
    )
    np.testing.assert_array_equal(fitted.transform(plain), tokenizer.transform(plain))


@pytest.mark.parametrize("crops", [None, RandomCrops(shortest=1, longest=2)])
def test_pretraining__unknown_channel__trained_as_without_it(crops):
    X = signals(4)
    plain = tiny("pretrainer", **FROM_MNE, crops=crops).fit(epochs(X, KNOWN))
    beside = tiny("pretrainer", **FROM_MNE, crops=crops).fit(with_unknown(X, KNOWN, 0))
    expected = plain.transform(epochs(X, KNOWN))
    np.testing.assert_array_equal(beside.transform(epochs(X, KNOWN)), expected)
    assert beside.score(with_unknown(X, KNOWN, 3)) == plain.score(epochs(X, KNOWN))


@pytest.mark.parametrize("head", ["mean", "attention", "embedding"])
def test_fine_tuning__unknown_channel__trained_and_predicted_as_without_it(head):
    X, y = signals(4, n_epochs=6), make_labels(6)
    plain = tiny("classifier", **FROM_MNE, head=head).fit(epochs(X, KNOWN), y)
    expected = plain.predict_proba(epochs(X, KNOWN))
    np.testing.assert_array_equal(plain.predict_proba(with_unknown(X, KNOWN, 2)), expected)
    beside = tiny("classifier", **FROM_MNE, head=head).fit(with_unknown(X, KNOWN, 2), y)
    np.testing.assert_array_equal(beside.predict_proba(with_unknown(X, KNOWN, 2)), expected)


def test_flattened_head__unknown_channel_of_fit__has_weights_of_its_own():
    X, y = signals(4, n_epochs=6), make_labels(6)
    loud, quiet = (with_unknown(X, KNOWN, 2, scale) for scale in (LOUD, 1.0))
    model = tiny("classifier", **FROM_MNE, head="flatten").fit(loud, y)
    assert model.net_.module_.head.n_channels == 5
    assert (model.predict_proba(loud) != model.predict_proba(quiet)).all()


def test_module__unknown_channel__as_without_it_but_in_a_flattened_head():
    import torch

    x = torch.tensor(signals(5), dtype=torch.float32)
    settings = {"n_outputs": 2, "n_times": 500, "sfreq": 200, "weights": None}
    settings["architecture"] = "tiny"
    names = [*KNOWN[:3], "W1", KNOWN[3]]
    known = [0, 1, 2, 4]
    modules = []
    for ch_names in (KNOWN, names):
        torch.manual_seed(0)
        modules.append(BrainRVQModule(**settings, ch_names=ch_names).eval())
    torch.testing.assert_close(modules[1](x), modules[0](x[:, known]), rtol=0, atol=0)
    flat = BrainRVQModule(**settings, ch_names=names, head="flatten").eval()
    louder = x.clone()
    louder[:, 3] *= 100
    assert (flat(x) != flat(louder)).all()


def test_no_place_known__all_channels_count_and_it_is_said():
    X, names = signals(3), ["W1", "W2", "W3"]
    embedder = tiny("embedder", **FROM_MNE, **EVERYTHING)
    (said,) = said_by(embedder.fit, epochs(X, names))
    assert "the mean position is used instead" in said
    assert said_by(embedder.transform, epochs(X, names)) == [said]
    first, second = embedder.transform(epochs(X, names)), embedder.transform(epochs(2 * X, names))
    assert (first[:, -1] != second[:, -1]).all()
    nameless = tiny("embedder", ch_names=None, **EVERYTHING)
    (said,) = said_by(nameless.fit, X)
    assert said.startswith("No channel names were given")
    assert said_by(nameless.transform, X) == [said]


def test_warnings_of_places__every_call__says_what_fit_says():
    X, y = signals(4, n_epochs=6), make_labels(6)
    guessed = [f"E{number}" for number in range(1, 5)]
    for name in ("embedder", "tokenizer", "pretrainer", "classifier"):
        model = tiny(name, **FROM_MNE)
        model.fit(epochs(X, KNOWN), y)
        calls = [model.transform] if hasattr(model, "transform") else [model.predict]
        calls += [model.score] if name in ("tokenizer", "pretrainer") else []
        for call in calls:
            assert said_by(call, epochs(X, KNOWN)) == []
            (unknown,) = said_by(call, with_unknown(X, KNOWN, 1))
            assert unknown.startswith("No electrode position is known for 'SOMEWHERE'")
            (said,) = said_by(call, epochs(X, guessed))
            assert "guessed from" in said
    told = said_by(tiny("tokenizer", **FROM_MNE).fit_transform, with_unknown(X, KNOWN, 1))
    assert sum("SOMEWHERE" in text for text in told) == 1


def test_electrode_map__names_that_are_no_channels__said_in_transform_too():
    X = signals(4)
    chosen = {"W1": "Oz", "typo": "Cz"}
    reading = Reading(electrode_map=chosen, bad_channels="keep")
    embedder = tiny("embedder", **FROM_MNE | {"reading": reading})
    beside = with_unknown(X, KNOWN, 4, name="W1")
    (said,) = said_by(embedder.fit, beside)
    assert said == "electrode_map names ['typo'], which are not channels of X."
    assert said_by(embedder.transform, beside) == [said]
    assert said_by(embedder.transform, epochs(X, KNOWN)) == [said], "W1 was a channel of fit"
    embedder.set_params(reading=FROM_MNE["reading"])
    assert (embedder.transform(beside) == embedder.transform(epochs(X, KNOWN))).all()


def test_electrode_map__part_of_a_name__the_complete_name_is_told():
    X, names = signals(2), ["EEG Left Motor", "EEG C4-REF"]
    chosen = {"Left Motor": "C3", "c4": "C4", "eft": "Cz"}
    reading = Reading(electrode_map=chosen, bad_channels="keep")
    embedder = tiny("embedder", **FROM_MNE | {"reading": reading})
    told = said_by(embedder.fit, epochs(X, names))
    (said,) = [text for text in told if text.startswith("electrode_map")]
    assert said.endswith("did you mean ['EEG C4-REF', 'EEG Left Motor']?")
