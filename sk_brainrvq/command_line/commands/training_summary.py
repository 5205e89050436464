"""Summary that a training command prints at its end."""

import shlex
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

_DOMAINS = ("time", "frequency")
_NO_FIGURES = ("epoch", "dur", "train_batch_count", "valid_batch_count")


def training_summary(estimator: Any, out: Path, variable: str) -> str:
    """Results of the last epoch, where the model is, and how to load it.

    Parameters
    ----------
    estimator : DDRVQTransformer or BrainRVQPretrainer
        Fitted estimator.
    out : path
        Folder that it was saved in.
    variable : str
        Name of its variable in the Python example.

    Returns
    -------
    str
    """
    name, folder = type(estimator).__name__, str(out)
    use = []
    if name == "BrainRVQPretrainer":
        use = [
            "Features of recordings, in a shell and in Python:",
            f"  sk-brainrvq embed RECORDINGS --weights {shlex.quote(folder)} --out features.npz",
            f"  sk_brainrvq.BrainRVQEmbedder(weights={folder!r})",
        ]
    return "\n".join(
        [
            *_last_epoch(estimator.history_),
            *_code_use(estimator),
            *use,
            f"Saved to {out}. In Python:",
            f"  from sk_brainrvq import {name}",
            f"  {variable} = {name}.from_pretrained({folder!r})",
        ]
    )


def _last_epoch(history: Sequence[dict[str, Any]]) -> list[str]:
    if not history:
        return ["Nothing was trained: the networks are those given, or random."]
    last = history[-1]
    lines = [f"Epoch {last.get('epoch', len(history))}, the last:"]
    for key, value in last.items():
        if isinstance(value, Real) and not isinstance(value, bool) and key not in _NO_FIGURES:
            lines.append(f"  {key.replace('_', ' '):<32}{float(value):.4g}")
        elif np.ndim(value) == 2:
            lines += _by_level(key, value, "{:.3f}")
    return lines


def _code_use(estimator: Any) -> list[str]:
    """Usage of the codebooks by the finished tokenizer, over all data."""
    if not hasattr(estimator, "codebook_usage_"):
        return []
    return [
        "Codes of all the data, coarse to fine:",
        *_by_level("codebook use", estimator.codebook_usage_, "{:.0%}"),
        *_by_level("perplexity", estimator.perplexity_, "{:.1f}"),
    ]


def _by_level(title: str, values: Any, form: str) -> list[str]:
    """One line per domain: values of each level, coarse to fine."""
    if values is None or np.shape(values)[:1] != (len(_DOMAINS),):
        return []
    label = title.replace("_", " ")
    return [
        f"  {f'{label}, {domain}':<32}" + "  ".join(form.format(value) for value in row)
        for domain, row in zip(_DOMAINS, np.asarray(values), strict=True)
    ]
