"""CHB-MIT on small files of its format."""

import numpy as np
import pytest
from written_files import expected_window, signals_of, write_edf

from sk_brainrvq.datasets import CHBMIT

# As in the files, where T8-P8 comes twice and blanks are channels called "-".
NAMES = """
    FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2
    FP2-F8 F8-T8 T8-P8 P8-O2 FZ-CZ CZ-PZ P7-T7 T7-FT9 FT9-FT10 FT10-T8 T8-P8
""".split()  # noqa: SIM905
MISSING = pytest.mark.filterwarnings("ignore:CHB-MIT subjects")


def write(folder, name, seizures=(), seconds=60, entry=True):
    case = name[:5]
    path = folder / case / name
    write_edf(path, NAMES, signals_of(NAMES, seconds, 256), 256)
    if entry:
        lines = [f"File Name: {name}", "File Start Time: 11:42:54", "File End Time: 12:42:54"]
        lines += [f"Number of Seizures in File: {len(seizures)}"]
        for i, (start, end) in enumerate(seizures):
            number = f" {i + 1}" if len(seizures) > 1 else ""
            lines += [f"Seizure{number} Start Time:  {start} seconds"]
            lines += [f"Seizure{number} End Time:  {end} seconds"]
        with (folder / case / f"{case}-summary.txt").open("a") as file:
            file.write("\n".join(["", *lines, ""]))
    return path


@MISSING
def test_windows__inside_and_at_the_edges_of_a_seizure__are_seizures(tmp_path):
    write(tmp_path, "chb01_03.edf", [(8, 32), (50, 51)])
    windows = CHBMIT().load(tmp_path)
    assert windows.X.shape == (6, 16, 2000)
    # Seconds 10-20 and 20-30 lie wholly inside the first seizure; 40-50 only touch the second.
    assert windows.y.tolist() == [1, 1, 1, 1, 0, 1]
    assert set(windows.split) == {"train"}


@MISSING
def test_windows__signals__unfiltered_channels_by_name(tmp_path):
    write(tmp_path, "chb02_16+.edf", seconds=20)
    windows = CHBMIT().load(tmp_path)
    # The published order starts with both temporal chains, that of the files does not.
    amplitude = dict(zip(reversed(NAMES), 10.0 + 2 * np.arange(23)[::-1], strict=True))
    for row, name in enumerate(windows.ch_names):
        np.testing.assert_allclose(
            windows.X[1, row, :1800], amplitude[name] * expected_window(10, 1800), atol=0.3
        )


@MISSING
def test_windows__electrodes_against_one_reference__become_pairs(tmp_path):
    ends = sorted({end for pair in CHBMIT.ch_names for end in pair.split("-")})
    signals = signals_of(ends, 10, 256)
    write_edf(tmp_path / "chb12" / "chb12_27.edf", [f"{e}-CS2" for e in ends], signals, 256)
    (tmp_path / "chb12" / "chb12-summary.txt").write_text("")
    X = CHBMIT().load(tmp_path).X
    gain = 2 * (ends.index("F7") - ends.index("T7"))
    expected = gain * expected_window(0, 1800)
    np.testing.assert_allclose(X[0, 1, 10:1800], expected[10:], atol=0.3)


@MISSING
def test_windows__electrode_written_with_a_nought__is_o1(tmp_path):
    ends = sorted({end for pair in CHBMIT.ch_names for end in pair.split("-")})
    names = ["01" if end == "O1" else end for end in ends]
    write_edf(tmp_path / "chb12" / "chb12_28.edf", names, signals_of(ends, 10, 256), 256)
    (tmp_path / "chb12" / "chb12-summary.txt").write_text("")
    windows = CHBMIT().load(tmp_path)
    gain = 2 * (ends.index("P7") - ends.index("O1"))
    row = windows.ch_names.index("P7-O1")
    np.testing.assert_allclose(
        windows.X[0, row, 10:1800], gain * expected_window(0, 1800)[10:], atol=0.3
    )


@MISSING
def test_windows__recording_cut_short__refused(tmp_path):
    path = write(tmp_path, "chb01_03.edf", [(45, 55)])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"chb01_03.edf is truncated: it has \d+ of the \d+ bytes"):
        CHBMIT().load(tmp_path)


@MISSING
def test_summary__seizure_after_the_end__refused(tmp_path):
    write(tmp_path, "chb01_03.edf", [(500, 540)], seconds=40)
    with pytest.raises(ValueError, match=r"\[\(500, 540\)\].*lasts 40 s"):
        CHBMIT().load(tmp_path)


@MISSING
def test_summary__other_spelling__read_all_the_same(tmp_path):
    path = write(tmp_path, "chb01_03.edf", seconds=20, entry=False)
    text = " file name: chb01_03.edf\r\nNumber of seizures in file: 1\r\n"
    text += "Seizure 1 start time: 12 seconds\r\nSeizure 1 end time: 14 seconds\r\nFile Name:\n"
    (path.parent / "chb01-summary.txt").write_text(text)
    assert CHBMIT().load(tmp_path).y.tolist() == [0, 1]


@MISSING
def test_seizure_step__training_only__overlapping_windows_added(tmp_path):
    write(tmp_path, "chb01_03.edf", [(20, 31)])
    write(tmp_path, "chb23_06.edf", [(20, 31)])
    windows = CHBMIT(seizure_step=5).load(tmp_path)
    train, test = windows.of_split("train"), windows.of_split("test")
    assert test.y.tolist() == [0, 0, 1, 1, 0, 0]
    # At 19, 24 and 29 s.
    assert train.y.tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(
        train.X[7, 0, 200:1800], 10 * expected_window(24, 2000)[200:1800], atol=0.3
    )


def two_cases(folder):
    for name in ("chb01_01.edf", "chb21_01.edf", "chb22_01.edf"):
        write(folder, name, seconds=10)


@MISSING
def test_same_person__merged__one_subject_that_trains(tmp_path):
    two_cases(tmp_path)
    found = CHBMIT().recordings(tmp_path)
    sides = [(r.path.stem, r.subject, r.split) for r in found]
    assert sides == [
        ("chb01_01", 1, "train"),
        ("chb21_01", 1, "train"),
        ("chb22_01", 22, "validation"),
    ]
    with pytest.raises(ValueError, match="chb21 is the person of chb01"):
        CHBMIT().load(tmp_path, [21])


@MISSING
def test_same_person__dropped__left_out(tmp_path):
    two_cases(tmp_path)
    found = CHBMIT(same_person="drop").recordings(tmp_path)
    assert [r.subject for r in found] == [1, 22]


@pytest.mark.filterwarnings("ignore:CHB-MIT subjects")
def test_same_person__published_split__warning_where_both_are_loaded(tmp_path):
    two_cases(tmp_path)
    protocol = CHBMIT(same_person="warn")
    with pytest.warns(UserWarning, match="the same person"):
        found = protocol.recordings(tmp_path)
    assert [(r.subject, r.split) for r in found][1] == (21, "validation")
    assert len(protocol.recordings(tmp_path, [21, 22])) == 2


def test_missing_cases__warning__names_them(tmp_path):
    two_cases(tmp_path)
    write(tmp_path, "chb23_01.edf", seconds=10)
    with pytest.warns(UserWarning, match=r"subjects \[24\] are not in"):
        CHBMIT().recordings(tmp_path, splits=["test"])


@MISSING
def test_summary__missing__error_names_it(tmp_path):
    write(tmp_path, "chb01_01.edf", seconds=10, entry=False)
    with pytest.raises(FileNotFoundError, match=r"chb01-summary\.txt is missing"):
        CHBMIT().load(tmp_path)


@MISSING
def test_summary__recording_not_named__no_seizure_unless_a_file_says_otherwise(tmp_path):
    write(tmp_path, "chb24_01.edf", [(2, 4)], seconds=10)
    path = write(tmp_path, "chb24_02.edf", seconds=10, entry=False)
    assert CHBMIT().load(tmp_path).y.tolist() == [1, 0]
    path.with_name("chb24_02.edf.seizures").write_bytes(b"")
    with pytest.raises(ValueError, match=r"does not name chb24_02.edf"):
        CHBMIT().load(tmp_path)


@MISSING
def test_summary__fewer_times_than_seizures__error_states_both(tmp_path):
    path = write(tmp_path, "chb01_01.edf", [(2, 4)], seconds=10)
    summary = path.parent / "chb01-summary.txt"
    summary.write_text(summary.read_text().replace("in File: 1", "in File: 2"))
    with pytest.raises(ValueError, match=r"says of chb01_01.edf: 2 seizures, beginning at \[2\]"):
        CHBMIT().load(tmp_path)


@MISSING
def test_channels__other_montage__error_names_the_missing(tmp_path):
    path = write(tmp_path, "chb01_01.edf", seconds=10)
    write_edf(path, NAMES[:10], signals_of(NAMES[:10], 10, 256), 256)
    with pytest.raises(ValueError, match=r"lacks the channels \['FP2-F8'"):
        CHBMIT().load(tmp_path)


@pytest.mark.parametrize("settings", [{"same_person": "yes"}, {"seizure_step": 0}])
def test_settings__senseless__error_says_what_was_expected(settings):
    with pytest.raises(ValueError, match="expected"):
        CHBMIT(**settings)
