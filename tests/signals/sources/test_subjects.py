"""Whom MNE's objects are of."""

import mne
import numpy as np
import pandas as pd
import pytest
from tiny import CH_NAMES

from sk_brainrvq.signals.sources.subjects import subject_of_raw, subjects_of_epochs

INFO = mne.create_info(CH_NAMES, 100, "eeg")


def epochs_of(person, **metadata):
    table = pd.DataFrame(metadata, index=range(3)) if metadata else None
    epochs = mne.EpochsArray(np.zeros((3, len(CH_NAMES), 50)), INFO, metadata=table, verbose=False)
    epochs.info["subject_info"] = {"his_id": person}
    return epochs


@pytest.mark.parametrize("column", ["Subject", "SUBJECT_ID", "Participant ID", "participant-id"])
def test_epochs__column_in_another_spelling__goes_before_the_header(column):
    assert subjects_of_epochs(epochs_of("eve", **{column: "ada"})).tolist() == ["ada"] * 3


def test_joined_epochs__header_of_the_first__nobody():
    joined = mne.concatenate_epochs([epochs_of("ada"), epochs_of("bob")], verbose=False)
    assert joined.info["subject_info"]["his_id"] == "ada"
    assert subjects_of_epochs(joined).tolist() == [None] * 6


def test_joined_recordings__files_of_one_person_or_of_two__that_person_or_nobody(tmp_path):
    raws = {}
    for name in (
        "sub-01_task-rest_eeg.fif",
        "sub-01_task-talk_eeg.fif",
        "sub-02_task-rest_eeg.fif",
    ):
        signals = np.zeros((len(CH_NAMES), 100))
        mne.io.RawArray(signals, INFO, verbose=False).save(tmp_path / name, verbose="error")
        raws[name] = mne.io.read_raw_fif(tmp_path / name, verbose="error")
    first, second, other = raws.values()
    assert subject_of_raw(mne.concatenate_raws([first.copy(), second], verbose=False)) == "01"
    assert subject_of_raw(mne.concatenate_raws([first.copy(), other], verbose=False)) is None
