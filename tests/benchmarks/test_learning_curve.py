"""The command ``learning_curve.py``: scores by number of training subjects."""

import numpy as np
import pytest
from benchmark_commands import main_of


def test_learning_curve__simulated__a_column_a_size(tmp_path, capsys):
    arguments = ["--dataset", "simulated", "--subjects-per-fold", "2", "--sizes", "1,2"]
    arguments += ["--systems", "bands7,tangent", "--seeds", "1", "--results", str(tmp_path)]
    assert main_of("learning_curve")(arguments) == 0
    printed = capsys.readouterr().out
    assert "training subjects: | 1 | 2 | 4 |" in printed
    bands, tangent, ahead = (
        [float(cell.split()[0]) for cell in line.strip("| ").split(" | ")[1:]]
        for line in printed.splitlines()
        if line.startswith(("| 7-band", "| tangent"))
    )
    assert "| AUROC, pooled ahead of: 7-band log power, LR | 1 | 2 | 4 |" in printed
    assert ahead == pytest.approx(np.subtract(tangent, bands), abs=0.00151)
    assert (tmp_path / "simulated/learning_curve.png").exists()
    lines = (tmp_path / "simulated/learning_curve.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 3 * 3


def test_learning_curve__trained_in_bfloat16__the_note_names_the_system(tmp_path, capsys):
    arguments = ["--dataset", "simulated", "--subjects-per-fold", "2", "--sizes", "1", "--quick"]
    arguments += ["--systems", "bands7,eegnet", "--results", str(tmp_path)]
    arguments += ["--precision", "bfloat16"]
    assert main_of("learning_curve")(arguments) == 0
    assert "mixed precision: EEGNet (bfloat16).\n" in capsys.readouterr().out
