"""Joins as formats mark them, and gaps of interrupted EDF files."""

import warnings

import edfio
import mne
import numpy as np
import pytest

from sk_brainrvq.exceptions import EEGWarning
from sk_brainrvq.signals import window_starts
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources.annotations import unbroken_spans
from sk_brainrvq.signals.sources.headers.edf_gaps import on_the_clock
from sk_brainrvq.signals.sources.mne_raws import block_from_raw
from sk_brainrvq.signals.sources.recording_files import read_recording

LOWPASS = FilterSettings.checked(h_freq=30.0)
NAMES = ["C3", "O2"]


def make_signals(rng, lengths):
    """Pieces of microvolts (2, n_times), each on a level of its own."""
    return [rng.normal(scale=20, size=(2, n)) + 500 * rng.normal(size=(2, 1)) for n in lengths]


def make_raw(signals):
    return mne.io.RawArray(1e-6 * signals, mne.create_info(NAMES, 200.0, "eeg"), verbose="error")


def quietly(function, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EEGWarning)
        return function(*arguments)


def windows_of_pieces(pieces, length):
    """Start and signals of each window that lies within one piece, which is filtered alone."""
    borders = np.cumsum([0, *(piece.shape[1] for piece in pieces)])
    filtered = [mne.filter.filter_data(p, 200.0, None, 30.0, verbose="error") for p in pieces]
    whole = np.concatenate(filtered, axis=1)
    starts = range(0, borders[-1] - length + 1, length)
    kept = [s for s in starts if not ((borders > s) & (borders < s + length)).any()]
    return np.array(kept) / 200, [whole[:, start : start + length] for start in kept]


def marked(pieces, kind, rng):
    """A recording of all pieces with its joins marked."""
    ends = np.cumsum([piece.shape[1] for piece in pieces])
    joins, signals = ends[:-1] / 200, np.concatenate(pieces, axis=1)
    if kind == "mne":
        return mne.concatenate_raws([make_raw(piece) for piece in pieces], verbose="error")
    text = {"eeglab": "boundary", "edge": "edge of a piece", "brainvision": "New Segment/"}[kind]
    # EEGLAB puts a join between two samples, and its duration is that of what was cut out.
    onsets = joins - (0.5 / 200 if kind == "eeglab" else 0)
    durations = rng.uniform(0, 9, len(joins)) if kind == "eeglab" else 0 * joins
    first = rng.integers(2) * 1000  # samples cropped away
    raw = make_raw(np.concatenate([np.zeros((2, first)), signals], axis=1))
    onsets = [0, *onsets + first / 200]  # the first segment begins at no join
    texts = [text if kind == "brainvision" else "start"] + [text] * len(joins)
    raw.set_annotations(mne.Annotations(onsets, [0, *durations], texts), verbose="error")
    return raw.crop(first / 200)


def test_recordings__joins_of_any_kind__every_piece_filtered_alone_and_cut_by_itself():
    rng = np.random.default_rng(0)
    for number in range(120):
        pieces = make_signals(rng, rng.integers(150, 700, rng.integers(2, 5)))
        raw = marked(pieces, ["mne", "eeglab", "edge", "brainvision"][number % 4], rng)
        starts, windows = windows_of_pieces(pieces, 100)
        block = quietly(block_from_raw, raw, 0.5, 0.0, LOWPASS)
        np.testing.assert_allclose(block.data, windows, atol=2e-3)
        np.testing.assert_allclose(window_starts(raw, 0.5), starts)


def test_brainvision__new_segments__are_joins_but_for_the_first(tmp_path):
    pieces = make_signals(np.random.default_rng(0), [1000, 1500])
    raw = make_raw(np.concatenate(pieces, axis=1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mne.export.export_raw(tmp_path / "a.vhdr", raw, verbose="error")
    markers = tmp_path / "a.vmrk"
    lines = [line for line in markers.read_text("utf-8").splitlines() if not line.startswith("Mk")]
    lines += ["Mk1=New Segment,,1,1,0,20200101000000000000", "Mk2=New Segment,,1001,1,0"]
    markers.write_text("\n".join(lines), encoding="utf-8")
    read = read_recording(tmp_path / "a.vhdr")
    assert unbroken_spans(read)[0] == [(0, 1000), (1000, 2500)]
    starts, windows = windows_of_pieces(pieces, 400)
    block = quietly(block_from_raw, read, 2.0, 0.0, LOWPASS)
    np.testing.assert_allclose(block.data, windows, atol=0.01)
    np.testing.assert_array_equal(window_starts(read, 2.0), starts)


def test_gdf__start_of_a_run__is_a_join_only_there():
    raw = make_raw(np.zeros((2, 2000)))
    raw.set_annotations(mne.Annotations([5], [0], ["32766"]))
    assert unbroken_spans(raw)[0] == [(0, 2000)]
    raw._filenames = ("run.gdf",)
    assert unbroken_spans(raw)[0] == [(0, 1000), (1000, 2000)]


# Makes room in every record.
LONG = "start" * 10


def write_interrupted(path, signals, begins, annotations=(), kind=b"EDF+D"):
    """An EDF file whose records of one second began at these times."""
    bdf = kind.startswith(b"BDF")
    made = (edfio.BdfSignal if bdf else edfio.EdfSignal), (edfio.Bdf if bdf else edfio.Edf)
    digits = {"physical_dimension": "uV", "physical_range": (-3000, 3000)}
    channels = [
        made[0](x, 200, label=name, **digits) for x, name in zip(signals, NAMES, strict=True)
    ]
    notes = [edfio.EdfAnnotation(*note) for note in (*annotations, (0, None, LONG))]
    made[1](channels, annotations=notes, data_record_duration=1).write(path)
    content = bytearray(path.read_bytes())
    content[192:197] = kind
    head = int(content[184:192])
    record = (len(content) - head) // len(begins)
    for number, begin in enumerate(begins):
        first = content.index(f"+{number}\x14\x14".encode(), head + number * record)
        end = content.index(0, first)
        later = content.index(b"\0\0\0", first)  # after the last annotation of the record
        new = f"+{begin:g}\x14\x14".encode() + content[end:later]
        content[first : first + len(new)] = new
    path.write_bytes(content)


BEGINS = [0, 1, 2, 3, 10, 11, 12, 13, 14, 15.5, 16.5, 17.5]


@pytest.mark.parametrize("kind", [b"EDF+D", b"BDF+D"])
def test_interrupted_file__gaps__joins_and_annotations_where_they_belong(tmp_path, kind):
    pieces = make_signals(np.random.default_rng(0), [800, 1000, 600])
    path = tmp_path / f"a.{kind[:3].decode().lower()}"
    notes = [(2.5, 0.25, "BAD_a"), (11.5, None, "seen"), (16.75, 0.5, "BAD_b")]
    write_interrupted(path, np.concatenate(pieces, axis=1), BEGINS, notes, kind)
    with pytest.warns(EEGWarning, match=r"interrupted 2 times, for 6\.5 s in total"):
        raw = read_recording(path)
    found = sorted(zip(raw.annotations.onset, raw.annotations.description, strict=True))
    assert found == [
        (0.0, LONG),
        (2.5, "BAD_a"),
        (4.0, "EDGE gap of 6 s"),
        (5.5, "seen"),
        (9.0, "EDGE gap of 0.5 s"),
        (10.25, "BAD_b"),
    ]
    starts, windows = windows_of_pieces(pieces, 200)
    kept = [i for i, start in enumerate(starts) if start not in (2, 10)]
    block = quietly(block_from_raw, raw, 1.0, 0.0, LOWPASS)
    np.testing.assert_allclose(block.data, np.array(windows)[kept], atol=0.1)
    np.testing.assert_allclose(window_starts(raw, 1.0), starts[kept])
    on_clock = [0, 1, 3, 10, 11, 12, 13, 14, 15.5, 17.5]
    np.testing.assert_allclose(on_the_clock(raw, window_starts(raw, 1.0)), on_clock)


def test_interrupted_file__handed_over_as_a_raw__joins_all_the_same(tmp_path):
    pieces = make_signals(np.random.default_rng(0), [800, 1000, 600])
    write_interrupted(tmp_path / "a.edf", np.concatenate(pieces, axis=1), BEGINS)
    raw = mne.io.read_raw_edf(tmp_path / "a.edf", preload=True, verbose="error")
    assert unbroken_spans(raw)[0] == [(0, 800), (800, 1800), (1800, 2400)]
    assert unbroken_spans(raw.copy().crop(2, 8.995))[0] == [(0, 400), (400, 1400)]
    assert unbroken_spans(raw.copy().resample(100))[0] == [(0, 400), (400, 900), (900, 1200)]


def test_continuous_file__marked_as_one_that_may_have_gaps__no_word(tmp_path):
    signals = make_signals(np.random.default_rng(0), [1000])[0]
    write_interrupted(tmp_path / "a.edf", signals, range(5))
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        assert unbroken_spans(read_recording(tmp_path / "a.edf"))[0] == [(0, 1000)]
