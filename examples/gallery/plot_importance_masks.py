"""
What pretraining hides
======================

Pretraining hides about half of the seconds of an epoch and predicts their codes. The choice is only
partly random: seconds with strong rhythms between 4 and 30 Hz, without drifts and muscle activity,
and with a complex shape score high and are hidden more often, increasingly so during pretraining.
"""

# %%
# Scores and a mask
# -----------------
# An epoch of EEGMAT if its files are available, otherwise a simulated one. Bright seconds are
# important, hatched ones are hidden.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.nn import curriculum_weight, importance_guided_mask, importance_scores
from sk_brainrvq.viz import plot_importance

shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", [2])
except FileNotFoundError:
    eeg = make_eeg(n_subjects=1, n_windows=40, random_state=1)
about = {"sfreq": eeg.sfreq, "ch_names": eeg.ch_names}

plot_importance(eeg.X, epoch=0, **about)

# %%
# The curriculum
# --------------
# The weight of importance relative to chance is 0.2 in the first epoch of pretraining and 0.7
# towards the end. Here is the same epoch of EEG with both weights and the same random numbers:

_, axes = plt.subplots(1, 2, figsize=(10, 6), sharey=True, layout="constrained")
for ax, epoch in zip(axes, (0, 20), strict=True):
    weight = curriculum_weight(epoch, 20)
    plot_importance(eeg.X, epoch=0, info_weight=weight, ax=ax, **about)
    ax.set_title(f"Weight of importance {weight:.1f}", loc="left", fontsize=10)

# %%
# How much more often?
# --------------------
# The share of seconds that are hidden, over many masks, by their importance. The networks take
# patches of 200 samples in units of 100 microvolts.

patches = torch.from_numpy(eeg.X[..., :1000].reshape(*eeg.X.shape[:2], 5, 200) / 100).float()
scores = importance_scores(patches).numpy()
edges = np.quantile(scores, np.linspace(0, 1, 11))
decile = np.clip(np.digitize(scores, edges) - 1, 0, 9)
generator = torch.Generator().manual_seed(0)

# sphinx_gallery_thumbnail_number = 3
_, ax = plt.subplots(figsize=(5.6, 3.9), layout="constrained")
looks = (("#0072B2", "o", "-"), ("#E69F00", "s", "--"), ("#009E73", "^", "-."))
for weight, (colour, marker, dashes) in zip((0.2, 0.45, 0.7), looks, strict=True):
    hidden = np.mean(
        [importance_guided_mask(patches, weight, generator=generator).numpy() for _ in range(20)],
        axis=0,
    )
    share = [100 * hidden[decile == number].mean() for number in range(10)]
    look = {"color": colour, "marker": marker, "linestyle": dashes}
    ax.plot(range(1, 11), share, label=f"weight of importance {weight}", **look)
ax.set_xlabel("Importance (decile)")
ax.set_ylabel("Hidden (%)")
ax.set_xticks(range(1, 11))
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
