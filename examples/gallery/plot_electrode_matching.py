"""
Any montage: how channels find their electrodes
===============================================

The networks know 128 places of the head, and each channel of yours is mapped to them: by its name,
in whatever spelling, by its cap, or by its coordinates. These pictures show the result, before any
network is run.
"""

# %%
# Names
# -----
# Old names (T3), decorated ones and those of electrodes that the table lacks are understood. What
# has no place on the head gets the mean position, with a warning, and is listed below.

from itertools import pairwise

import mne
import numpy as np

from sk_brainrvq import BrainRVQEmbedder, Reading
from sk_brainrvq.viz import plot_electrodes

names = ["EEG Fp1-REF", "EEG Fp2-REF", "F7", "Fz", "F8", "T3", "C3..", "Cz", "C4..", "T4", "AFF5h"]
plot_electrodes([*names, "O1", "O2", "EMG chin"])

# %%
# Bipolar pairs
# -------------
# A pair is the mean of both electrodes: the longitudinal montage of clinical recordings.

chains = ["Fp1 F7 T7 P7 O1", "Fp1 F3 C3 P3 O1", "Fz Cz Pz"]
chains += ["Fp2 F4 C4 P4 O2", "Fp2 F8 T8 P8 O2"]
pairs = [f"{a}-{b}" for chain in map(str.split, chains) for a, b in pairwise(chain)]
plot_electrodes(pairs)

# %%
# Coordinates
# -----------
# Numbers say nothing, but a montage does: electrodes with coordinates are placed between their
# nearest neighbours in the table. Here a net of 32 whose channels carry names of their own.

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
# has the last word. The same as a table: ``estimator.electrode_report_``.

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
