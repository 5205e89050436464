"""``make_corpus.py``: formats of its datasets, who is in the corpus, and leaks."""

import gzip
import zipfile

import mne
import numpy as np
import pytest
import torch
from benchmark_commands import module_of
from corpora.pieces import LeftOut, scored_once, wanted
from corpora.readers import SOURCES
from corpora.repair import repaired_edf
from edfio import Edf, EdfSignal

from sk_brainrvq import RandomCrops, Weights


@pytest.fixture(scope="module")
def command():
    """The module of the command."""
    return module_of("make_corpus")


def noise(n_channels, n_samples, seed, offset=0.0):
    return offset + 20 * np.random.default_rng(seed).normal(size=(n_channels, n_samples))


def write_muse(folder, name, seconds=12, contact=1, seed=0, part="train/success"):
    """Numbers as text, as published."""
    path = folder / "EEG_DATA" / "fold_0" / part / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = noise(4, 220 * seconds, seed, 800).T
    good = np.ones_like(raw)
    good[:, 2] = contact
    np.savez(path, raw=raw.astype("S13"), h_eeg=good.astype("S3"), a=raw[:4].astype("S5"))


def write_ssvep(folder, subject, date, seed):
    place = folder / f"subject{subject:02d}"
    place.mkdir(parents=True, exist_ok=True)
    names = "Oz O1 O2 PO3 POz PO7 PO8 PO4".split()  # noqa: SIM905
    info = mne.create_info(names, 256, "eeg")
    raw = mne.io.RawArray(1e-3 * noise(8, 256 * 40, seed), info, verbose=0)
    raw.save(place / f"record-[{date}]_raw.fif", verbose="error")


def read(name, folder, who=bool):
    """Pieces, and reasons for what is no piece."""
    found = [*SOURCES[name].read(folder, who)]
    pieces = [piece for piece in found if not isinstance(piece, LeftOut)]
    return pieces, [each.why for each in found if isinstance(each, LeftOut)]


# Formats


def test_muse__rounds_as_text__electrodes_in_the_order_of_the_device(tmp_path):
    write_muse(tmp_path, "10_1_2", seed=3)
    write_muse(tmp_path, "11_1_1", contact=4, part="test/fail")
    (piece,), reasons = read("muse", tmp_path)
    assert (piece.person, piece.session, piece.sfreq) == ("10", "1-2", 220)
    assert piece.ch_names == ("TP9", "AF7", "AF8", "TP10")
    expected = noise(4, 2640, 3)
    np.testing.assert_allclose(piece.microvolts, expected - expected.mean(1)[:, None], atol=1e-6)
    assert reasons == ["no contact of AF8 for half of it"]
    write_muse(tmp_path, "10_1_2", part="test/success")
    with pytest.raises(ValueError, match="a round twice"):
        read("muse", tmp_path)


def test_feis__trials_in_an_archive__a_piece_a_second_and_nameless_channels_left_out(tmp_path):
    def write(person, names, lengths=(256, 256)):
        rows = ["Time:256Hz,Epoch," + ",".join(names) + ",Label,Stage,Flag"]
        for trial, length in enumerate(lengths):
            for i, values in enumerate(noise(14, length, trial, 4200).T):
                cells = ",".join(f"{v:.4f}" for v in values)
                rows.append(f"{21 * trial + i / 256},{trial},{cells},goose,articulators,")
        path = tmp_path / "data_eeg" / person / "articulators.zip"
        path.parent.mkdir(parents=True)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("articulators.csv", "\n".join(rows))

    names = "F3 FC5 AF3 F7 T7 P7 O1 O2 P8 T8 F8 AF4 FC6 F4".split()  # noqa: SIM905
    write("01", names, (256, 256, 200))
    write("chinese-1", [f"Channel {i}" for i in range(1, 15)])
    pieces, reasons = read("feis", tmp_path)
    assert [(p.person, p.session, p.microvolts.shape) for p in pieces] == [
        ("01", "000", (14, 256)),
        ("01", "001", (14, 256)),
    ]
    expected = noise(14, 256, 1)
    np.testing.assert_allclose(
        pieces[1].microvolts, expected - expected.mean(1)[:, None], atol=1e-3
    )
    assert pieces[0].ch_names == tuple(names)
    assert reasons == [
        "200 samples, not 256",
        "its file names no electrodes, only channels 1 to 14",
    ]


def test_uci__trial_as_text__scalp_electrodes_and_whole_trials_only(tmp_path):
    names = [*(f"E{i}" for i in range(61)), "X", "Y", "nd"]
    signals = np.round(noise(64, 256, 5), 3)

    def write(number, n_samples=256):
        lines = ["# co2a0000364.rd", "# 120 trials, 64 chans", "# S1 obj , trial 8"]
        for i, name in enumerate(names):
            lines.append(f"# {name} chan {i}")
            lines += [f"8 {name} {k} {v:.3f}" for k, v in enumerate(signals[i, :n_samples])]
        path = tmp_path / "SMNI_CMI_TRAIN" / "co2a0000364" / f"co2a0000364.rd.{number:03d}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("\n".join(lines).encode()))

    write(8)
    write(9, n_samples=100)
    (piece,), (reason,) = read("uci", tmp_path)
    assert (piece.person, piece.session) == ("co2a0000364", "008")
    np.testing.assert_allclose(piece.microvolts, (signals - signals.mean(1)[:, None])[:61])
    assert "64 channels of [100] samples" in reason


def test_repaired_edf__carriage_returns_added__bytes_as_published(tmp_path):
    # Values whose bytes are line feeds and carriage returns in any order.
    digital = np.random.default_rng(0).choice([0x0A0A, 0x0D0A, 0x0A0D, 0x0D0D, 258], size=1600)
    signal = EdfSignal.from_digital(
        digital.astype(np.int16), 160, physical_range=(-1000, 1000), physical_dimension="uV"
    )
    Edf([signal]).write(tmp_path / "S001R03.edf")
    published = (tmp_path / "S001R03.edf").read_bytes()
    assert b"\r\n" in published[512:]
    damaged = published.replace(b"\n", b"\r\n")
    assert repaired_edf(damaged, "S001/S001R03.edf") == (published, 0)
    assert repaired_edf(published, "S001/S001R03.edf") == (published, 0)
    short, lost = repaired_edf(damaged[:-100], "S001/S001R03.edf")
    assert lost == 1
    (tmp_path / "short.edf").write_bytes(short)
    raw = mne.io.read_raw_edf(tmp_path / "short.edf", verbose="error")
    assert raw.n_times == 9 * 160
    assert short[512:] == published[512 : 512 + 9 * 320]
    with pytest.raises(ValueError, match="cannot be undone"):
        repaired_edf(damaged[: len(damaged) // 2], "S001/S001R03.edf")
    with pytest.raises(ValueError, match="differs from the published file"):
        repaired_edf(damaged, "S001/S001R04.edf")
    with pytest.raises(ValueError, match="is no EDF file"):
        repaired_edf(b"signals", "S001/S001R03.edf")


# Who is in it


def test_wanted__benchmark_datasets__people_to_develop_on_and_halves_that_make_them():
    assert wanted("muse")("69")
    assert wanted("eegmat")("0")
    for name, kept_back in (("eegmat", "28"), ("guinea-bissau", "3"), ("ssvep", "7")):
        assert not wanted(name)(kept_back)
        assert scored_once(name)(kept_back)
    for never in ("4", "96"):
        assert not wanted("guinea-bissau")(never)
        assert not scored_once("guinea-bissau")(never)
    people = [str(n) for n in range(100)]
    for name in ("eegmat", "guinea-bissau", "ssvep"):
        halves = [{p for p in people if wanted(name, half)(p)} for half in ("odd", "even")]
        assert not halves[0] & halves[1]
        assert halves[0] | halves[1] == {p for p in people if wanted(name)(p)}


@pytest.fixture(scope="module")
def built(command, tmp_path_factory):
    """Two datasets in a corpus; people kept back have files that nobody can read."""
    folder = tmp_path_factory.mktemp("make_corpus")
    for name, seed in (("10_1_1", 1), ("10_1_2", 2), ("12_1_1", 3)):
        write_muse(folder / "muse", name, seed=seed)
    write_ssvep(folder / "ssvep", 1, "2012.07.06-19.02.16", 11)
    write_ssvep(folder / "ssvep", 2, "2012.07.19-17.36.23", 12)
    for subject in (8, 11):
        place = folder / "ssvep" / f"subject{subject:02d}"
        place.mkdir()
        (place / "record-[2014.01.01-00.00.00]_raw.fif").write_bytes(b"not to be opened")
    for name in ("muse", "ssvep"):
        arguments = [name, "--data", str(folder / name), "--out", str(folder / "out")]
        assert command.main(arguments) == 0
    return folder


def test_corpus__two_datasets__people_by_name_in_windows_that_fit(command, built, capsys):
    long, short = command.corpora(built / "out")
    assert (long.window, short.window) == (30, 4)
    assert sorted(set(long.subjects)) == ["ssvep/1", "ssvep/2"]
    assert sorted(set(short.subjects)) == ["muse/10", "muse/12"]
    assert long.filters.l_freq == 0.5
    assert command.main(["summary", "--out", str(built / "out")]) == 0
    printed = capsys.readouterr().out
    assert "| muse | 2 | 0.01 | 4 | 0.0 |" in printed
    assert "| ssvep | 2 | 0.02 | 8 | 0.2 |" in printed


def test_command__given_again__nothing_is_read_anew(command, built, capsys):
    arguments = ["muse", "--data", str(built / "muse"), "--out", str(built / "out")]
    assert command.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "3 pieces, 0 of them new" in printed
    assert "0 recordings built, 3 kept" in printed


def test_without_mains__of_the_dataset__removed_and_the_rest_kept(command):
    times = np.arange(256 * 40) / 256
    signals = 10 * np.sin(2 * np.pi * 12 * times) + 40 * np.sin(2 * np.pi * 50 * times)
    left = command.without_mains(signals[None], 256.0, 50.0)[0, 2560:-2560]
    np.testing.assert_allclose(left, 10 * np.sin(2 * np.pi * 12 * times)[2560:-2560], atol=0.1)


def test_check__recording_under_two_names__found_even_if_one_is_kept_back(command, built, capsys):
    folders = f"muse={built / 'muse'},ssvep={built / 'ssvep'}"
    (built / "ssvep" / "subject08" / "record-[2014.01.01-00.00.00]_raw.fif").unlink()
    arguments = ["check", "--data", folders, "--out", str(built / "out")]
    assert command.main(arguments) == 0
    assert "no leak: 4 people" in capsys.readouterr().out
    write_ssvep(built / "ssvep", 9, "2013.04.09-17.32.29", 12)
    assert command.main(arguments) == 1
    assert "ssvep/2 and ssvep/9 share" in capsys.readouterr().out


def test_command__mistakes__one_line(command, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    assert command.main(["muse", *out]) == 2
    assert "--data is missing" in capsys.readouterr().err
    assert command.main(["muse", "--data", str(tmp_path), *out]) == 2
    assert "holds nothing of Muse" in capsys.readouterr().err
    assert command.main(["check", "--data", "mouse=a", *out]) == 2
    assert "expected dataset=FOLDER" in capsys.readouterr().err


def test_stage_on_the_corpus__quick__encoder_of_its_people_but_for_those_of_closed_datasets(
    built, tmp_path, monkeypatch, capsys
):
    stage = module_of("pretrain_default")
    monkeypatch.setattr(stage, "FREE", ("muse",))
    work, out = str(tmp_path / "work"), str(tmp_path / "out")
    arguments = ["--corpus", str(built / "out"), "--weights", "default", "--work", work]
    assert (
        stage.main([*arguments, "--out", out, "--name", "next", "--quick", "--keep-epochs", "1"])
        == 0
    )
    weights = Weights(tmp_path / "out" / "next")
    assert weights.info["subjects"] == ["muse/10", "muse/12"]
    assert weights.config["spectrum_weight"] == 10.0
    assert weights.config["summary_weight"] == 15.0  # of the weights it started from
    assert weights != Weights("default")
    ended, kept = (Weights(tmp_path / "out" / name).tensors() for name in ("next", "next-01"))
    assert ended.keys() == kept.keys()
    assert all(torch.equal(tensor, kept[name]) for name, tensor in ended.items())
    scratch = ["--corpus", str(built / "out"), "--work", work, "--out", out, "--every", "2"]
    assert stage.main([*scratch, "--name", "half", "--quick"]) == 0
    half = Weights(tmp_path / "out" / "half")
    assert half.info["subjects"] == ["muse/10"]
    assert half.config["encoder"]["depth"] == 1 != weights.config["encoder"]["depth"]
    variant = ["--name", "other", "--variant", "random mask", "--quick"]
    assert stage.main([*scratch, *variant]) == 0
    other = Weights(tmp_path / "out" / "other")
    assert other.config == half.config
    assert other.digest != half.digest  # a run of its own, not the one without the variant
    summarised = ["--name", "summarised", "--summary-weight", "15", "--quick"]
    assert stage.main([*scratch, *summarised]) == 0
    config = Weights(tmp_path / "out" / "summarised").config
    assert config == half.config | {"summary_weight": 15.0}
    assert (
        stage.main([*arguments, "--out", out, "--name", "bare", "--summary-weight", "0", "--quick"])
        == 0
    )
    assert "summary_weight" not in Weights(tmp_path / "out" / "bare").config
    # Whitened crops have no reference and no gain.
    monkeypatch.setattr(stage, "STAGE", stage.STAGE | {"crops": RandomCrops()})
    crops = [[], ["--gain-db", "6"], ["--referenced", "1"]]
    digests = set()
    for number, own in enumerate(crops):
        assert stage.main([*scratch, *own, "--name", f"crops-{number}", "--quick"]) == 0
        digests.add(Weights(tmp_path / "out" / f"crops-{number}").digest)
    assert len(digests) == len(crops)
    capsys.readouterr()
    for both in ([], ["--data", "x", "--corpus", "y"]):
        assert stage.main([*both, "--work", work, "--out", out]) == 2
        assert "one of the two" in capsys.readouterr().err
