"""``few_people.py``: sets of six people, leave one out."""

import numpy as np
import pytest
from benchmark_commands import module_of
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table.features import log_band_power
from table.running import plan
from table.store import Store
from table.system import Settings
from table.tasks import as_task

from sk_brainrvq.datasets import make_eeg


@pytest.fixture(scope="module")
def command():
    """The module of the command."""
    return module_of("few_people")


@pytest.fixture(scope="module")
def task():
    """Nine simulated people under EEGMAT's numbers."""
    windows = make_eeg(9, 8, duration=1, effect=0.6, ch_names=["Fz", "O1", "O2"], random_state=0)
    return as_task("eegmat", windows)


def by_scikit_learn(task, people):
    """Mean AUROC of six people and their balanced accuracy, leave one out."""
    X, rows = log_band_power(task.X, 7), np.isin(task.subjects, people)
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=5000)
    )
    y, subjects = task.y[rows], task.subjects[rows]
    score = cross_val_predict(
        model, X[rows], y, groups=subjects, cv=LeaveOneGroupOut(), method="predict_proba"
    )[:, 1]
    own = [roc_auc_score(y[subjects == p], score[subjects == p]) for p in people]
    return np.mean(own), balanced_accuracy_score(y, score > 0.5)


def test_run__sets_of_people__as_scikit_learn_has_it_of_their_windows_alone_and_kept(
    command, task, tmp_path, capsys
):
    sets = [(0, 2, 3, 5, 7, 8), (0, 1, 2, 3, 4, 6)]
    folds = command.sets_as_folds(task, sets, draw=3)
    jobs = plan(task, folds, ["bands7"], range(2), Settings(), tmp_path)
    for told in ("0 results are there, 2 to go", "2 results are there, 0 to go"):
        command.run(jobs, task, Settings(), tmp_path)
        assert told in capsys.readouterr().err
    found = command.figures_of(jobs)["bands7"]
    assert found == pytest.approx(np.array([by_scikit_learn(task, people) for people in sets]))
    assert [key.split("/")[:2] for key in Store(tmp_path, "eegmat")] == [
        ["few-people-3", "1"],
        ["few-people-3", "2"],
    ]


def test_table__two_systems__leads_of_the_same_sets(command):
    first = np.array([[0.6, 0.5], [0.8, 0.7]])
    printed = command.table({"bands7": first, "bins": first + 0.1}, 2, "bands7")
    row = next(line for line in printed.splitlines() if line.startswith("| log power"))
    assert "| .800 [.705, .895] | .700 [.605, .795] | +.100 [+.100, +.100] |" in row


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "ssvep"], "expected eegmat or guinea-bissau"),
        (["--systems", "eegnet"], "cannot be fitted in seconds"),
    ],
)
def test_command__mistakes__one_line(command, arguments, message, capsys):
    assert command.main(arguments) == 2
    assert message in capsys.readouterr().err
