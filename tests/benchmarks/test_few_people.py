"""``few_people.py``: sets of six people, leave one out."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table.features import log_band_power
from table.system import Settings
from table.tasks import as_task

from sk_brainrvq.datasets import make_eeg


@pytest.fixture(scope="module")
def command():
    """The module of the command."""
    path = Path(__file__).parents[2] / "benchmarks" / "few_people.py"
    spec = importlib.util.spec_from_file_location("few_people", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_leave_one_out__people_of_a_set__as_scikit_learn_has_it_of_their_windows_alone(command):
    windows = make_eeg(9, 8, duration=1, effect=0.6, ch_names=["Fz", "O1", "O2"], random_state=0)
    task, people = as_task("eegmat", windows), (0, 2, 3, 5, 7, 8)
    X = log_band_power(task.X, 7)
    got = command.leave_one_out("bands7", 0, task, people, {"bands7": X}, Settings())
    rows = np.isin(task.subjects, people)
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=5000)
    )
    score = cross_val_predict(
        model,
        X[rows],
        task.y[rows],
        groups=task.subjects[rows],
        cv=LeaveOneGroupOut(),
        method="predict_proba",
    )[:, 1]
    y, subjects = task.y[rows], task.subjects[rows]
    own = [roc_auc_score(y[subjects == p], score[subjects == p]) for p in people]
    assert got["auroc_per_person"] == pytest.approx(np.mean(own))
    assert got["balanced_accuracy_pooled"] == pytest.approx(balanced_accuracy_score(y, score > 0.5))


def test_table__two_systems__leads_of_the_same_sets(command):
    first = np.array([[0.6, 0.5], [0.8, 0.7]])
    printed = command.table({"bands7": first, "bins": first + 0.1}, 2, "bands7")
    row = next(line for line in printed.splitlines() if line.startswith("| log power"))
    assert "| .800 [.705, .895] | .700 [.605, .795] | +.100 [+.100, +.100] |" in row


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "ssvep"], "expected eegmat or guinea-bissau"),
        (["--systems", "eegnet"], "not fitted in seconds"),
    ],
)
def test_command__mistakes__one_line(command, arguments, message, capsys):
    assert command.main(arguments) == 2
    assert message in capsys.readouterr().err
