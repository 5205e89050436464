"""
Your own recording: from an EDF file to pictures and features
=============================================================

A file of EEG goes in, and out come: where its channels lie, what the network makes of every few
seconds, and a table of features to go on with. Nothing is trained here: the model that comes with
the package is used as it is.
"""

# %%
# The file
# --------
# Put the path of your own recording here, of any format that MNE reads: EDF, BDF, BrainVision,
# EEGLAB, FIF. This page takes a recording of EEGMAT where one is at hand, and writes a simulated
# one elsewhere.

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import mne
import numpy as np

from sk_brainrvq import BrainRVQEmbedder, DDRVQTransformer
from sk_brainrvq.datasets import make_eeg
from sk_brainrvq.viz import plot_electrodes, plot_embedding, plot_reconstruction

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
file = shared / "data" / "eegmat" / "Subject27_1.edf"
if not file.exists():
    simulated = make_eeg(n_subjects=1, n_windows=36, random_state=0)
    raw = mne.io.RawArray(
        np.concatenate(list(simulated.X), axis=1) * 1e-6,  # MNE is in volts
        mne.create_info(simulated.ch_names, simulated.sfreq, "eeg"),
    )
    file = Path(tempfile.mkdtemp()) / "simulated_raw.fif"
    raw.save(file)

raw = mne.io.read_raw(file)
print(f"{file.name}: {len(raw.ch_names)} channels, {raw.info['sfreq']:g} Hz, {raw.times[-1]:.0f} s")
print(", ".join(raw.ch_names))

# %%
# Are the electrodes understood?
# ------------------------------
# Look at this before anything else. Channels that are no EEG, such as an ECG, are left out; names
# of which nobody knows where they lie are listed below the head. If one of yours is: rename it, set
# a montage, or pass ``reading=Reading(electrode_map=...)``.

plot_electrodes(raw)

# %%
# Features
# --------
# One row of the table is five seconds of the recording. Rate, unit and names are the file's;
# filters are those the model was trained with.

embedder = BrainRVQEmbedder(window=5)
features = embedder.fit_transform(file)
names = embedder.get_feature_names_out()
print(f"{features.shape[0]} windows, {features.shape[1]} features: {names[0]} ... {names[-1]}")

# %%
# A look at the whole recording
# -----------------------------
# Columns have names. Those of the spectrum are the log amplitude from 1 to 45 Hz in each of eleven
# regions of the scalp, so that they can be drawn as they are: on the left over time, at the back of
# the head; on the right the rhythm at 10 Hz in all regions.

columns = {name: number for number, name in enumerate(names)}
regions = [name.removesuffix("_10Hz") for name in names if name.endswith("_10Hz")]
back = [columns[f"Oz_{frequency}Hz"] for frequency in range(1, 46)]
alpha = [columns[f"{region}_10Hz"] for region in regions]
end = 5 * len(features)

_, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for ax, rows, extent in (
    (axes[0], features[:, back], (0, end, 0.5, 45.5)),
    (axes[1], features[:, alpha], (0, end, len(alpha) - 0.5, -0.5)),
):
    origin = "lower" if ax is axes[0] else "upper"
    image = ax.imshow(rows.T, extent=extent, origin=origin, aspect="auto", interpolation="nearest")
    plt.colorbar(image, ax=ax, label="Log amplitude (arbitrary unit)")
    ax.set_xlabel("Time (s)")
axes[0].set_ylabel("Frequency (Hz)")
axes[0].set_title("Region around Oz", loc="left", fontsize=10)
axes[1].set_yticks(range(len(regions)), regions)
axes[1].set_title("10 Hz, all regions", loc="left", fontsize=10)

# %%
# Each window as a point
# ----------------------
# All features together, projected to two dimensions and coloured by time. What stands apart is
# worth a look in the recording: movement, a loose electrode, drowsiness.

times = 5.0 * np.arange(len(features))
plot_embedding(features, times, label="time (s)")

# %%
# What the codes keep
# -------------------
# The tokenizer that comes with the package turns every second of every channel into a few codes.
# Decoded again they show what the model saw of your EEG, and what it did not.

tokenizer = DDRVQTransformer(weights="default", window=5).fit(file)
channel = next((name for name in raw.ch_names if "O1" in name), 0)
plot_reconstruction(tokenizer, file, epoch=4, channel=channel)

# %%
# Keep the table
# --------------
# From here on it is a table like any other. With labels, one a window, it goes into any estimator
# of scikit-learn: see :ref:`sphx_glr_gallery_plot_cross_validation.py`.

table = Path(tempfile.mkdtemp()) / "features.npz"
np.savez(table, features=features, names=names, seconds=times)
print(f"{table.name}: {table.stat().st_size / 1000:.0f} kB")
