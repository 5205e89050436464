"""The picture of the landing page: EEG, what its codes bring back, and the codes themselves."""

import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt

from sk_brainrvq import DDRVQTransformer
from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.viz import plot_codes

warnings.simplefilter("ignore")
# The plot directive runs this in its own folder.
shared = Path(os.environ.get("SK_BRAINRVQ_SHARED", "../../../shared"))
try:
    eeg = load_eegmat(shared / "data" / "eegmat", [27])
except FileNotFoundError:
    eeg = make_eeg(n_subjects=1, n_windows=12, random_state=0)

tokenizer = DDRVQTransformer(weights="tokenizer-2026.11", sfreq=eeg.sfreq, ch_names=eeg.ch_names)
tokenizer.fit(eeg.X[:1])
# An average window: the one in the middle by explained variance.
explained = [tokenizer.score(eeg.X[number : number + 1]) for number in range(len(eeg.X))]
middle = sorted(range(len(explained)), key=explained.__getitem__)[len(explained) // 2]
signals = eeg.X[middle : middle + 1]
codes = tokenizer.transform(signals)
decoded = tokenizer.reconstruct(signals)[0]

figure = plt.figure(figsize=(11, 4.4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(5, 6))

ax = left.subplots()
shown = [name for name in ("Fp1", "F7", "F3", "C3", "Pz", "P3", "O1", "O2") if name in eeg.ch_names]
step = 70.0
times = [sample / eeg.sfreq for sample in range(signals.shape[-1])]
for row, name in enumerate(shown):
    channel = eeg.ch_names.index(name)
    raw = signals[0, channel] - signals[0, channel].mean()
    back = decoded[channel] - decoded[channel].mean()
    labels = ("recorded", "decoded from codes") if row == 0 else (None, None)
    ax.plot(times, raw - row * step, color="0.55", linewidth=0.9, label=labels[0])
    ax.plot(times, back - row * step, color="#0072B2", linewidth=1.1, label=labels[1])
ax.set_yticks([-row * step for row in range(len(shown))], shown)
ax.set_xlabel("Time (s)")
ax.set_xlim(0, times[-1])
ax.spines[["top", "right", "left"]].set_visible(False)
ax.tick_params(axis="y", length=0)
for second in range(1, round(times[-1])):
    ax.axvline(second, color="0.85", linewidth=0.8, zorder=0)
ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=9)

axes = right.subplots(2, codes.shape[-1], sharex=True, sharey=True)
rows = [eeg.ch_names.index(name) for name in shown]
plot_codes(codes[:, rows], tokenizer, ch_names=shown, ax=axes.ravel())
for axis in axes.ravel():
    axis.label_outer()
    axis.tick_params(labelsize=9)
