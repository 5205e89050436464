"""Guinea-Bissau: compressed tables of a headset, and a table of people."""

import gzip
import io

import numpy as np
import pytest
from written_files import amplitudes, expected_window, wave

from sk_brainrvq.datasets import GuineaBissau
from sk_brainrvq.datasets._protocols.downloads import (
    fetch_blobs,
    git_blob_sha1,
    keep_pinned,
    packaged_sums,
)

NAMES = GuineaBissau.ch_names
HEADER = '"subject.id","Group","Eyes.condition","Remarks","recordedPeriod","startTime"\n'
CLOSED, OPEN = "closed-3min-then-open-2min", "open-3min-then-closed-2min"
PERIODS = [*range(15, 165, 10), *range(200, 280, 10)]


def write_person(folder, number, seconds=290, names=NAMES, without=(), value=None):
    """As published: row numbers without a name, signals on an offset, qualities of contact."""
    times = np.arange(seconds * 128) / 128
    step = 20 / 39  # microvolts of a bit
    columns = {
        name: step * np.round((4200 + amplitude * wave(times)) / step)
        for name, amplitude in zip(names, amplitudes(names), strict=True)
        if name not in without
    }
    # Published files hold others between and after the signals.
    columns = {**columns, "COUNTER": times, "CQ_CMS": 0 * times + 4, "CQ_F3": 0 * times}
    table = np.column_stack([*columns.values()])
    rows = io.StringIO()
    quoted = ",".join(f'"{name}"' for name in ("", *columns))
    np.savetxt(rows, table, "%.2f", ",", header=quoted, comments="")
    lines = rows.getvalue().splitlines()
    text = [lines[0], *(f'"{i}",{line}' for i, line in enumerate(lines[1:], 1))]
    if value is not None:
        text[50] = text[50].replace(text[50].split(",")[3], value)
    path = folder / "EEGs_Guinea-Bissau" / f"signal-{number}.csv.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress("\n".join(text).encode(), 1))
    return path


def write_table(folder, conditions, seconds=290):
    rows = [f'{n},"Control","{c}","NA",{seconds},"1-5-2020 9:00"\n' for n, c in conditions.items()]
    (folder / "metadata_guineabissau.csv").write_text(HEADER + "".join(rows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guinea-bissau")
    # 13 has a remark of another change; columns of 2 are in another order.
    write_table(folder, {1: CLOSED, 2: OPEN, 13: CLOSED})
    first = write_person(folder, 1)
    write_person(folder, 2, names=NAMES[::-1])
    first.with_name("signal-13.csv.gz").write_bytes(first.read_bytes())
    return folder


@pytest.fixture(scope="module")
def windows(folder):
    return GuineaBissau().load(folder, [1, 2, 13])


def test_load__both_orders_of_conditions__labels_and_onsets_of_the_table(windows):
    first = windows.of_subjects([1])
    assert first.onsets.tolist() == PERIODS
    assert first.y.tolist() == [0] * 15 + [1] * 8
    assert windows.of_subjects([2]).y.tolist() == [1] * 15 + [0] * 8
    assert windows.split.tolist() == ["train"] * len(windows.y)
    assert windows.X.dtype == np.float32
    assert windows.to_epochs().metadata["onset"].tolist() == windows.onsets.tolist()


def test_load__any_person__signals_of_the_window_without_the_offset(windows):
    for subject, order in ((1, 1), (2, -1)):
        one = windows.of_subjects([subject])
        for row in (0, 14, 15, 22):
            expected = amplitudes(NAMES)[::order, None] * expected_window(one.onsets[row], 2000)
            # A bit is half a microvolt.
            np.testing.assert_allclose(one.X[row], expected, atol=0.5)


def test_load__remarked_change__windows_near_it_left_out(folder, windows):
    remarked = windows.of_subjects([13])
    assert remarked.onsets.tolist() == [t for t in PERIODS if not 200 <= t < 230]
    assert remarked.y.tolist() == [0] * 15 + [1] * 5
    plain = GuineaBissau(remarks=False).load(folder, [13])
    assert plain.onsets.tolist() == PERIODS


def test_load__remarked_orders_of_others__as_the_remarks_say():
    def labelled(number, remarks=True):
        people = GuineaBissau(remarks)
        onsets, labels = people._labelled(number, type("", (), {"open_first": number == 58}), 400)
        return dict(zip(onsets.tolist(), labels.tolist(), strict=True))

    # Closed to 2 min, open to 4 min, closed.
    assert labelled(37) == {
        **dict.fromkeys(range(15, 105, 10), 0),
        **dict.fromkeys((145, 155, 200, 210), 1),
        **dict.fromkeys((260, 270), 0),
    }
    assert set(labelled(61).values()) == {0}  # closed for five minutes
    assert [t for t, eyes in labelled(44).items() if eyes] == [260, 270]
    assert [t for t, eyes in labelled(58).items() if not eyes] == [230, 240, 250, 260, 270]
    assert labelled(37, remarks=False) == labelled(1)


def test_opened_first__table_in_or_above_the_folder__numbers(folder):
    for place in (folder, folder / "EEGs_Guinea-Bissau"):
        assert GuineaBissau().opened_first(place) == (2,)


def test_load__recording_that_ends_early__windows_as_far_as_it_goes(tmp_path):
    write_table(tmp_path, {5: CLOSED}, seconds=222)
    write_person(tmp_path, 5, seconds=222)
    assert GuineaBissau().load(tmp_path, [5]).onsets.max() == 210


def test_load__bad_files__errors_say_what_is_wrong(tmp_path):
    def refused(error, match, number=1):
        with pytest.raises(error, match=match):
            GuineaBissau().load(tmp_path, [number])

    whole = write_person(tmp_path, 1, 30)
    refused(FileNotFoundError, r"metadata_guineabissau\.csv is neither beside .*fetch downloads")
    write_table(tmp_path, {2: CLOSED})
    refused(ValueError, r"signal-1\.csv\.gz has no row in metadata_guineabissau\.csv")
    write_table(tmp_path, {1: "closed"})
    refused(ValueError, r"holds the row \['1', 'Control', 'closed'")
    (tmp_path / "metadata_guineabissau.csv").write_text("subject.id,Group\n1,Control\n")
    refused(ValueError, r"lacks the columns \['Eyes.condition', 'recordedPeriod'\]")
    write_table(tmp_path, {1: CLOSED}, 30)
    whole.write_bytes(whole.read_bytes()[:-2000])
    refused(ValueError, r"signal-1\.csv\.gz cannot be read as a compressed CSV table")
    write_person(tmp_path, 1, 30, without=["O1", "T8"])
    refused(ValueError, r"lacks the columns \['O1', 'T8'\]; it holds \['', 'AF3'")
    write_person(tmp_path, 1, 30, value="NA")
    refused(ValueError, r"cannot be read as a compressed CSV table .*NA")
    write_person(tmp_path, 1, 30, value="nan")
    refused(ValueError, r"holds values that are not numbers")
    write_person(tmp_path, 1, 28)
    refused(ValueError, r"is truncated: it holds 28 s, and metadata_guineabissau\.csv states 30")
    refused(ValueError, r"subjects 1 to 97, and not \[98\]", number=98)


def test_pinned_files__package__all_people_and_the_table_once():
    blobs = packaged_sums("guinea_bissau_git_sha1.txt")
    names = {f"EEGs_Guinea-Bissau/signal-{n}.csv.gz" for n in GuineaBissau.all_subjects}
    assert blobs.keys() == {*names, "metadata_guineabissau.csv"}
    # Two people's files that are alike would be a leak.
    assert len(set(blobs.values())) == len(blobs)


def test_git_blob_sha1__known_content__name_that_git_gives():
    # git hash-object of a file that holds "hello\n"
    assert git_blob_sha1(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_keep_pinned__other_content__not_written_and_both_digests_named(tmp_path):
    path = tmp_path / "a" / "file"
    with pytest.raises(ValueError, match=r"git blob is ce0136.*expected abc"):
        keep_pinned(path, b"hello\n", "abc", "somewhere")
    assert not path.exists()
    keep_pinned(path, b"hello\n", git_blob_sha1(b"hello\n"), "somewhere")
    # What is there and right is not asked for again: no server is reached here.
    fetch_blobs("https://invalid.invalid/", tmp_path, {"a/file": git_blob_sha1(b"hello\n")})
