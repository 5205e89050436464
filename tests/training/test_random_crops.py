"""Random crops: what is cut, how it is drawn, and that training on them is reproducible."""

import mne
import numpy as np
import pandas as pd
import pytest
from tiny import CH_NAMES, make_eeg, tiny
from training_tools import assert_same_training

from sk_brainrvq import RandomCrops
from sk_brainrvq.estimators._people.whitened import whitened
from sk_brainrvq.signals import EpochBlock, prepare
from sk_brainrvq.training import Engine, SegmentDataset
from sk_brainrvq.training.batches import BatchLoader, ShuffledBatches

N_EPOCHS, N_PATCHES = 6, 8


def make_dataset(*targets):
    """Signals of which every sample differs from every other: they tell where a crop lies."""
    shape = (N_EPOCHS, len(CH_NAMES), N_PATCHES * 200)
    return dataset_of(np.arange(np.prod(shape), dtype=float).reshape(shape) / 1000, *targets)


def dataset_of(data, *targets):
    block = EpochBlock(data, 1.0, 200.0, list(CH_NAMES)[: data.shape[1]], np.arange(len(data)))
    return SegmentDataset(prepare([block]), *targets)


def noise(ch_names=CH_NAMES):
    """Signals in which no channel is a sum of others."""
    shape = (N_EPOCHS, len(ch_names), N_PATCHES * 200)
    return dataset_of(10 * np.random.default_rng(0).normal(size=shape))


@pytest.fixture
def dataset():
    return make_dataset()


def crops_of(dataset, crops, n_batches=200, **loader):
    order = ShuffledBatches(dataset, 4, seed=3, steps_per_epoch=n_batches, crops=crops)
    return [batch for batch, _ in BatchLoader(dataset, order, **loader)]


def test_crops__samples__are_stretches_of_the_epochs_they_name(dataset):
    whole = dataset.groups[0].patches.reshape(N_EPOCHS, len(CH_NAMES), -1)
    rows = dataset.groups[0].electrodes.tolist()
    for batch in crops_of(dataset, RandomCrops(), n_batches=20):
        channels = [rows.index(row) for row in batch.electrodes.tolist()]
        for crop, epoch in zip(batch.x.flatten(2).numpy(), batch.epoch.tolist(), strict=True):
            source = whole[epoch, channels]
            start = int(np.abs(source[0] - crop[0, 0]).argmin())
            np.testing.assert_array_equal(crop, source[:, start : start + crop.shape[1]])


def test_crops__many_batches__every_length_and_number_of_channels_and_starts_off_the_second(
    dataset,
):
    crops = RandomCrops(2, 5, channel_dropout=0.6, fewest_channels=2)
    batches = crops_of(dataset, crops)
    lengths = np.array([batch.x.shape[2] for batch in batches])
    assert set(lengths) == {2, 3, 4, 5}
    # Log-uniform: 2 s is drawn in log(3 / 2) / log(6 / 2) of all batches.
    assert np.mean(lengths == 2) == pytest.approx(np.log(1.5) / np.log(3), abs=0.1)
    n_channels = np.array([batch.x.shape[1] for batch in batches])
    assert set(n_channels) == {2, 3, 4}
    assert np.mean(n_channels == 4) == pytest.approx(0.4 + 0.6 / 3, abs=0.1)
    assert all(len(batch) in {4 * (8 // n), 2 * (8 // n), 3 * (8 // n)}
               for batch, n in zip(batches, lengths, strict=True))  # fmt: skip
    first = np.concatenate([batch.x[:, 0, 0, 0].numpy() for batch in batches])
    assert len(np.unique(first)) > 1000


def test_crops__of_labelled_epochs__have_the_label_of_theirs():
    labelled = make_dataset(10 * np.arange(N_EPOCHS))
    order = ShuffledBatches(labelled, 4, seed=3, steps_per_epoch=9, crops=RandomCrops(2, 5))
    batches = list(BatchLoader(labelled, order))
    assert max(len(batch) for batch, _ in batches) > 4
    for batch, targets in batches:
        assert targets.tolist() == (10 * batch.epoch).tolist()


def test_crops__epochs_shorter_than_the_shortest__are_taken_whole(dataset):
    for batch in crops_of(dataset, RandomCrops(20, 30, channel_dropout=0), n_batches=5):
        np.testing.assert_array_equal(batch.x, dataset.groups[0].patches[batch.epoch.numpy()])


ALL_AT_RANDOM = RandomCrops(referenced=0.5, gain_db=3)


@pytest.mark.parametrize("crops", [RandomCrops(), ALL_AT_RANDOM], ids=repr)
def test_crops__same_seed__same_crops_and_those_of_a_continued_order(dataset, crops):
    one, two = (crops_of(dataset, crops, n_batches=6) for _ in range(2))
    order = ShuffledBatches(dataset, 4, seed=3, steps_per_epoch=3, crops=crops)
    order.position = 3
    continued = [batch for batch, _ in BatchLoader(dataset, order)]
    for batch, same in [*zip(one, two, strict=True), *zip(one[3:], continued, strict=True)]:
        np.testing.assert_array_equal(batch.x, same.x)
        np.testing.assert_array_equal(batch.electrodes, same.electrodes)


@pytest.mark.parametrize("crops", [RandomCrops(), ALL_AT_RANDOM], ids=repr)
def test_crops__two_processes__share_the_crops_of_one(dataset, crops):
    whole = crops_of(dataset, crops, n_batches=8)
    shares = [crops_of(dataset, crops, n_batches=8, rank=rank, n_processes=2) for rank in (0, 1)]
    for batch, *parts in zip(whole, *shares, strict=True):
        np.testing.assert_array_equal(batch.x, np.concatenate([part.x for part in parts]))
        assert {part.share.n_total for part in parts} == {len(batch)}
        assert [part.share.n_rows for part in parts] == [len(part) for part in parts]


def test_referenced_crops__all_channels__lose_their_mean_or_one_of_them_that_is_left_out():
    whole, dropout = noise(), {"channel_dropout": 0.0}
    rows, left_out, of_mean = whole.groups[0].electrodes.tolist(), [], 0
    plain = crops_of(whole, RandomCrops(2, 5, **dropout))
    for before, after in zip(
        plain, crops_of(whole, RandomCrops(2, 5, referenced=1.0, **dropout)), strict=True
    ):
        if missing := set(rows) - set(after.electrodes.tolist()):
            (row,) = missing
            left_out.append(row)
            reference = before.x[:, [rows.index(row)]]
            kept = [index for index, each in enumerate(rows) if each != row]
        else:
            of_mean += 1
            reference, kept = before.x.mean(1, keepdim=True), list(range(len(rows)))
        np.testing.assert_allclose(after.x, (before.x - reference)[:, kept], atol=1e-6)
    assert of_mean / len(plain) == pytest.approx(0.5, abs=0.12)
    assert set(left_out) == set(rows)


def test_referenced_crops__few_channels_kept__get_references_of_channels_that_are_not():
    whole = noise()
    signals = whole.groups[0].patches.reshape(N_EPOCHS, len(CH_NAMES), -1)
    rows, n_found = whole.groups[0].electrodes.tolist(), 0
    crops = RandomCrops(20, 30, channel_dropout=1.0, referenced=1.0)
    for batch in crops_of(whole, crops):
        source = signals[batch.epoch.numpy()]
        own = source[:, [rows.index(row) for row in batch.electrodes.tolist()]]
        subtracted = (own - batch.x.flatten(2).numpy())[:, 0]
        candidates = [source.mean(1), *source.swapaxes(0, 1)]
        close = [np.allclose(subtracted, signal, atol=1e-5) for signal in candidates]
        # One channel that was drawn as its own reference stays as it was.
        assert sum(close) == 1 or (not subtracted.any() and own.shape[1] == 1)
        n_found += sum(close)
    assert n_found > 100


def test_referenced_crops__one_channel__stay_as_they_are():
    whole = noise(CH_NAMES[:1])
    pairs = zip(
        crops_of(whole, RandomCrops()), crops_of(whole, RandomCrops(referenced=1)), strict=True
    )
    assert all((before.x == after.x).all() for before, after in pairs)


def test_gains_of_crops__one_for_each__with_the_standard_deviation_asked_for():
    whole, gains = noise(), []
    plain = crops_of(whole, RandomCrops(2, 5))
    for before, after in zip(plain, crops_of(whole, RandomCrops(2, 5, gain_db=6)), strict=True):
        ratio = (after.x / before.x).flatten(1).numpy()
        np.testing.assert_allclose(ratio, ratio[:, :1] * np.ones_like(ratio), rtol=1e-4)
        gains += (20 * np.log10(ratio[:, 0])).tolist()
    assert np.mean(gains) == pytest.approx(0, abs=0.5)
    assert np.std(gains) == pytest.approx(6, abs=0.5)


def test_whitened_crops__references_and_gains__leave_them_as_they_are(dataset):
    dataset.whitened = noise()
    settings = {"channel_dropout": 0.0, "whitened": 1.0}
    pairs = zip(
        crops_of(dataset, RandomCrops(**settings)),
        crops_of(dataset, RandomCrops(**settings, referenced=1.0, gain_db=6)),
        strict=True,
    )
    assert all((before.x == after.x).all() for before, after in pairs)


def people_who_differ(n_epochs=24):
    """Two people whose channels are mixed and scaled differently, 3 s epochs."""
    generator = np.random.default_rng(0)
    subjects = np.array(["one", "two"] * (n_epochs // 2))
    X = 20 * generator.normal(size=(n_epochs, len(CH_NAMES), 600))
    for name, scale in (("one", 1.0), ("two", 3.0)):
        mixing = np.eye(len(CH_NAMES)) + 0.3 * generator.normal(size=(len(CH_NAMES),) * 2)
        mixing *= scale  # far from singular, so that the ridge of the whitening is small
        X[subjects == name] = mixing @ X[subjects == name]
    return X, subjects


def covariance_of(signals):
    """Mean of products of channels over epochs and samples, each epoch without its mean."""
    signals = signals - signals.mean(-1, keepdims=True)
    return np.einsum("ecs,eds->cd", signals, signals) / (signals.shape[0] * signals.shape[2])


def test_whitened_crops__of_each_person__have_uncorrelated_channels_of_one_power():
    X, subjects = people_who_differ()
    prepared = prepare([EpochBlock(X, 1.0, 200.0, list(CH_NAMES), np.arange(len(X)))])
    dataset = SegmentDataset(prepared)
    dataset.whitened = SegmentDataset(whitened(prepared, subjects))
    crops = RandomCrops(3, 3, channel_dropout=0.0, whitened=1.0)
    order = ShuffledBatches(dataset, 4, seed=3, crops=crops)
    batches = [batch for batch, _ in BatchLoader(dataset, order)]
    signals = np.concatenate([batch.x.flatten(2).numpy() for batch in batches])
    person = subjects[np.concatenate([batch.epoch.numpy() for batch in batches])]
    found = [covariance_of(signals[person == name]) for name in ("one", "two")]
    power = np.trace(found[0]) / len(CH_NAMES)
    for own in found:
        np.testing.assert_allclose(own, power * np.eye(len(CH_NAMES)), atol=0.01 * power)


def test_whitened_crops__a_share__is_the_share_of_batches_and_the_rest_is_as_it_was(dataset):
    plain = make_dataset()
    dataset.whitened = make_dataset()
    dataset.whitened.groups[0].patches[:] = -1.0
    crops = RandomCrops(2, 5)
    some = RandomCrops(2, 5, whitened=0.25)
    pairs = zip(crops_of(plain, crops), crops_of(dataset, some), strict=True)
    is_whitened = []
    for batch, other in pairs:
        is_whitened.append(bool((other.x == -1).all()))
        assert is_whitened[-1] or (batch.x == other.x).all()
    assert np.mean(is_whitened) == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer"])
def test_training__whitened_crops__depends_on_who_is_who(name):
    X, subjects = people_who_differ()
    params = {"crops": RandomCrops(longest=3, whitened=1.0), "max_epochs": 1}
    fits = [tiny(name, **params).fit(X, groups=g) for g in (subjects, subjects, np.sort(subjects))]
    assert fits[0].weights_ == fits[1].weights_
    assert fits[0].weights_ != fits[2].weights_


def test_training__whitened_crops_of_epochs_with_subjects__as_with_groups():
    X, subjects = people_who_differ()
    info = mne.create_info(list(CH_NAMES), 200.0, "eeg")
    epochs = mne.EpochsArray(
        1e-6 * X, info, metadata=pd.DataFrame({"subject": subjects}), verbose="error"
    )
    params = {"crops": RandomCrops(longest=3, whitened=1.0), "max_epochs": 1}
    of_container = tiny("pretrainer", sfreq=None, ch_names=None, **params).fit(epochs)
    given = tiny("pretrainer", sfreq=None, ch_names=None, **params).fit(epochs, groups=subjects)
    assert of_container.weights_ == given.weights_


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer"])
def test_training__whitened_crops_of_nobody_in_particular__error_says_groups(name):
    with pytest.raises(ValueError, match=r"does not tell whose they are\. Pass groups="):
        tiny(name, crops=RandomCrops(whitened=0.5)).fit(make_eeg())


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer"])
def test_training__crops_and_a_checkpoint__as_without_and_recorded(name, tmp_path):
    X = make_eeg(n_epochs=8, n_times=1200)
    params = {"crops": RandomCrops(longest=3), "max_epochs": 2, "engine__steps_per_epoch": 3}
    at_once = tiny(name, **params).fit(X)
    saved = {**params, "checkpoint_dir": tmp_path}
    tiny(name, **saved).fit(X)
    assert_same_training(tiny(name, **saved).fit(X), at_once)
    assert at_once.weights_.info["trained_patches"] == 3
    assert tiny(name, **params | {"crops": None}).fit(X).weights_ != at_once.weights_


def test_crops__saved_with_the_estimator__come_back(tmp_path):
    tokenizer = tiny("tokenizer", crops=RandomCrops(2, 3, channel_dropout=0.25)).fit(make_eeg())
    tokenizer.save_pretrained(tmp_path)
    loaded = type(tokenizer).from_pretrained(tmp_path).crops
    assert loaded.get_params() == tokenizer.crops.get_params()


@pytest.mark.parametrize(
    ("crops", "message"),
    [
        (RandomCrops(0), "shortest=0 was given; expected a number of 1 or more"),
        (RandomCrops(2.5), r"shortest=2\.5 was given"),
        (RandomCrops(5, 3), "shortest=5 and longest=3 were given.*the shortest first"),
        (RandomCrops(longest=60), "seconds from 1 to 30"),
        (RandomCrops(channel_dropout=1.5), r"channel_dropout=1\.5 was given.*from 0 to 1"),
        (RandomCrops(whitened="half"), "whitened='half' was given.*from 0 to 1"),
        (RandomCrops(referenced=-0.5), r"referenced=-0\.5 was given.*from 0 to 1"),
        (RandomCrops(gain_db=40), "gain_db=40 was given.*in decibels, from 0 to 20, such as 6"),
        (RandomCrops(gain_db="much"), "gain_db='much' was given"),
        (RandomCrops(gain_db=np.nan), "gain_db=nan was given"),
        (RandomCrops(fewest_channels=0), "fewest_channels=0 was given"),
        (Engine(), r"crops=Engine\(\) was given; expected sk_brainrvq\.RandomCrops"),
    ],
)
def test_crops__that_cannot_be__are_refused(crops, message):
    with pytest.raises(ValueError, match=message):
        tiny("tokenizer", crops=crops).fit(make_eeg())
