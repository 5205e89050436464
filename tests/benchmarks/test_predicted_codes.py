"""The command ``predicted_codes.py``: bits and accuracy against counts by hand."""

import json

import numpy as np
import pytest
import torch
from benchmark_commands import BENCHMARKS, module_of
from tiny import CH_NAMES, fitted, make_eeg

from sk_brainrvq.nn import importance_guided_mask
from sk_brainrvq.signals import match_electrodes
from sk_brainrvq.signals.electrodes import electrode_rows

MODULE = module_of("predicted_codes")


def test_guesses__frequencies_of_other_people__bits_and_share_by_hand():
    known = np.array([0, 0, 0, 0, 0, 1, 1]).reshape(-1, 1, 1)
    codes = np.array([0, 0, 1, 2]).reshape(-1, 1, 1)
    bits, accuracy = MODULE.guesses(known, codes, 3)
    # Each code is counted once more: shares 6, 3 and 1 of 10.
    assert bits[0, 0] == pytest.approx(-np.log2([0.6, 0.6, 0.3, 0.1]).mean())
    assert accuracy[0, 0] == 0.5


def test_predictions__of_a_network__its_own_accuracy_and_loss():
    pretrainer, X = fitted("pretrainer"), make_eeg(4).astype(np.float32)
    tokenizer = fitted("tokenizer")
    codes = tokenizer.transform(X)
    bits, accuracy = MODULE.predictions(pretrainer.weights_, X, codes, CH_NAMES)
    module = pretrainer.weights_.module()
    x = torch.from_numpy(X / 100).unflatten(-1, (-1, 200))
    mask = importance_guided_mask(x, 0.45, generator=torch.Generator().manual_seed(0))
    rows = torch.from_numpy(electrode_rows(match_electrodes(CH_NAMES, len(CH_NAMES))))
    truth = torch.from_numpy(codes).long()
    output = module(x, rows, mask, truth)
    np.testing.assert_allclose(accuracy, output.accuracy.numpy(), atol=1e-6)
    log_p = torch.cat([output.masked_logits[1][2], output.visible_logits[1][2]]).log_softmax(-1)
    expected = -log_p.gather(1, torch.cat([truth[mask], truth[~mask]])[:, 1, 2:]).mean()
    assert bits[1, 2] == pytest.approx(expected.item() / np.log(2), rel=1e-5)


def test_command__a_few_windows__one_line_per_domain_and_level(tmp_path, capsys, eegmat_folder):
    for name in ("Subject03_1.edf", "Subject03_2.edf"):
        (tmp_path / name).symlink_to((eegmat_folder / name).resolve())
    kept = tmp_path / "codes.json"
    given = ["--data", str(tmp_path), "--windows", "8", "--json", str(kept)]
    assert MODULE.main(given) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 2 + 6
    records = json.loads(kept.read_text())
    assert [(each["domain"], each["level"]) for each in records] == [
        (domain, level) for domain in ("waveform", "spectrum") for level in (1, 2, 3)
    ]
    first = records[0]
    assert first["split"] == "develop"
    assert first["bits"] < first["bits_of_frequencies"]


def test_command__a_folder_without_eegmat__one_line(tmp_path, capsys):
    assert MODULE.main(["--data", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("split", ["develop", "once"])
def test_page__tables__those_of_the_kept_figures(split):
    kept = json.loads((BENCHMARKS / "results" / "encoders" / "codes.json").read_text())
    page = (BENCHMARKS / "details" / "pretraining.md").read_text()
    assert MODULE.table([each for each in kept if each["split"] == split]) in page
