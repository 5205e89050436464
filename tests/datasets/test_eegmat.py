import shutil

import mne
import numpy as np
import pytest

from sk_brainrvq.datasets import EEGMAT, load_eegmat
from sk_brainrvq.datasets.eegmat import CH_NAMES, eegmat_checksums


@pytest.fixture(scope="module")
def two_subjects(eegmat_folder):
    return load_eegmat(eegmat_folder, [3, 10], check=True)


def test_load__two_subjects__windows_of_the_protocol(two_subjects):
    # 182 s and 188 s of rest, 62 s of task each.
    assert two_subjects.X.shape == (36 + 12 + 37 + 12, 20, 1000)
    assert np.bincount(two_subjects.y).tolist() == [36 + 37, 24]
    assert np.unique(two_subjects.subjects).tolist() == [3, 10]
    assert two_subjects.classes == ("rest", "arithmetic")


def test_load__all_subjects_present__counts_of_the_paper(eegmat_folder):
    with pytest.warns(UserWarning, match=r"\[32, 33, 34, 35\] are not in"):
        windows = load_eegmat(eegmat_folder)
    train, validation = windows.of_subjects(range(28)), windows.of_subjects(range(28, 32))
    assert np.bincount(train.y).tolist() == [1007, 336]
    assert np.bincount(validation.y).tolist() == [124, 48]


def test_load__signals__as_mne_reads_them(eegmat_folder, two_subjects):
    raw = mne.io.read_raw_edf(eegmat_folder / "Subject03_2.edf", preload=True, verbose="error")
    task = two_subjects.X[36:48]
    for channel in ("Fp1", "Cz", "A2-A1"):
        signal = raw.get_data(picks=f"EEG {channel}", units="uV")[0]
        # With npad="auto" MNE's FFT method shifts this signal by half a sample.
        expected = mne.filter.resample(signal, up=2, down=5, npad=100, verbose="error")
        got = np.concatenate(task[:, CH_NAMES.index(channel)])
        middle = slice(1000, 8000)
        error = got[middle] - expected[: len(got)][middle]
        assert error.std() < 0.02 * expected[middle].std()


def test_load__subject_not_there__error_names_it(eegmat_folder):
    with pytest.raises(FileNotFoundError, match=r"lacks recordings of subjects \[33\]"):
        load_eegmat(eegmat_folder, [0, 33])


def test_load__no_folder__error_says_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="fetch_eegmat downloads"):
        load_eegmat(tmp_path / "absent")


def test_load__stray_file_and_changed_file__ignored_and_refused(eegmat_folder, tmp_path):
    for name in ("Subject04_1.edf", "Subject04_2.edf"):
        shutil.copy(eegmat_folder / name, tmp_path / name)
        (tmp_path / name).chmod(0o644)
    (tmp_path / "Subject04_1 (copy).edf").write_bytes(b"stray")
    assert len(load_eegmat(tmp_path, [4], check=True).y) == 46
    content = bytearray((tmp_path / "Subject04_2.edf").read_bytes())
    content[-1] ^= 1
    (tmp_path / "Subject04_2.edf").write_bytes(content)
    with pytest.raises(ValueError, match=r"Subject04_2.edf differs from the published file"):
        load_eegmat(tmp_path, [4], check=True)


@pytest.mark.parametrize("content", [b"", b"<html>sorry</html>", None])
def test_load__broken_or_cut_file__error_names_it(eegmat_folder, tmp_path, content):
    for name in ("Subject04_1.edf", "Subject04_2.edf"):
        whole = (eegmat_folder / name).read_bytes()
        (tmp_path / name).write_bytes(whole)
    spoilt = whole[: len(whole) // 2] if content is None else content
    (tmp_path / "Subject04_2.edf").write_bytes(spoilt)
    message = "is truncated" if content is None else "cannot be read as EDF"
    with pytest.raises(ValueError, match=rf"Subject04_2.edf {message}.*download it again"):
        load_eegmat(tmp_path, [4])


@pytest.mark.filterwarnings("ignore:EEGMAT subjects")
def test_load__broken_file_left_out__with_the_other_recording_of_its_subject(
    eegmat_folder, tmp_path
):
    for name in ("Subject03_1.edf", "Subject03_2.edf", "Subject04_1.edf", "Subject04_2.edf"):
        (tmp_path / name).symlink_to(eegmat_folder / name)
    (tmp_path / "Subject04_2.edf").unlink()
    (tmp_path / "Subject04_2.edf").write_bytes(b"<html>sorry</html>")
    with pytest.warns(UserWarning, match=r"Left out: .*Subject04_1.edf, .*Subject04_2.edf\. "):
        windows = EEGMAT().load(tmp_path, on_error="warn")
    assert set(windows.subjects) == {3}
    assert np.bincount(windows.y).tolist() == [36, 12]


def test_load__one_of_two_recordings__named_apart_from_absent_subjects(eegmat_folder, tmp_path):
    for name in ("Subject03_1.edf", "Subject04_1.edf", "Subject04_2.edf"):
        shutil.copy(eegmat_folder / name, tmp_path / name)
    with (
        pytest.warns(UserWarning, match=r"subjects \[3\] lack one of 2 recordings"),
        pytest.warns(UserWarning, match=r"subjects \[0, 1, 2, 5, .*27\] are not in"),
    ):
        found = EEGMAT().recordings(tmp_path, splits=["train"])
    assert {r.subject for r in found} == {4}
    with pytest.raises(FileNotFoundError, match=r"subjects \[3\], 2 of each"):
        load_eegmat(tmp_path, [3])


def test_checksums__against_the_published_list(eegmat_folder):
    lines = (eegmat_folder / "SHA256SUMS.txt").read_text().splitlines()
    published = {name.lstrip("*"): digest for digest, name in map(str.split, lines)}
    assert len(eegmat_checksums()) == 72
    assert eegmat_checksums().items() <= published.items()
