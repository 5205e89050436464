"""``tokenizer fit`` and ``pretrain``."""

import json
import re

import numpy as np
import pytest
from command_runs import SMALL, run

from sk_brainrvq import Architecture, BrainRVQPretrainer, DDRVQTransformer, RandomCrops, Weights
from sk_brainrvq.command_line.commands.named_inputs import hold_out_subjects


def fit(inputs, out, *options):
    return run("tokenizer", "fit", *inputs, "--out", out, *SMALL, "-q", *options)


def params(folder):
    """Parameters in a saved configuration, as JSON holds them."""
    pairs = json.loads((folder / "config.json").read_text())["params"]["values"]
    return dict(pairs)


def test_tokenizer_fit__recordings__equals_the_estimator_in_python(folder, tmp_path):
    files = sorted(map(str, folder.rglob("*.edf")))
    options = ("--max-epochs", 1, "--random-state", 3, "--n-quantizers", 2)
    result = fit(files, tmp_path / "out", *options)
    assert result.exit_code == 0, result.stderr
    expected = DDRVQTransformer(
        architecture=Architecture("tiny", codebook_size=16, n_quantizers=2),
        window=2,
        device="cpu",
        max_epochs=1,
        random_state=3,
    ).fit(files)
    assert Weights(tmp_path / "out") == expected.weights_


def test_tokenizer_fit__summary__has_figures_and_the_way_to_load(folder, tmp_path):
    out = tmp_path / "out"
    result = fit([folder], out, "--max-epochs", 2)
    loaded = DDRVQTransformer.from_pretrained(out)
    assert result.stdout.startswith("Epoch 2, the last:")
    loss = re.search(r"train loss +(\S+)", result.stdout)[1]
    assert float(loss) == pytest.approx(loaded.history_[-1]["train_loss"], rel=1e-3)
    of_all = result.stdout.split("Codes of all the data")[1]
    for domain, row in zip(("time", "frequency"), loaded.perplexity_, strict=True):
        line = re.search(rf"perplexity, {domain} +(.*)", of_all)[1]
        np.testing.assert_allclose([float(word) for word in line.split()], row, atol=0.051)
        line = re.search(rf"codebook use, {domain} +(.*)", of_all)[1]
        assert all(word.endswith("%") for word in line.split())
    code = result.stdout.split("In Python:")[1]
    namespace = {}
    exec("\n".join(line.strip() for line in code.splitlines()), namespace)
    assert namespace["tokenizer"].weights_ == loaded.weights_


def test_tokenizer_fit__corpus__is_read_with_the_window_given(corpus_folder, tmp_path):
    result = fit([corpus_folder], tmp_path / "out", "--notch", "auto", "--max-epochs", 1)
    assert result.exit_code == 0, result.stderr
    info = Weights(tmp_path / "out").info
    assert info["filters"]["notch"] == 50
    assert info["trained_patches"] == 2


def test_tokenizer_fit__config__equals_options(folder, tmp_path):
    config = tmp_path / "fit.yaml"
    config.write_text(f"inputs: {folder}\nout: {tmp_path / 'a'}\nmax-epochs: 1\nrandom-state: 1\n")
    result = run("tokenizer", "fit", "--config", config, *SMALL, "-q")
    assert result.exit_code == 0, result.stderr
    fit([folder], tmp_path / "b", "--max-epochs", 1, "--random-state", 1)
    assert Weights(tmp_path / "a") == Weights(tmp_path / "b")


def test_tokenizer_fit__engine__is_built_of_its_options(folder, tmp_path, monkeypatch):
    seen = []
    original = DDRVQTransformer.fit

    def fit_and_remember(self, *args, **kwargs):
        seen.append(self.engine)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(DDRVQTransformer, "fit", fit_and_remember)
    options = (
        "--gradient-accumulation",
        2,
        "--gradient-clipping",
        "none",
        "--precision",
        "float32",
    )
    result = fit([folder], tmp_path / "out", "--max-epochs", 1, *options)
    assert result.exit_code == 0, result.stderr
    (engine,) = seen
    assert engine.gradient_accumulation == 2
    assert engine.gradient_clipping is None
    assert engine.precision == "float32"


def test_training__corpus_with_options_of_reading__refused_before_anything_is_made(
    folder, tmp_path
):
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    build = ("corpus", "build", folder, "--out", corpus, "--notch", "none", "-q")
    assert run(*build, "--bad-channels", "drop").exit_code == 0
    for command in (("tokenizer", "fit"), ("pretrain",)):
        for given in (
            ("--bad-channels", "interpolate"),
            ("--read-option", "edf.encoding=latin1"),
            ("--on-error", "skip"),
        ):
            result = run(*command, corpus, "--out", out, *SMALL, *given)
            assert result.exit_code == 2
            assert f"{given[0]} was given, but {corpus} is a corpus" in result.stderr
    assert not out.exists()
    alike = fit([corpus], out, "--max-epochs", 1, "--bad-channels", "drop")
    assert alike.exit_code == 0, alike.stderr
    assert "Warning" not in alike.stderr


def test_tokenizer_fit__the_same_command_again__hands_over_the_finished_run(folder, tmp_path):
    out = tmp_path / "out"
    assert fit([folder], out, "--max-epochs", 1).exit_code == 0
    before = Weights(out)
    checkpoints = sorted((out / "checkpoints").rglob("*.safetensors"))
    times = [path.stat().st_mtime_ns for path in checkpoints]
    assert checkpoints
    assert fit([folder], out, "--max-epochs", 1).exit_code == 0
    assert Weights(out) == before
    assert [path.stat().st_mtime_ns for path in checkpoints] == times


def test_pretrain__with_a_tokenizer__keeps_it(folder, tokenizer_folder, tmp_path):
    out, alone = tmp_path / "model", tmp_path / "tokenizer"
    result = run(
        *("pretrain", folder, "--out", out, "--tokenizer", tokenizer_folder, "--window", 2),
        *("--architecture", "tiny", "--max-epochs", 1, "--device", "cpu", "-q"),
        *("--tokenizer-out", alone),
    )
    assert result.exit_code == 0, result.stderr
    loaded = BrainRVQPretrainer.from_pretrained(out)
    assert loaded.tokenizer_weights_ == Weights(tokenizer_folder) == Weights(alone)
    assert "accuracies, frequency" in result.stdout
    assert "BrainRVQPretrainer.from_pretrained" in result.stdout
    assert f"--weights {out} --out" in result.stdout
    assert f"BrainRVQEmbedder(weights={str(out)!r})" in result.stdout


def test_pretrain__model_as_weights_and_tokenizer__is_trained_further(folder, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    small = ("--window", 2, "--device", "cpu", "-q", "--max-epochs", 1)
    new = (
        "--notch",
        "none",
        "--architecture",
        "tiny",
        "--codebook-size",
        16,
        "--tokenizer-max-epochs",
        1,
    )
    assert run("pretrain", folder, "--out", first, *small, *new).exit_code == 0
    alone = run("pretrain", folder, "--out", second, "--weights", first, *small)
    assert alone.exit_code == 1
    assert f"--tokenizer {first}" in alone.stderr
    further = ("pretrain", folder, "--out", second, "--weights", first, "--tokenizer", first)
    result = run(*further, *small)
    assert result.exit_code == 0, result.stderr
    before, after = map(BrainRVQPretrainer.from_pretrained, (first, second))
    assert after.tokenizer_weights_ == before.tokenizer_weights_
    assert after.weights_ != before.weights_


@pytest.mark.parametrize("source", ["folder", "corpus_folder"])
def test_pretrain__validation__is_watched_and_the_model_loads(source, tmp_path, request):
    result = run(
        *("pretrain", request.getfixturevalue(source), "--out", tmp_path / "model", *SMALL),
        *("--notch", "auto" if source == "corpus_folder" else "none"),
        *("--tokenizer-max-epochs", 1, "--max-epochs", 1, "-q", "--validation", 0.4),
    )
    assert result.exit_code == 0, result.stderr
    assert re.search(r"valid loss +\d", result.stdout)
    BrainRVQPretrainer.from_pretrained(tmp_path / "model")


def test_validation__of_recordings__shares_no_subject_with_training(folder):
    files = sorted(map(str, folder.rglob("*.edf")))
    twice = [*files, *(file.replace("_eeg", "_ses-2_eeg") for file in files)]
    training, validation = hold_out_subjects(twice, 0.34, seed=0)
    assert sorted(training + validation) == sorted(twice)
    assert (len(training), len(validation)) == (2, 4)
    subjects = [
        {re.search(r"sub-(\d+)", file)[1] for file in part} for part in (training, validation)
    ]
    assert not subjects[0] & subjects[1]
    assert hold_out_subjects(twice, 0.34, seed=0) == (training, validation)


def test_saved_model__holds_no_path_of_the_machine(folder, tmp_path):
    assert fit([folder], tmp_path / "out", "--max-epochs", 1, "--validation", 0.4).exit_code == 0
    saved = (tmp_path / "out" / "model.safetensors").read_bytes()
    for place in (folder, tmp_path):
        assert str(place).encode() not in saved
        assert str(place) not in (tmp_path / "out" / "config.json").read_text()


def test_validation__of_one_subject__is_wrong_usage(folder, tmp_path):
    file = next(folder.glob("*.edf"))
    result = fit([file], tmp_path / "out", "--validation", 0.5)
    assert result.exit_code == 2
    assert "--validation 0.5 cannot be split off 1 subjects" in result.stderr


def test_corpus__beside_another_input__is_wrong_usage(corpus_folder, folder, tmp_path):
    result = fit([corpus_folder, folder], tmp_path / "out")
    assert result.exit_code == 2
    assert "Pass only one corpus, or recordings" in result.stderr


def test_tokenizer_fit__bad_file__fails_and_names_it(with_broken, tmp_path):
    result = fit(with_broken, tmp_path / "out", "--max-epochs", 1)
    assert result.exit_code == 1
    assert "broken.edf" in result.stderr
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_tokenizer_fit__bad_setting__fails_before_anything_is_read(folder, tmp_path):
    result = fit([folder], tmp_path / "out", "--lr", -1)
    assert result.exit_code == 1
    assert "lr=-1.0 was given" in result.stderr


def test_tokenizer_fit__progress__on_stderr_unless_quiet(folder, tmp_path):
    loud = run("tokenizer", "fit", folder, "--out", tmp_path / "a", *SMALL, "--max-epochs", 1)
    assert "Tokenizer" in loud.stderr
    assert fit([folder], tmp_path / "b", "--max-epochs", 1).stderr == ""


def test_tokenizer_fit__recordings_without_notch__asks_as_corpus_build_does(folder, tmp_path):
    asked = run("corpus", "build", folder, "--out", tmp_path / "corpus")
    for command in (("tokenizer", "fit"), ("pretrain",)):
        result = run(*command, folder, "--out", tmp_path / "out", "--architecture", "tiny")
        assert result.exit_code == asked.exit_code == 2
        assert result.stderr.splitlines()[-1] == asked.stderr.splitlines()[-1]
        assert "mains frequency" in result.stderr
    assert not (tmp_path / "out").exists()


def test_tokenizer_fit__over_another_model__is_refused_without_overwrite(folder, tmp_path):
    out = tmp_path / "out"
    assert fit([folder], out, "--max-epochs", 1).exit_code == 0
    before = Weights(out)
    result = fit([folder], out, "--max-epochs", 1, "--lr", 0.01)
    assert result.exit_code == 1
    assert re.search(r"holds a DDRVQTransformer of 20\d\d-.*lr \(.*0\.01 now\)", result.stderr)
    assert "--overwrite" in result.stderr
    fewer = fit(sorted(folder.glob("*.edf")), out, "--max-epochs", 1)
    assert fewer.exit_code == 1
    assert "recordings" in fewer.stderr
    assert Weights(out) == before
    result = fit([folder], out, "--max-epochs", 1, "--lr", 0.01, "--overwrite")
    assert result.exit_code == 0, result.stderr
    assert Weights(out) != before


def test_pretrain__overwrite_with_a_folder_of_checkpoints__each_command_keeps_its_own(
    folder, tokenizer_folder, tmp_path
):
    out, checkpoints = tmp_path / "out", tmp_path / "elsewhere"

    def pretrain(*options):
        settings = ["--tokenizer", tokenizer_folder, "--checkpoint-dir", checkpoints, "-q"]
        return run("pretrain", folder, "--out", out, *SMALL, "--max-epochs", 1, *settings, *options)

    def written():
        return {path: path.stat().st_mtime_ns for path in checkpoints.rglob("*.safetensors")}

    assert pretrain("--random-state", 1).exit_code == 0
    first, first_written = Weights(out), written()
    assert pretrain("--random-state", 2).exit_code == 1
    assert pretrain("--random-state", 2, "--overwrite").exit_code == 0
    assert Weights(out) != first
    both = written()
    assert first_written.items() < both.items()
    assert not (out / "checkpoints").exists()
    # The first command again: its finished run is handed over, not trained again.
    assert pretrain("--random-state", 1, "--overwrite").exit_code == 0
    assert Weights(out) == first
    assert written() == both


def test_tokenizer_fit__over_a_model_of_an_earlier_version__says_what_is_not_known(
    folder, tmp_path
):
    out = tmp_path / "out"
    assert fit([folder], out, "--max-epochs", 1).exit_code == 0
    before = Weights(out)
    (out / "inputs.sha256").unlink()
    result = fit([folder], out, "--max-epochs", 1)
    assert result.exit_code == 1
    assert "inputs.sha256 is missing, which earlier versions did not write" in result.stderr
    assert "If this command made it, pass --overwrite" in result.stderr
    assert fit([folder], out, "--max-epochs", 1, "--overwrite").exit_code == 0
    assert Weights(out) == before
    assert fit([folder], out, "--max-epochs", 1).exit_code == 0


def test_pretrain__over_a_tokenizer__says_what_is_there(folder, tokenizer_folder):
    before = Weights(tokenizer_folder)
    result = run("pretrain", folder, "--out", tokenizer_folder, *SMALL, "-q")
    assert result.exit_code == 1
    assert "DDRVQTransformer" in result.stderr
    assert Weights(tokenizer_folder) == before


@pytest.mark.parametrize("command", ["tokenizer fit", "pretrain"])
def test_training_commands__whitened_references_and_gains__are_those_of_the_crops(
    command, folder, tmp_path
):
    names = command.split()
    options = (
        "--max-epochs",
        1,
        "--crops",
        "--whitened",
        0.5,
        "--referenced",
        0.25,
        "--gain-db",
        6,
    )
    if command == "pretrain":
        options += ("--tokenizer-max-epochs", 1)
    result = run(*names, folder, "--out", tmp_path / "out", *SMALL, "-q", *options)
    assert result.exit_code == 0, result.stderr
    loaded = DDRVQTransformer if command != "pretrain" else BrainRVQPretrainer
    crops = loaded.from_pretrained(tmp_path / "out").crops
    assert crops.get_params() == RandomCrops(whitened=0.5, referenced=0.25, gain_db=6).get_params()


@pytest.mark.parametrize("option", ["--whitened", "--referenced", "--gain-db"])
def test_tokenizer_fit__crops_changed_without_crops__is_refused_before_training(
    option, folder, tmp_path
):
    result = fit([folder], tmp_path / "out", option, 0.5)
    assert result.exit_code == 2
    assert f"{option} was given without --crops" in result.stderr


def test_tokenizer_fit__damaged_file__says_how_to_leave_it_out(folder, tmp_path):
    path = tmp_path / "damaged.edf"
    path.write_bytes(b"no EDF")
    options = ("--out", tmp_path / "out", *SMALL, "-q", "--max-epochs", 1)
    result = run("tokenizer", "fit", folder, path, *options)
    assert result.exit_code == 1
    assert "on the command line --on-error warn" in result.stderr
    assert run("tokenizer", "fit", folder, path, *options, "--on-error", "warn").exit_code == 0
