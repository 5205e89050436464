"""Files that MOABB's benchmark() takes, and the benchmark on EEGMAT."""

import shutil

import matplotlib as mpl
import mne
import numpy as np
import pandas as pd
import pytest
import yaml
from benchmark_commands import BENCHMARKS, module_of
from moabb import benchmark
from moabb.datasets.fake import FakeDataset
from moabb.evaluations import CrossSubjectEvaluation
from moabb.paradigms import LeftRightImagery
from moabb.pipelines.utils import parse_pipelines_from_directory
from sklearn.metrics import average_precision_score, roc_auc_score

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import load_eegmat
from sk_brainrvq.exceptions import InvalidEEGError

FILES = sorted(
    path.name for path in (BENCHMARKS / "pipelines").iterdir() if path.suffix in (".py", ".yml")
)
FILES_OF_OURS = [
    name for name in FILES if "from: sk_brainrvq" in (BENCHMARKS / "pipelines" / name).read_text()
]
CONTEXTS = BENCHMARKS / "moabb_contexts.yml"


def fake(paradigm, channels=("C3", "Cz", "C4"), **settings):
    events = {"imagery": ["left_hand", "right_hand"], "rstate": ["closed", "open"]}[paradigm]
    return FakeDataset(
        events,
        n_sessions=1,
        n_runs=1,
        n_subjects=2,
        duration=60,
        n_events=12,
        paradigm=paradigm,
        channels=list(channels),
        seed=0,
        **settings,
    )


@pytest.fixture
def run_benchmark(moabb_folder):
    """Runs MOABB's benchmark() on two subjects of noise."""

    # MOABB leaves locks beside the files it reads.
    contexts = shutil.copy(CONTEXTS, moabb_folder)

    def run(pipelines, paradigm, **settings):
        with mne.utils.use_log_level("warning"):
            return benchmark(
                pipelines=str(pipelines),
                evaluations=["CrossSubject"],
                contexts=str(contexts),
                paradigms=[paradigm],
                results=str(moabb_folder / "results"),
                output=str(moabb_folder / "benchmark"),
                n_jobs=1,
                **settings,
            )

    return run


def small(content):
    """A pipeline file with a small random network, trained for one epoch if at all."""
    content = content.replace("weights: default", "weights: null\n      architecture: tiny")
    content = content.replace("max_epochs: 5", "max_epochs: 1")
    if "DDRVQTransformer" in content:
        content = content.replace("tiny", "tiny\n      max_epochs: 1").split("param_grid")[0]
    return content


# All files of ours run in a smaller form below.
@pytest.mark.parametrize(
    "name", [name for name in FILES if name.endswith(".py")] + ["brainrvq_embedding.yml"]
)
def test_pipeline_file__through_benchmark__a_score_for_each_subject(name, run_benchmark, tmp_path):
    folder = tmp_path / "pipelines"
    folder.mkdir()
    shutil.copy(BENCHMARKS / "pipelines" / name, folder)
    results = run_benchmark(folder, "LeftRightImagery", include_datasets=[fake("imagery")])
    assert sorted(results.subject) == ["1", "2"]
    assert results.score.between(0, 1).all()
    assert results.channels.unique().tolist() == [3]
    assert results.samples.tolist() == [12, 12]


def test_pipeline_folder__whole_and_smaller__one_name_each(run_benchmark, tmp_path):
    folder = tmp_path / "pipelines"
    folder.mkdir()
    for file in (BENCHMARKS / "pipelines").glob("*.yml"):
        (folder / file.name).write_text(small(file.read_text()))
    results = run_benchmark(folder, "RestingStateToP300Adapter", include_datasets=[fake("rstate")])
    names = {yaml.safe_load(file.read_text())["name"] for file in folder.glob("*.yml")}
    assert set(results.pipeline) == names
    assert len(names) == 5


def test_pipelines__each__have_a_grid_of_parameters_they_know():
    entries = parse_pipelines_from_directory(str(BENCHMARKS / "pipelines"))
    contexts = yaml.safe_load(CONTEXTS.read_text())
    assert len(entries) == len(FILES)
    for entry in entries:
        assert entry["param_grid"].keys() <= entry["pipeline"].get_params().keys()
        assert set(entry["paradigms"]) == contexts.keys()
        for name, value in entry["pipeline"].get_params().items():
            if name.endswith("__ch_names") and value is not None:
                assert all(value == context["channels"] for context in contexts.values())
            if name.endswith("__sfreq") and value is not None:
                assert all(value == context["resample"] for context in contexts.values())


@pytest.fixture
def evaluate(moabb_folder, tmp_path):
    """Scores a pipeline file with a small random network on two subjects of noise."""

    def run(file, paradigm, dataset, **settings):
        path = tmp_path / file
        path.write_text(small((BENCHMARKS / "pipelines" / file).read_text()))
        (entry,) = parse_pipelines_from_directory(str(path))
        seeds = [k for k in entry["pipeline"].get_params() if k.startswith("b") and "__rand" in k]
        pipeline = entry["pipeline"].set_params(**dict.fromkeys(seeds, 0))
        evaluation = CrossSubjectEvaluation(
            paradigm, [dataset], hdf5_path=str(moabb_folder), suffix=str(settings), **settings
        )
        return evaluation.process({entry["name"]: pipeline})

    return run


def test_pipeline_file__epochs_and_arrays__score_alike(evaluate):
    paradigm = LeftRightImagery(**yaml.safe_load(CONTEXTS.read_text())["LeftRightImagery"])
    arrays, epochs = (
        evaluate("brainrvq_embedding.yml", paradigm, fake("imagery"), return_epochs=given).score
        for given in (False, True)
    )
    np.testing.assert_allclose(arrays, epochs, atol=0.03)


def test_pipeline_files__other_channels_and_rate__epochs_serve_and_arrays_are_refused(evaluate):
    other = fake("imagery", channels=["F3", "Fz", "F4", "Pz"], sfreq=128)
    for file in FILES_OF_OURS:
        results = evaluate(file, LeftRightImagery(), other, return_epochs=True)
        assert results.score.between(0, 1).all()
        assert results.channels.tolist() == [4, 4]
        with pytest.raises(InvalidEEGError, match=r"3 names \('C3', 'Cz', 'C4'\) for 4 channels"):
            evaluate(file, LeftRightImagery(), other)


@pytest.fixture(scope="module")
def command():
    """The module of the benchmark."""
    return module_of("moabb_eegmat")


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """Folder of what ``three_subjects`` ran once: leave it as it is."""
    return tmp_path_factory.mktemp("first") / "run"


@pytest.fixture
def three_subjects(command, eegmat_folder, moabb_folder, tmp_path, capsys, first_run):
    """Results, printed text and folder of the command with a small random encoder."""
    folder = moabb_folder / "results"
    if not first_run.exists():
        encoder = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=0, sfreq=200)
        windows = load_eegmat(eegmat_folder, [27])
        weights = encoder.fit(windows.X[:1]).weights_.save(tmp_path / "encoder")
        with mpl.rc_context():
            options = ["--subjects", "3,4,27", "--weights", str(weights.parent)]
            command.main(["--data", str(eegmat_folder), "--results", str(folder), *options])
        (folder / "printed.txt").write_text(capsys.readouterr().out)
        shutil.copytree(folder, first_run)
    else:
        shutil.copytree(first_run, folder)
    return pd.read_csv(folder / "results.csv"), (folder / "printed.txt").read_text(), folder


def test_eegmat_command__three_subjects__scores_as_scikit_learn_has_them(
    command, three_subjects, eegmat_folder
):
    results, printed, folder = three_subjects
    assert results.groupby("pipeline").size().to_dict() == dict.fromkeys(command.PIPELINES, 3)
    windows = load_eegmat(eegmat_folder, [3, 4, 27])
    pipeline = command.read_pipelines(["Band power + LR"])["Band power + LR"]
    for subject in (3, 27):
        held_out = windows.subjects == subject
        pipeline.fit(windows.X[~held_out], windows.y[~held_out])
        chosen = (results.pipeline == "Band power + LR") & (results.subject == subject)
        truth, score = windows.y[held_out], pipeline.decision_function(windows.X[held_out])
        row = results[chosen].iloc[0]
        assert row.score_roc_auc == pytest.approx(roc_auc_score(truth, score), abs=1e-3)
        assert row.score_average_precision == pytest.approx(
            average_precision_score(truth, score), abs=1e-3
        )
    assert "| BrainRVQ + LR | " in printed
    of_a_pair = {"-".join(path.stem.split("-")[1:]) for path in folder.glob("*-*.png")}
    assert of_a_pair == {
        "tangent-space-lr",
        "spectra-and-covariance-lr",
        "covariance-and-band-power-lr",
        "brainrvq-lr",
    }
    assert len([*folder.glob("*.png")]) == 1 + 2 * len(of_a_pair)


def test_eegmat_command__other_weights_or_subjects__nothing_of_the_results_kept(
    command, three_subjects, eegmat_folder, tmp_path
):
    before, _, folder = three_subjects
    encoder = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=1, sfreq=200)
    windows = load_eegmat(eegmat_folder, [27])
    weights = encoder.fit(windows.X[:1]).weights_.save(tmp_path / "other")
    common = ["--data", str(eegmat_folder), "--results", str(folder), "--weights"]
    with mpl.rc_context():
        command.main([*common, str(weights.parent), "--subjects", "3,4,27"])
    after = pd.read_csv(folder / "results.csv")
    merged = before.merge(after, on=["pipeline", "subject"])
    same = merged.score_roc_auc_x == merged.score_roc_auc_y
    assert same[merged.pipeline != "BrainRVQ + LR"].all()
    assert not same[merged.pipeline == "BrainRVQ + LR"].all()
    with mpl.rc_context():
        command.main([*common, str(weights.parent), "--subjects", "3,27"])
    fewer = pd.read_csv(folder / "results.csv")
    merged = after.merge(fewer, on=["pipeline", "subject"])
    assert len(merged) == 2 * len(command.PIPELINES)
    assert (merged.samples_x > merged.samples_y).all()


def test_eegmat_command__folds_of_subjects__a_row_each(command, eegmat_folder, moabb_folder):
    options = ["--data", str(eegmat_folder), "--results", str(moabb_folder), "--folds", "2"]
    options += ["--subjects", "3,4,10,27", "--pipelines", "Band power + LR"]
    with mpl.rc_context():
        command.main(options)
    results = pd.read_csv(moabb_folder / "results.csv")
    assert results.samples_test.sum() == len(load_eegmat(eegmat_folder, [3, 4, 10, 27]).y)


def test_eegmat_command__unknown_pipeline__names_those_there_are(command):
    with pytest.raises(ValueError, match=r"No pipelines \['LDA'\].*'Band power \+ LR'"):
        command.read_pipelines(["LDA"])


def test_eegmat_command__subjects__ranges_and_numbers(command):
    assert command.numbers("3,5,8-10") == [3, 5, 8, 9, 10]
