"""
Your own recording: from an EDF file to pictures and features
=============================================================

From one EEG file, this page makes a check of its channels, figures of what the network computes for
every few seconds, and a table of features. Nothing is trained: the model that comes with the
package is used unchanged. Run the ten cells from top to bottom.
"""

# %%
# 1. Imports
# ----------

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import mne
import numpy as np

from sk_brainrvq import BrainRVQEmbedder, DDRVQTransformer, inspect_recording
from sk_brainrvq.datasets import make_eeg
from sk_brainrvq.viz import plot_electrodes, plot_embedding, plot_reconstruction

# %%
# 2. The file
# -----------
# Put the path of your own recording here, in any format that MNE reads: EDF, BDF, BrainVision,
# EEGLAB, FIF. Without one, this page reads a recording of EEGMAT if it is available, and otherwise
# writes a simulated one.

file = None  # such as "my_recording.edf"
window = 5  # seconds of one row of the table

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
eegmat = shared / "data" / "eegmat" / "Subject27_1.edf"
if file is None and eegmat.exists():
    file = eegmat
elif file is None:
    simulated = make_eeg(n_subjects=1, n_windows=36, random_state=0)
    raw = mne.io.RawArray(
        np.concatenate(list(simulated.X), axis=1) * 1e-6,  # MNE uses volts
        mne.create_info(simulated.ch_names, simulated.sfreq, "eeg"),
    )
    file = Path(tempfile.mkdtemp()) / "simulated_raw.fif"
    raw.save(file)

# %%
# 3. Is it read correctly?
# ------------------------
# Check this before anything else: which channels count as EEG, where each of them is, its amplitude
# (5 to 50 µV are usual), and what is left out.

embedder = BrainRVQEmbedder(window=window)
print(inspect_recording(file, embedder))

# %%
# 4. Where are the electrodes?
# ----------------------------
# Channels of unknown position are listed below the head. If one of yours is listed, rename it, set
# a montage, or pass ``reading=Reading(electrode_map=...)``.

plot_electrodes(mne.io.read_raw(file))

# %%
# 5. Features
# -----------
# Each row of the table is a window. Sampling rate, unit and names are those of the file; filters
# are those that the model was trained with.

features = embedder.fit_transform(file)
names = embedder.get_feature_names_out()
print(f"{features.shape[0]} windows, {features.shape[1]} features: {names[0]} ... {names[-1]}")

# %%
# 6. Rhythms over time
# --------------------
# Columns of the spectrum are the log amplitude from 1 to 45 Hz in eleven regions of the scalp. The
# first figure shows all frequencies at the back of the head, the second 10 Hz in all regions.

columns = {name: number for number, name in enumerate(names)}
regions = [name.removesuffix("_10Hz") for name in names if name.endswith("_10Hz")]
back = [columns[f"Oz_{frequency}Hz"] for frequency in range(1, 46)]
alpha = [columns[f"{region}_10Hz"] for region in regions]
end = window * len(features)


def draw(columns, bottom, top, title):
    """Draw columns of the table over time."""
    _, ax = plt.subplots(figsize=(5.4, 3.8), layout="constrained")
    look = {"origin": "lower", "aspect": "auto", "interpolation": "nearest"}
    image = ax.imshow(features[:, columns].T, extent=(0, end, bottom, top), **look)
    plt.colorbar(image, ax=ax, label="Log amplitude (arbitrary unit)")
    ax.set_xlabel("Time (s)")
    ax.set_title(title, loc="left")
    return ax


# sphinx_gallery_thumbnail_number = 2
draw(back, 0.5, 45.5, "Region around Oz").set_ylabel("Frequency (Hz)")
ax = draw(alpha[::-1], -0.5, len(alpha) - 0.5, "10 Hz in all regions")
ax.set_yticks(range(len(regions)), regions[::-1])

# %%
# 7. Each window as a point
# -------------------------
# All features together, projected to two dimensions and coloured by time. Look at outlying windows
# in the recording: they may show movement, a loose electrode, or drowsiness.

times = window * np.arange(len(features), dtype=float)
plot_embedding(features, times, label="time (s)")

# %%
# 8. Codes
# --------
# The tokenizer that comes with the package turns every second of every channel into a few codes.

tokenizer = DDRVQTransformer(weights="default", window=window).fit(file)
codes = tokenizer.transform(file)
print("windows, channels, seconds, domains, levels:", codes.shape)

# %%
# 9. What the codes keep
# ----------------------
# The decoded codes show what the model saw of your EEG, and what it missed.

plot_reconstruction(
    tokenizer, file, epoch=len(features) // 2, channel=len(tokenizer.ch_names_in_) - 1
)

# %%
# 10. Keep the table
# ------------------
# From here on it is a table like any other. With one label per window, you can pass it to any
# scikit-learn estimator: see :ref:`sphx_glr_gallery_plot_cross_validation.py`. For many files see
# :doc:`/real_data`.

table = Path(tempfile.mkdtemp()) / "features.npz"
np.savez(table, features=features, names=names, seconds=times)
print(f"{table.name}: {table.stat().st_size / 1000:.0f} kB")
