"""
Any montage: how channels find their electrodes
===============================================

The networks know 128 positions on the head, and each of your channels is mapped to them by its name
in any common spelling, by its cap, or by its coordinates. These figures show the result before any
network is run.
"""

# %%
# Names
# -----
# Old names (T3), names with prefixes and suffixes, and electrodes that the table lacks are
# understood. Channels without a position on the head get the mean position, with a warning, and are
# listed below.

from itertools import pairwise

import matplotlib.pyplot as plt
import mne
import numpy as np

from sk_brainrvq import BrainRVQEmbedder, Reading
from sk_brainrvq.viz import plot_electrodes

names = ["EEG Fp1-REF", "EEG Fp2-REF", "F7", "Fz", "F8", "T3", "C3..", "Cz", "C4..", "T4", "AFF5h"]
_, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
plot_electrodes([*names, "O1", "O2", "EMG chin"], ax=ax)

# %%
# Bipolar pairs
# -------------
# A pair is mapped to the mean of both electrodes. This is the longitudinal montage of clinical EEG.

chains = ["Fp1 F7 T7 P7 O1", "Fp1 F3 C3 P3 O1", "Fz Cz Pz"]
chains += ["Fp2 F4 C4 P4 O2", "Fp2 F8 T8 P8 O2"]
pairs = [f"{a}-{b}" for chain in map(str.split, chains) for a, b in pairwise(chain)]
plot_electrodes(pairs)

# %%
# Coordinates
# -----------
# If names are only numbers, a montage helps: electrodes with coordinates are placed between their
# nearest neighbours in the table. Here is a net of 32 electrodes with unknown names.

montage = mne.channels.make_standard_montage("GSN-HydroCel-32")
electrodes = [name for name in montage.ch_names if name != "Cz"]
places = montage.get_positions()["ch_pos"]
info = mne.create_info([f"site {i}" for i in range(len(electrodes))], 200, "eeg")
info.set_montage(
    mne.channels.make_dig_montage(
        {new: places[old] for new, old in zip(info.ch_names, electrodes, strict=True)},
        **{key: montage.get_positions()[key] for key in ("nasion", "lpa", "rpa")},
    )
)
plot_electrodes(info)

# %%
# A fitted estimator
# ------------------
# An estimator remembers how the channels of ``fit`` were mapped; ``electrode_map`` of ``Reading``
# takes precedence. ``estimator.electrode_report_`` has the same information as a table.

embedder = BrainRVQEmbedder(
    weights=None,
    architecture="tiny",
    sfreq=200,
    ch_names=["left", "right", "Pz", "Oz"],
    reading=Reading(electrode_map={"left": "C3", "right": {"C4": 0.7, "CP4": 0.3}}),
    random_state=0,
)
embedder.fit(np.random.default_rng(0).normal(scale=20, size=(2, 4, 400)))
print(embedder.electrode_report_)
plot_electrodes(embedder)
