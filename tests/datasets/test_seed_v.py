"""SEED-V on Neuroscan files of its format, at a lower rate."""

import numpy as np
import pytest
from written_files import amplitudes, expected_window, signals_of, write_cnt

from sk_brainrvq.datasets import SEEDV

NAMES = [*SEEDV.ch_names[:10], "M1", *SEEDV.ch_names[10:], "M2", "VEO", "HEO"]
MISSING = pytest.mark.filterwarnings("ignore:SEED-V subjects")
# Of the films of the second session, in seconds, and of their classes.
LENGTHS = [237, 189, 66, 127, 131, 59, 240, 230, 120, 99, 187, 116, 95, 219, 76]
CLASSES = [2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0]
SFREQ = 40


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seed-v")
    (folder / "EEG_raw").mkdir()
    path = folder / "EEG_raw" / "3_2_20180419.cnt"
    write_cnt(path, NAMES, signals_of(NAMES, 2825, SFREQ), SFREQ)
    return folder


@MISSING
@pytest.mark.parametrize(
    ("side", "trials", "start"),
    [("train", slice(0, 5), 30), ("validation", slice(5, 10), 1000), ("test", slice(10, 15), 1966)],
)
def test_load__one_side__seconds_of_its_five_trials(session, side, trials, start):
    windows = SEEDV().load(session, splits=[side])
    assert windows.X.shape == (sum(LENGTHS[trials]), 62, 200)
    assert windows.y.tolist() == np.repeat(CLASSES[trials], LENGTHS[trials]).tolist()
    assert set(windows.split) == {side}
    gains = amplitudes(NAMES)[[NAMES.index(name) for name in windows.ch_names]]
    for second in (0, 40):
        expected = gains[:, None] * expected_window(start + second, 200)
        # 11.7 Hz are near half of 40 Hz, where resampling begins to weaken.
        np.testing.assert_allclose(windows.X[second], expected, atol=0.02 * gains.max())


@MISSING
def test_recordings__one_file__three_sides_of_one_subject(session):
    (session / "EEG_raw" / "notes.cnt").write_bytes(b"stray")
    found = SEEDV().recordings(session)
    assert [(r.subject, r.split) for r in found] == [
        (3, "train"),
        (3, "validation"),
        (3, "test"),
    ]
    assert len({r.path for r in found}) == 1


@MISSING
def test_load__recording_cut_short__error_states_both_lengths(tmp_path):
    path = tmp_path / "1_1_20180804.cnt"
    write_cnt(path, NAMES, signals_of(NAMES, 100, SFREQ), SFREQ)
    with pytest.raises(ValueError, match=r"lasts 100 s; expected at least 920 s"):
        SEEDV().load(tmp_path)


@MISSING
def test_load__missing_channel__error_names_it(tmp_path):
    names = [name for name in NAMES if name != "CB1"]
    write_cnt(tmp_path / "1_1_20180804.cnt", names, signals_of(names, 930, 4), 4)
    with pytest.raises(ValueError, match=r"lacks the channels \['CB1'\]"):
        SEEDV().load(tmp_path, splits=["train"])


@MISSING
def test_load__broken_file__error_names_the_known_one(tmp_path):
    (tmp_path / "7_1_20180411.cnt").write_bytes(bytes(950))
    with pytest.raises(ValueError, match=r"(?s)cannot be read as a Neuro.*leave subject 7 out"):
        SEEDV().load(tmp_path)


@MISSING
def test_load__other_broken_file__error_blames_no_known_one(tmp_path):
    (tmp_path / "6_1_20180810.cnt").write_bytes(bytes(950))
    with pytest.raises(ValueError, match=r"6_1_20180810\.cnt cannot be read") as caught:
        SEEDV().load(tmp_path)
    assert "subject 7" not in str(caught.value)


@MISSING
def test_recordings__repaired_file__taken_in_place_of_the_broken_one(tmp_path):
    for name in ("7_1_20180411.cnt", "7_1_20180411_repaired.cnt", "7_2_20180418.cnt"):
        (tmp_path / name).write_bytes(b"not opened")
    found = SEEDV().recordings(tmp_path, splits=["test"])
    names = ["7_1_20180411_repaired.cnt", "7_2_20180418.cnt"]
    assert [r.path.name for r in found] == names


def test_load__nothing_there__error_says_where_to_register(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"register at https://bcmi\.sjtu"):
        SEEDV().load(tmp_path)
