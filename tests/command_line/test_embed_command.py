"""``embed``: recordings to npz or parquet, in one process and in several."""

import mne
import numpy as np
import pandas as pd
import pytest
from command_runs import EMBED_OPTIONS as OPTIONS
from command_runs import NAMES, run, save_recording

from sk_brainrvq import BrainRVQEmbedder


def embed(recordings, weights, out, *options):
    return run("embed", *recordings, "--weights", weights, "--out", out, *OPTIONS, *options)


def load(path):
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def in_python(weights, files, **params):
    """Features of each file by the estimator."""
    embedder = BrainRVQEmbedder(weights=weights, window=2, overlap=0.5, device="cpu", **params)
    embedder.fit(files[0])
    return [embedder.transform(file) for file in files]


def test_embed__a_folder__has_a_row_for_each_window(folder, weights, tmp_path):
    result = embed([folder], weights, tmp_path / "features.npz")
    assert result.exit_code == 0, result.stderr
    table = load(tmp_path / "features.npz")
    files = sorted(folder.rglob("*.edf"))
    expected = in_python(weights, files)
    np.testing.assert_array_equal(table["features"], np.concatenate(expected))
    assert table["features"].dtype == np.float32
    lengths = [len(part) for part in expected]
    assert lengths == [3, 5, 5]
    assert table["source"].tolist() == np.repeat(list(map(str, files)), lengths).tolist()
    assert table["subject"].tolist() == np.repeat(["03", "01", "02"], lengths).tolist()
    assert table["session"].tolist() == np.repeat(["b", "", ""], lengths).tolist()
    np.testing.assert_allclose(
        table["start"], np.concatenate([np.arange(n) * 1.5 for n in lengths])
    )
    assert len(table["feature_names"]) == table["features"].shape[1]
    assert "13 windows of 3 recordings" in result.stdout


def test_embed__recordings__keep_the_order_of_the_command(folder, weights, tmp_path):
    files = sorted(folder.rglob("*.edf"))[::-1]
    assert embed(files, weights, tmp_path / "features.npz").exit_code == 0
    sources = load(tmp_path / "features.npz")["source"]
    assert list(dict.fromkeys(sources)) == list(map(str, files))


def test_embed__parquet__holds_the_same(folder, weights, tmp_path):
    options = ("--pooling", "mean_std", "--layer", 0)
    for name in ("features.npz", "features.parquet"):
        assert embed([folder], weights, tmp_path / name, *options).exit_code == 0
    arrays, frame = load(tmp_path / "features.npz"), pd.read_parquet(tmp_path / "features.parquet")
    assert list(frame.columns[:4]) == ["source", "subject", "session", "start"]
    assert list(frame.columns[4:]) == arrays["feature_names"].tolist()
    assert set(frame.dtypes.iloc[4:]) == {np.dtype("float32")}
    np.testing.assert_array_equal(frame.iloc[:, 4:], arrays["features"])
    for name in ("source", "subject", "session", "start"):
        assert frame[name].tolist() == arrays[name].tolist()


def test_embed__file_of_epochs__starts_are_those_of_the_epochs(folder, weights, tmp_path):
    raw = mne.io.read_raw(sorted(folder.glob("*.edf"))[0], verbose="error")
    events = np.array([[400, 0, 1], [700, 0, 1], [1100, 0, 1]])
    epochs = mne.Epochs(raw, events, tmin=-0.5, tmax=1.495, baseline=None, verbose="error")
    epochs.save(tmp_path / "p7-epo.fif", verbose="error")
    result = embed([tmp_path / "p7-epo.fif"], weights, tmp_path / "features.npz")
    assert result.exit_code == 0, result.stderr
    np.testing.assert_allclose(load(tmp_path / "features.npz")["start"], [1.5, 3.0, 5.0])


@pytest.mark.filterwarnings("always::sk_brainrvq.exceptions.EEGWarning")
def test_embed__bad_windows__have_no_row_and_the_others_their_starts(folder, weights, tmp_path):
    file = sorted(folder.glob("*.edf"))[0]
    assert embed([file], weights, tmp_path / "all.npz").exit_code == 0
    raw = mne.io.read_raw(file, preload=True, verbose="error")
    raw.set_annotations(mne.Annotations([4.7, 7], [0.1, 0.5], ["BAD_eyes", "T0"]))
    marked = tmp_path / "p7.edf"
    mne.export.export_raw(marked, raw, verbose="error")
    result = run(
        *("embed", marked, "--weights", weights, "--out", tmp_path / "features.npz"),
        *(option for option in OPTIONS if option != "-q"),
    )
    assert result.exit_code == 0, result.stderr
    assert "Warning: 2 of 5 windows are left out" in result.stderr
    table = load(tmp_path / "features.npz")
    np.testing.assert_allclose(table["start"], [0, 1.5, 6])
    every = load(tmp_path / "all.npz")["features"]
    np.testing.assert_allclose(table["features"], every[[0, 1, 4]], atol=1e-2)


def test_embed__pooling_by_channel__needs_the_channels_of_the_first(folder, weights, tmp_path):
    other = save_recording(tmp_path / "other.edf", names=["Fz", "Pz"])
    shuffled = save_recording(tmp_path / "shuffled.edf", names=NAMES[::-1])
    files = [*sorted(folder.glob("*.edf")), other, shuffled]
    result = embed(files, weights, tmp_path / "features.npz", "--pooling", "channel")
    assert result.exit_code == 1, result.stderr
    assert "Left out: " in result.stderr
    assert "other.edf: Channels" in result.stderr
    table = load(tmp_path / "features.npz")
    assert table["feature_names"][0] == "Fp1_0"
    expected = np.concatenate(in_python(weights, [*files[:2], shuffled], pooling="channel"))
    np.testing.assert_array_equal(table["features"], expected)


def test_embed__subject__is_found_by_a_pattern(weights, tmp_path):
    save_recording(tmp_path / "p12_run3.edf")
    pattern = r"(?P<subject>p\d+)_run(?P<session>\d)"
    result = embed([tmp_path / "p12_run3.edf"], weights, tmp_path / "f.npz", "--subject", pattern)
    assert result.exit_code == 0, result.stderr
    table = load(tmp_path / "f.npz")
    assert (table["subject"][0], table["session"][0]) == ("p12", "3")


def test_bad_recording__is_listed_and_left_out(with_broken, weights, tmp_path):
    result = embed(with_broken, weights, tmp_path / "features.npz")
    assert result.exit_code == 1
    assert "1 of 4 recordings could not be used" in result.stderr
    assert "broken.edf: MNE cannot read" in result.stderr
    assert len(set(load(tmp_path / "features.npz")["source"])) == 3


def test_bad_recording__skip__is_left_out_in_silence(with_broken, weights, tmp_path):
    result = embed(with_broken, weights, tmp_path / "features.npz", "--on-error", "skip")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 recording was left out, of 4." in result.stdout


def test_embed__missing_file__exits_with_1_and_writes_the_others(folder, weights, tmp_path):
    missing = tmp_path / "missing.edf"
    result = embed([folder, missing], weights, tmp_path / "features.npz")
    assert result.exit_code == 1
    assert str(missing) in result.stderr
    assert len(set(load(tmp_path / "features.npz")["source"])) == 3


def test_bad_recording__raise__fails_and_leaves_the_old_output(with_broken, weights, tmp_path):
    out = tmp_path / "features.npz"
    out.write_bytes(b"old")
    result = embed(with_broken, weights, out, "--on-error", "raise")
    assert result.exit_code == 1
    assert "broken.edf" in result.stderr
    assert out.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir() if "features" in path.name] == [out.name]


def test_bad_recordings__all_of_them__fails_with_the_reasons(
    folder, with_broken, weights, tmp_path
):
    result = embed([with_broken[1]], weights, tmp_path / "features.npz")
    assert result.exit_code == 1
    assert "The recording could not be used:\n  " in result.stderr
    assert "broken.edf: MNE cannot read" in result.stderr
    assert not (tmp_path / "features.npz").exists()
    result = embed([folder], weights, tmp_path / "features.npz", "--reference", "Foo")
    assert ".edf and 2 more: The reference channel 'Foo'" in result.stderr
    assert result.stderr.count("Foo") == 1


def test_settings__that_make_no_sense__are_wrong_usage_said_once(folder, weights, tmp_path):
    cases = {
        ("--window", -3): "window=-3.0 and overlap=",
        ("--l-freq", 80, "--h-freq", 40): "l_freq=80.0 and h_freq=40.0 were given",
        ("--electrode-map", "C3=C333"): "electrode_map['C3'] holds 'C333'",
    }
    for settings, message in cases.items():
        for result in (
            embed([folder], weights, tmp_path / "features.npz", *settings),
            run("inspect", folder, *settings),
        ):
            assert result.exit_code == 2
            assert result.stderr.count(message) == 1
            assert ".edf" not in result.stderr


def test_weights__that_are_not_there__fails_and_names_them(folder, tmp_path):
    result = embed([folder], tmp_path / "nowhere", tmp_path / "features.npz")
    assert result.exit_code == 1
    assert "No checkpoint at" in result.stderr


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("features.csv", "has the ending '.csv'; expected .npz or .parquet"),
        ("nowhere/features.npz", "there is no folder"),
    ],
)
def test_output__that_cannot_be__is_wrong_usage(folder, weights, tmp_path, out, message):
    result = embed([folder], weights, tmp_path / out)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_corpus__in_place_of_recordings__is_wrong_usage(corpus_folder, weights, tmp_path):
    result = embed([corpus_folder], weights, tmp_path / "features.npz")
    assert result.exit_code == 2
    assert "is a corpus, but this command needs recordings" in result.stderr


def test_message_that_advises_a_parameter__names_the_option_too(folder, weights, tmp_path):
    result = embed([folder], weights, tmp_path / "features.npz", "--window", "1000")
    assert result.exit_code == 1
    assert result.stderr.count("In this command, window= is --window.") == 1
    result = run("inspect", folder, "--window", "-3")
    assert "In this command" not in result.stderr
