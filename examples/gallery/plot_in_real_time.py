"""
In real time: decisions while EEG comes in
==========================================

A model that was fitted on recordings classifies the EEG of a person it has never seen, once per
second, from chunks as an amplifier delivers them. Filters only use the past; a minute of
calibration centres the person.
"""

# %%
# A model
# -------
# Eight simulated people, each with a minute at rest and a minute of a task. Any fitted pipeline
# that starts with an embedder works, and so does a fitted ``BrainRVQClassifier``.

import time

import matplotlib.pyplot as plt
import mne
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import BrainRVQEmbedder, StreamingEmbedder
from sk_brainrvq.datasets import make_eeg

WINDOW = 4


def recording(seed, seconds):
    """Simulate a recording, half at rest and half during the task, at 250 Hz in microvolts."""
    return make_eeg(n_subjects=1, n_windows=2, duration=seconds / 2, sfreq=250, random_state=seed)


people = []
for number in range(8):
    eeg = recording(number, 120)
    info = mne.create_info(eeg.ch_names, eeg.sfreq, "eeg")
    info["subject_info"] = {"his_id": f"person {number}"}
    people.append(mne.io.RawArray(np.hstack(list(eeg.X)) * 1e-6, info, verbose="error"))

model = make_pipeline(
    BrainRVQEmbedder(window=WINDOW, center_by="subject"),
    StandardScaler(),
    LogisticRegression(C=0.01),
)
windows_each = 120 // WINDOW
model.fit(people, np.tile(np.arange(windows_each) >= windows_each // 2, len(people)))

# %%
# A stream
# --------
# A stream has its own sampling rate, channels and unit. Its filters are causal, with the pass band
# of the model. ``delay`` is the delay of the filters and of the resampler to 200 Hz, and
# ``settling`` is how long their transient lasts.

stream = StreamingEmbedder(model, sfreq=250, ch_names=eeg.ch_names, window=WINDOW, step=1)
print(stream)
print(f"delay at 10 Hz: {1000 * stream.delay:.0f} ms; settled after {stream.settling:.1f} s")

# %%
# Calibrate for this person
# -------------------------
# A model that centres people must know the centre of this person: calibrate it with EEG of both
# states, without labels.

new = np.hstack(list(recording(100, 240).X))
rest, task = np.split(new, 2, axis=1)
stream.calibrate(np.hstack([rest[:, :8000], task[:, :8000]]))

# %%
# Chunks in, decisions out
# ------------------------
# An amplifier delivers chunks of any length. Here a generator simulates one: 20 s of rest, 20 s of
# task, and so on, in chunks of 20 ms. Most calls return nothing; one per second returns a result.

parts = [part[:, 10000 + 5000 * i :][:, :5000] for i in range(3) for part in (rest, task)]


def amplifier():
    """Yield chunks of 20 ms."""
    signals = np.hstack(parts)
    for start in range(0, signals.shape[1], 5):
        yield signals[:, start : start + 5]


results, seconds = [], []
for chunk in amplifier():
    begin = time.perf_counter()
    new_results = stream.push(chunk)
    if new_results:
        seconds.append(time.perf_counter() - begin)
        results += new_results

ends = np.array([result.end for result in results])
p_task = np.array([result.values[1] for result in results])
settled = np.array([result.settled for result in results])
print(f"{len(results)} results of {results[0].values.shape[0]} probabilities, {stream.classes}")
print(f"from chunk to result: median {1000 * np.median(seconds):.0f} ms")

# %%
# The task periods are grey. A window reaches four seconds back, so decisions follow a change with
# this delay.

_, ax = plt.subplots(figsize=(5.8, 3.9), layout="constrained")
for first in range(20, 120, 40):
    ax.axvspan(first, first + 20, color="0.9", linewidth=0)
    ax.text(first + 10, 1.02, "task", ha="center", color="0.3")
ax.plot(ends, p_task, color="#0072B2")
ax.plot(ends[~settled], p_task[~settled], "o", color="#D55E00", label="filters not settled")
ax.axhline(0.5, color="0.5", linewidth=0.8, linestyle="--")
ax.set(xlabel="Time (s)", ylabel="Probability of task", ylim=(0, 1), xlim=(0, 120))
ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.15))
ax.spines[["top", "right"]].set_visible(False)

# %%
# The same, offline
# -----------------
# :meth:`~sk_brainrvq.StreamingEmbedder.offline` applies the same filters to a whole recording. The
# results are those of the stream, whatever the chunks.

offline = np.array([result.values[1] for result in stream.offline(np.hstack(parts))])
print(f"largest difference: {np.abs(offline - p_task).max():.1e}")

# %%
# From an amplifier
# -----------------
# With `mne-lsl <https://mne.tools/mne-lsl>`_ (the extra ``stream``) the chunks can come from any
# device that supports the Lab Streaming Layer; its player replays a file like such a device:
#
# .. code-block:: python
#
#    from mne_lsl.player import PlayerLSL
#    from mne_lsl.stream import StreamLSL
#
#    player = PlayerLSL("recording_raw.fif", chunk_size=25, name="player").start()
#    source = StreamLSL(bufsize=2, name="player").connect(processing_flags="all")
#    source.pick("eeg")
#    stream = StreamingEmbedder(model, source.info["sfreq"], source.ch_names, unit="V", window=4)
#    while True:
#        n_new = source.n_new_samples
#        if n_new:
#            chunk, timestamps = source.get_data(n_new / source.info["sfreq"])
#            for result in stream.push(chunk, timestamps):
#                print(result.end, result.values)
#
# Timestamps let the stream detect gaps, and results have the time of the amplifier's clock.
