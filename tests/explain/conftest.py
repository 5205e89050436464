"""Simulated EEG whose truth is known, and models that have learnt it."""

import pytest
from explained_eeg import eeg_of, network_for, pipeline_for


@pytest.fixture(scope="session")
def eeg():
    return eeg_of()


@pytest.fixture(scope="session")
def pipeline(eeg):
    return pipeline_for(eeg)


@pytest.fixture(scope="session")
def network(eeg):
    return network_for(eeg)
