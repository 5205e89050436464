"""Which files a corpus is built of, and whose they are."""

import re

import pytest
from corpus_files import build, write_recording

from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.corpus.finding import (
    find_sources,
    recording_id,
    source_state,
    subject_rule,
)
from sk_brainrvq.exceptions import InvalidCorpusError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def found(folder, files=None):
    sources = find_sources(folder if files is None else files)
    return [source.removeprefix(f"{folder.as_posix()}/") for source in sources]


def test_folder__of_many_files__recordings_in_all_folders_sorted(tmp_path):
    touch(tmp_path, "b.edf", "a/c.EDF", "a/d.bdf", "notes.txt", "a/events.tsv", "x_raw.fif.gz")
    assert found(tmp_path) == ["a/c.EDF", "a/d.bdf", "b.edf", "x_raw.fif.gz"]


def test_folder__data_beside_a_header__only_the_header(tmp_path):
    touch(tmp_path, "a.vhdr", "a.eeg", "a.vmrk", "nihon.eeg", "eeglab.set", "eeglab.fdt")
    assert found(tmp_path) == ["a.vhdr", "eeglab.set", "nihon.eeg"]


def test_folder__parts_of_a_long_fif__only_the_first(tmp_path):
    touch(tmp_path, "a_raw.fif", "a_raw-1.fif", "b_split-01_eeg.fif", "b_split-02_eeg.fif")
    assert found(tmp_path) == ["a_raw.fif", "b_split-01_eeg.fif"]


def test_folder__hidden_files_and_folders__passed_over(tmp_path):
    touch(tmp_path, "a.edf", "._a.edf", ".cache/b.edf")
    assert found(tmp_path) == ["a.edf"]


def test_folder_that_is_a_recording__mff__not_entered(tmp_path):
    touch(tmp_path, "a.mff/signal1.bin", "a.mff/inner.edf")
    assert found(tmp_path) == ["a.mff"]
    assert found(tmp_path, tmp_path / "a.mff") == ["a.mff"]


def test_pattern__recursive__matches_in_all_folders(tmp_path):
    touch(tmp_path, "a.edf", "b/c.edf", "b/d.dat")
    assert found(tmp_path, f"{tmp_path}/**/*.edf") == ["a.edf", "b/c.edf"]
    assert found(tmp_path, [f"{tmp_path}/*.edf", f"{tmp_path}/b/*.dat"]) == ["a.edf", "b/d.dat"]


def test_file_with_brackets__that_exists__is_no_pattern(tmp_path):
    touch(tmp_path, "run[1].edf")
    assert found(tmp_path, tmp_path / "run[1].edf") == ["run[1].edf"]


def test_list__same_file_twice__once(tmp_path):
    touch(tmp_path, "a.edf")
    assert found(tmp_path, [tmp_path / "a.edf", f"{tmp_path}/./a.edf", tmp_path]) == ["a.edf"]


def test_named_file__that_is_missing__kept_for_the_report(tmp_path):
    assert found(tmp_path, tmp_path / "gone.edf") == ["gone.edf"]


@pytest.mark.parametrize("files", [None, 3, [None], [b"a.edf", 2], [["a.edf"]]])
def test_files__of_a_wrong_type__say_what_is_expected(files):
    with pytest.raises(InvalidCorpusError, match=r"files.*expected (a path|paths)"):
        find_sources(files)


def test_files__none_at_all__say_where_was_looked(tmp_path):
    with pytest.raises(InvalidCorpusError, match="files is empty"):
        find_sources([])
    touch(tmp_path, "readme.txt")
    with pytest.raises(InvalidCorpusError, match=r"holds no recording.*searched for \.ahdr"):
        find_sources(tmp_path)
    with pytest.raises(InvalidCorpusError, match=r"\*\.edf' holds no recording"):
        find_sources(f"{tmp_path}/*.edf")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ds/sub-01/eeg/sub-01_task-rest_eeg.vhdr", ("01", "")),
        ("ds/sub-NDAR7/ses-B2/eeg/sub-NDAR7_ses-B2_eeg.edf", ("NDAR7", "B2")),
        ("sub-lab/ds/sub-3/sub-3_eeg.edf", ("3", "")),
        ("tuh/train/01_tcp_ar/aaaaaaab_s001_t000.edf", ("aaaaaaab", "s001")),
        ("tuh/00000254_s005_t003.edf", ("00000254", "s005")),
        ("tuh/aaaaamoa_s003_2012_t001.edf", ("aaaaamoa", "s003")),
        ("tuev/train/aaaaaaar/aaaaaaar_00000001.edf", ("aaaaaaar", "00000001")),
        ("eegmat/Subject00_1.edf", ("Subject00", "1")),
        ("eegmat/Subject31_2.edf", ("Subject31", "2")),
        ("mine/patient 7.night.edf", ("patient 7", "")),
        ("mine/chb01_03.edf", ("chb01_03", "")),
        ("tuh/bbbbbbbbb_s001_t000.edf", ("bbbbbbbbb_s001_t000", "")),
    ],
)
def test_subject__by_convention__read_from_the_name(source, expected):
    assert subject_rule(None)(source) == expected


def test_subject__by_pattern__groups_of_the_path():
    rule = subject_rule(r"/(?P<subject>chb\d+)_(?P<session>\d+)")
    assert rule("mit/chb01_03.edf") == ("chb01", "03")
    with pytest.raises(InvalidCorpusError, match=r"does not match the path 'mit/other\.edf'"):
        rule("mit/other.edf")
    assert subject_rule(r"(?P<subject>chb\d+)")("mit/chb01_03.edf") == ("chb01", "")


def test_subject__by_function__what_it_gives():
    assert subject_rule(lambda path: (path[:3], 7))("abcdef.edf") == ("abc", "7")
    assert subject_rule(lambda _: (3, None))("abcdef.edf") == ("3", "")
    assert subject_rule(lambda path: path[0])("abcdef.edf") == ("a", "")


@pytest.mark.parametrize("pair", [None, ("", "1"), (None, "1"), ("a", "b", "c"), 3])
def test_subject__function_that_gives_no_pair__says_what_is_expected(pair):
    with pytest.raises(InvalidCorpusError, match=r"returned .* for 'a.edf'; expected \(subject, "):
        subject_rule(lambda _: pair)("a.edf")


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("(", "is not a regular expression"),
        (r"\d+", "has no group 'subject'"),
        (3, r"expected None, a regular expression .* or a function"),
    ],
)
def test_subject__bad_rule__says_what_is_expected(subject, message):
    with pytest.raises(InvalidCorpusError, match=message):
        subject_rule(subject)


def test_id__other_path_or_size__another_id():
    ids = [recording_id(*key) for key in (("a/x.edf", 1), ("b/x.edf", 1), ("a/x.edf", 2))]
    assert len(set(ids)) == 3
    assert all(name.startswith("x-") for name in ids)
    assert recording_id("a/x.edf", 1) == ids[0]


@pytest.mark.parametrize("name", ["наука.edf", "a b:c*.edf", ".edf", "x" * 300 + ".edf"])
def test_id__any_name__is_a_short_portable_one(name):
    assert re.fullmatch(r"[A-Za-z0-9_-]{18,60}", recording_id(name, 1))


def test_state__changed_companion__seen(tmp_path):
    touch(tmp_path, "a.vhdr", "a.eeg")
    before = source_state(str(tmp_path / "a.vhdr"))
    (tmp_path / "a.eeg").write_bytes(b"more")
    assert before[0] == 2
    assert source_state(str(tmp_path / "a.vhdr"))[0] == 5


def test_endings_in_any_case__headers_and_parts__as_in_lower_case(tmp_path):
    touch(tmp_path, "a.Vhdr", "a.Eeg", "b.VHDR", "b.EEG", "c_raw.FIF", "c_raw-1.FIF")
    assert found(tmp_path) == ["a.Vhdr", "b.VHDR", "c_raw.FIF"]
    for header, data in (("a.Vhdr", "a.Eeg"), ("b.VHDR", "b.EEG")):
        (tmp_path / data).write_bytes(b"more")
        assert source_state(str(tmp_path / header))[0] == 5


def test_names_that_differ_in_case_only__arrays_of_a_corpus__are_two_on_any_system(tmp_path):
    for number, name in enumerate(["A.edf", "a.EDF"]):
        lower = write_recording(tmp_path / "written.edf", 20, seed=number)
        lower.rename(tmp_path / name)
    assert build(tmp_path, tmp_path / "corpus").built == 2
    arrays = [path.name.lower() for path in (tmp_path / "corpus" / "recordings").iterdir()]
    assert len(set(arrays)) == len(arrays)
    assert EEGCorpus(tmp_path / "corpus").subjects.tolist() == ["A", "A", "a", "a"]
