"""
What decided?
=============

Which seconds, channels and frequency bands influenced a decision? Simulated EEG shows whether the
answer is right: the task weakens a beta rhythm at C4, and nothing else.
"""

# %%
# EEG with known ground truth
# ---------------------------
# The model is trained on ten people, and decisions on two others are explained. Blinks, muscle
# activity and a posterior alpha rhythm of varying strength serve as distractors.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import BrainRVQClassifier, BrainRVQEmbedder
from sk_brainrvq.datasets import make_eeg
from sk_brainrvq.explain import explain_gradients, explain_occlusion, explain_pattern
from sk_brainrvq.viz import plot_explanation

names = ["Fp1", "Fp2", "F3", "F4", "T7", "C3", "Cz", "C4", "T8", "P3", "P4", "O1", "O2"]
truth = {"place": "C4", "band": (13, 30), "effect": 0.6}
eeg = make_eeg(12, 16, duration=2, ch_names=names, **truth, random_state=0)
train, test = eeg.of_subjects(range(10)), eeg.of_subjects(range(10, 12))

about = {"weights": None, "architecture": "tiny", "sfreq": eeg.sfreq, "ch_names": eeg.ch_names}
embedder = BrainRVQEmbedder(**about, spectrum="channel", random_state=0)
model = make_pipeline(embedder, StandardScaler(), LogisticRegression(C=1e-3, max_iter=1000))
labels = np.array(eeg.classes)[train.y]
model.fit(train.X, labels)
predicted = model.predict(test.X) == np.array(eeg.classes)[test.y]
print(f"accuracy on people not seen: {predicted.mean():.2f}")

# %%
# Occlusion: replace parts, and decide again
# ------------------------------------------
# The amplitudes of each channel in each band are replaced with their mean over the person's
# windows, and the model decides again. The figure shows the share of the decisions' variance that
# each part accounts for.

occlusion = explain_occlusion(model, test.X, subjects=test.subjects)
print(occlusion)
print("first:", occlusion.top("channel"), occlusion.top("band"))
_, axes = plt.subplots(2, 3, figsize=(7, 4.9), layout="constrained")
plot_explanation(occlusion, ax=axes)

# %%
# Patterns: how features vary with the decision
# ---------------------------------------------
# A linear model needs no occlusion. Its coefficients should not be interpreted, because a large one
# may only cancel noise, but patterns can be (Haufe et al. 2014). Red means larger during the task,
# blue larger at rest: the rhythm is weaker during the task.

pattern = explain_pattern(model, train.X, subjects=train.subjects)
plot_explanation(pattern)

# %%
# Gradients: what a fine-tuned network reads
# ------------------------------------------
# Integrated gradients (with captum) give channels, bands and seconds at once. "Other" contains all
# frequencies outside the bands.

network = BrainRVQClassifier(**about, max_epochs=3, random_state=0).fit(train.X, labels)
gradients = explain_gradients(network, test.X, subjects=test.subjects, n_steps=8)
print("first:", gradients.top("channel"), gradients.top("band"))
plot_explanation(gradients)

# %%
# One window
# ----------
# Values of a single window are in log-odds of the task: they show how far each part moved this
# decision from that for the person's mean amplitudes. Here is the window that all parts together
# moved farthest towards the task.

window = int(np.argmax(occlusion.values.sum((1, 2))))
print(f"log-odds of the task: {occlusion.decisions[window]:.1f}")
plot_explanation(occlusion, window=window)

# %%
# Does it mean anything?
# ----------------------
# The explanation of a model that has learnt nothing must look different (Adebayo et al. 2018). Here
# the labels are shuffled:

shuffled = np.random.default_rng(0).permutation(labels)
chance = make_pipeline(embedder, StandardScaler(), LogisticRegression(C=1e-3, max_iter=1000))
chance.fit(train.X, shuffled)
of_chance = explain_occlusion(chance, test.X, subjects=test.subjects)
for name, explanation in {"learnt": occlusion, "shuffled": of_chance}.items():
    share = explanation.importance()[eeg.ch_names.index("C4"), 3]
    print(f"{name}: C4 in beta accounts for {share:.0%} of the decisions' variance")

# %%
# :doc:`/explanations` says what parts are replaced with, and what explanations cannot tell.
