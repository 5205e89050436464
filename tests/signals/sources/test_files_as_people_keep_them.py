"""Files that are damaged, cut, joined, of other alphabets, or no recordings."""

import warnings
from itertools import pairwise

import edfio
import mne
import numpy as np
import pytest
from corpus_files import build
from tiny import tiny

from sk_brainrvq import Reading
from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.corpus.finding import find_sources
from sk_brainrvq.exceptions import EEGWarning, InvalidCorpusError, InvalidEEGError
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources.headers.edf_gaps import gaps_of, on_the_clock
from sk_brainrvq.signals.sources.mne_raws import block_from_raw
from sk_brainrvq.signals.sources.recording_files import read_recording
from sk_brainrvq.signals.windowing import window_starts

ARRAYS = {"sfreq": None, "ch_names": None, "window": 2.0}
INFO = mne.create_info(["F3", "O2"], 200, "eeg")


def noise(n_times, seed=0):
    return np.random.default_rng(seed).normal(scale=2e-5, size=(2, n_times))


def raw_of(signals):
    return mne.io.RawArray(signals, INFO, verbose="error")


@pytest.fixture
def edf(tmp_path):
    """Half a minute of EDF, and its bytes."""
    signals = (1e6 * noise(6000)).clip(-99, 99)
    channels = [
        edfio.EdfSignal(x, 200, label=name, physical_dimension="uV", physical_range=(-100, 100))
        for x, name in zip(signals, INFO.ch_names, strict=True)
    ]
    path = tmp_path / "whole.edf"
    edfio.Edf(channels, annotations=[edfio.EdfAnnotation(3, 1, "yeux fermes!!")]).write(path)
    return path


def test_edf__line_ends_converted__is_refused_with_the_cause(edf, tmp_path):
    data = edf.read_bytes()
    for old, new in ((b"\n", b"\r\n"), (b"\r", b"\r\n")):
        damaged = tmp_path / "crlf.edf"
        damaged.write_bytes(data.replace(old, new))
        if data.replace(old, new).count(b"\r\n") == data.replace(old, new).count(b"\n"):
            with pytest.raises(InvalidEEGError, match=r"autocrlf.*binary mode"):
                tiny("embedder", **ARRAYS).fit(damaged)


def make_discontinuous(path, gaps):
    """Let records of an EDF+C file, from some on, begin later by so many seconds."""
    data = bytearray(path.read_bytes())
    n_signals, header = int(data[252:256]), int(data[184:192])
    data[192:197] = b"EDF+D"
    at = 256 + 216 * n_signals
    sizes = [2 * int(data[at + 8 * i : at + 8 * i + 8]) for i in range(n_signals)]
    seconds, record, size = float(data[244:252]), sum(sizes), sizes[-1]
    for number in range((len(data) - header) // record):
        begin = header + number * record + record - size
        tals = bytes(data[begin : begin + size]).split(b"\x14", 1)[1].rstrip(b"\0")
        onset = number * seconds + sum(
            length for after, length in gaps if number * seconds >= after
        )
        new = f"+{onset:g}".encode() + b"\x14" + tals
        data[begin : begin + size] = new.ljust(size, b"\0")
    path.write_bytes(data)


def test_edf_plus_d__gaps__part_windows_and_keep_the_clock(edf):
    signal = mne.io.read_raw_edf(edf, preload=True, verbose="error").get_data()
    make_discontinuous(edf, [(5, 100.0), (21, 7.0)])
    assert gaps_of(edf) == [(5.0, 100.0), (21.0, 7.0)]
    with pytest.warns(EEGWarning, match="interrupted 2 times, for 107 s in total"):
        raw = read_recording(edf)
    np.testing.assert_array_equal(raw.get_data(), signal)
    starts = window_starts(raw, 4)
    assert starts.tolist() == [0, 8, 12, 16, 24]
    assert on_the_clock(raw, starts).tolist() == [0, 108, 112, 116, 131]
    assert [raw.annotations.onset[list(raw.annotations.description).index("yeux fermes!!")]] == [3]
    with pytest.warns(EEGWarning, match="2 of 7 windows are left out"):
        assert len(tiny("embedder", **ARRAYS | {"window": 4.0}).fit_transform(edf)) == 5


def test_edf__longer_than_its_header_says__is_warned_of(edf):
    edf.write_bytes(edf.read_bytes() + bytes(4000))
    with pytest.warns(EEGWarning, match="longer than its header says"):
        tiny("embedder", **ARRAYS).fit(edf)


def test_edf__annotations_in_latin_1__are_read(edf):
    expected = tiny("embedder", **ARRAYS).fit_transform(edf)
    old, new = b"fermes!!", "fermés \xc8".encode("latin-1")
    edf.write_bytes(edf.read_bytes().replace(old, new))
    with pytest.raises(UnicodeDecodeError):
        edf.read_bytes().decode()
    np.testing.assert_array_equal(tiny("embedder", **ARRAYS).fit_transform(edf), expected)


def test_read_options__reach_the_reader_by_ending_or_for_all(edf):
    for options in ({"exclude": ["F3"]}, {".edf": {"exclude": ["F3"]}, ".set": {"uint16": 1}}):
        embedder = tiny("embedder", **ARRAYS, reading=Reading(read_options=options)).fit(edf)
        assert embedder.ch_names_in_ == ["O2"]
    other = Reading(read_options={".set": {"uint16_codec": "latin1"}})
    assert tiny("embedder", **ARRAYS, reading=other).fit(edf).ch_names_in_ == ["F3", "O2"]
    unknown = tiny("embedder", **ARRAYS, reading=Reading(read_options={"colour": 1}))
    with pytest.raises(InvalidEEGError, match="colour"):
        unknown.fit(edf)
    for wrong in ("latin1", {".edf": "latin1"}, {".edf": {}, "exclude": []}):
        with pytest.raises(InvalidEEGError, match=r"read_options=.*by file extension"):
            tiny("embedder", **ARRAYS, reading=Reading(read_options=wrong)).fit(edf)


def test_fif__numbered_names__are_continuations_only_of_what_they_continue(tmp_path):
    for name in ("sub01_day-1", "sub01_day-2", "sub02", "sub02-1", "control_raw"):
        raw_of(noise(800)).save(tmp_path / f"{name}.fif", verbose="error")
    found = {path.rsplit("/", 1)[-1] for path in find_sources([str(tmp_path)])}
    assert found == {f"{n}.fif" for n in ("sub01_day-1", "sub01_day-2", "sub02", "sub02-1")} | {
        "control_raw.fif"
    }
    long = tmp_path / "long"
    long.mkdir()
    signals = np.random.default_rng(0).normal(scale=2e-5, size=(2, 400_000))
    raw_of(signals).save(long / "long_raw.fif", split_size="2MB", verbose="error")
    assert (long / "long_raw-1.fif").exists()
    assert [path.rsplit("/", 1)[-1] for path in find_sources([str(long)])] == ["long_raw.fif"]


def test_joins__by_any_name__part_windows_and_filters():
    signals = noise(12000)
    signals[:, 5460:] += 8e-4
    raw = raw_of(signals)
    names = ("EDGE boundary", "boundary", "Boundary", "New Segment/", "BAD boundary")
    expected = None
    for name in names:
        # EEGLAB keeps the duration of what was cut out.
        duration = 5.0 if name.lower() == "boundary" else 0.0
        marks = mne.Annotations([0, 27.3], [0, duration], ["New Segment/", name])
        starts = window_starts(raw.set_annotations(marks), 10)
        assert starts.tolist() == [0, 10, 30, 40, 50], name
        with pytest.warns(EEGWarning, match="1 of 6 windows are left out"):
            block = block_from_raw(raw, 10.0, 0.0, FilterSettings(l_freq=1.0))
        expected = block.data if expected is None else expected
        np.testing.assert_allclose(block.data, expected, atol=1e-9)


def test_joins__random__filtered_as_mne_filters_each_piece_alone():
    rng = np.random.default_rng(0)
    settings = FilterSettings(l_freq=2.0, h_freq=40.0)
    for seed in range(120):
        signals = noise(1600, seed)
        cuts = np.array([rng.integers(700, 900)])
        raw = raw_of(signals)
        name = str(rng.choice(["boundary", "New Segment/", "EDGE"]))
        raw.set_annotations(mne.Annotations(cuts / 200, 0, name))
        edges = [0, *cuts.tolist(), 1600]
        pieces = [
            mne.filter.filter_data(
                signals[:, a:b] - signals[:, a:b].mean(1, keepdims=True),
                200,
                2.0,
                40.0,
                verbose="error",
            )
            for a, b in pairwise(edges)
        ]
        expected = 1e6 * np.concatenate(pieces, axis=1)
        block = block_from_raw(raw, 1.0, 0.0, settings)
        starts = np.round(window_starts(raw, 1.0) * 200).astype(int)
        assert not any(a < cut < a + 200 for a in starts for cut in cuts)
        found = np.stack([expected[:, a : a + 200] for a in starts])
        np.testing.assert_allclose(block.data, found, atol=1e-3)


def test_what_is_no_recording__error_says_what_to_give(tmp_path):
    advice = {
        "a.txt": "table.*pandas", "a.csv": "table", "a.mat": "pass its array",
        "a.npy": "pass its array", "b.eeg": r"ends in \.vhdr", "b.vmrk": r"ends in \.vhdr",
        "c.fdt": r"\.set file", "d.json": "describes a recording", "e.xyz": "MNE cannot read",
    }  # fmt: skip
    for name, sentence in advice.items():
        (tmp_path / name).write_bytes(b"1 2 3\n")
        with pytest.raises(InvalidEEGError, match=sentence) as raised:
            tiny("embedder", **ARRAYS).fit(tmp_path / name)
        assert "verbose" not in str(raised.value)
    with pytest.raises(InvalidEEGError, match=r"no recording at /.*nothing\.edf"):
        tiny("embedder", **ARRAYS).fit("~/nothing.edf")
    with pytest.warns(EEGWarning, match="Recordings are read in volts") as said:
        tiny("embedder", **ARRAYS).fit(raw_of(noise(800) * 1e-6))
    assert "unit=" not in str(said[0].message)
    assert "raw.apply_function(lambda x: x * 1e+06)" in str(said[0].message)


def test_mne_objects__without_single_trials__say_what_to_hand_over_and_nothing_else():
    evoked = mne.EvokedArray(noise(400), INFO, verbose="error")
    spectrum = raw_of(noise(400)).compute_psd(n_fft=100, verbose="error")
    for given, found, advice in (
        (
            evoked,
            "X is of type EvokedArray",
            r"epochs that it was made from, or evoked\.data\[None\]",
        ),
        ([evoked], "X is a list of EvokedArray", r"evoked\.data\[None\]"),
        ([evoked, noise(400)], "a list that mixes MNE objects", "epochs"),
        (spectrum, "X is of type Spectrum", "the recording or the epochs that it was made from"),
        (INFO, "X is of type Info", "the recording"),
    ):
        with (
            warnings.catch_warnings(action="error"),  # nothing of a sampling rate
            pytest.raises(InvalidEEGError, match=rf"{found}.*{advice}"),
        ):
            tiny("embedder", **ARRAYS).fit(given)
    array = tiny("embedder", ch_names=evoked.ch_names, sfreq=200, unit="V")
    assert len(array.fit_transform(evoked.data[None])) == 1


def test_read_options__unknown__are_named_with_those_that_are_known(edf):
    with pytest.raises(InvalidEEGError, match=r"'colour'\. mne\.io\.read_raw_edf .*encoding"):
        read_recording(edf, {"colour": 1})


def test_corpus__options_of_readers__reach_them_and_are_remembered(edf, tmp_path):
    out, options = tmp_path / "corpus", {".edf": {"exclude": ["F3"]}}
    build(edf, out, read_options=options)
    assert EEGCorpus(out, window=2).recordings[0].ch_names == ("O2",)
    assert build(edf, out, read_options=options).kept == 1
    with pytest.raises(InvalidCorpusError, match=r"read_options was .*exclude.*, now None"):
        build(edf, out)


def test_patterns_and_home__folder_of_many_files__what_the_folder_itself_gives(
    tmp_path, monkeypatch
):
    signals = np.random.default_rng(0).normal(scale=2e-5, size=(2, 400_000))
    raw_of(signals).save(tmp_path / "long_raw.fif", split_size="2MB", verbose="error")
    for name in ("a.vhdr", "a.eeg", "nihon.eeg", "day-1.fif"):
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = [
        (tmp_path / n).as_posix() for n in ("a.vhdr", "day-1.fif", "long_raw.fif", "nihon.eeg")
    ]
    patterns = [f"{tmp_path}/*.{ending}" for ending in ("vhdr", "eeg", "fif")]
    assert find_sources(tmp_path) == expected
    assert find_sources(f"{tmp_path}/*.[vef]*") == expected
    assert find_sources("~") == expected
    assert find_sources(patterns[2]) == expected[1:3]
    assert find_sources(patterns[1]) == [f"{tmp_path}/a.eeg", f"{tmp_path}/nihon.eeg"]


def test_array__of_times_by_channels__is_said():
    table = 1e6 * noise(2560).T
    embedder = tiny("embedder", ch_names=None, sfreq=256)
    with pytest.warns(EEGWarning, match=r"2560 epochs of one channel and 2 samples.*X\.T\[None\]"):
        embedder.fit(table)
    with pytest.warns(EEGWarning, match=r"X\.transpose\(2, 1, 0\)"):
        embedder.fit(np.repeat(table[:, :, None], 8, axis=2))
    with pytest.raises(InvalidEEGError, match=r"X\.T\[None\]"):
        tiny("embedder", ch_names=["F3", "O2"], sfreq=256).fit(table)
