"""How training is run: its precision, its steps and its callbacks."""

from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import torch
from sklearn.base import BaseEstimator
from skorch.callbacks import BatchScoring, Callback, EpochScoring, PassthroughScoring

# Callbacks that expect predictions and labels as in skorch's own data sets.
_UNSUPPORTED = (EpochScoring, BatchScoring, PassthroughScoring)
_PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Engine(BaseEstimator):
    """How training is computed, for ``engine=`` of the trained estimators.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Precision of the networks' matrix products. "auto" uses bfloat16 on GPUs that support it,
        float16 on older ones, and float32 elsewhere. float16 is used with loss scaling. Weights,
        codebooks, the search for the nearest code and the computation of the codes that
        pretraining predicts always use float32.
    torch_compile : bool, default=False
        Compile the network with ``torch.compile``, which takes minutes at first and makes the
        following steps faster.
    gradient_accumulation : int, default=1
        Number of batches whose gradients are averaged for each step of the optimizer.
    gradient_clipping : float or None, default=3.0
        Largest norm of the gradient; None switches clipping off.
    warmup_epochs : float, optional
        Number of training epochs in which the learning rate rises, at most a fifth of all epochs.
        By default each estimator uses its own.
    steps_per_epoch : int, optional
        Number of batches per training epoch; by default those of one pass over X.
    batch_of : {"windows", "patches"}, default="windows"
        What ``batch_size`` counts if X has several montages or lengths, each of which is batched
        separately. "windows": every batch has the same number of windows, so a step may see 4
        channels or 64, and recordings are weighted by their hours. "patches": batches of small
        windows hold more of them, up to as many patches (seconds of a channel) as ``batch_size``
        of the largest windows, so recordings are weighted by channel-hours; no batch takes more
        memory.
    callbacks : list of skorch.callbacks.Callback, optional
        Your own callbacks, or pairs of a name and a callback; cloned before use. Callbacks that
        read the history, the network or the time work; those that score predictions do not: use
        ``validation`` instead.
    resume_from : path, optional
        Folder of a run in a ``checkpoint_dir``, or a checkpoint in it, to resume from. Raises an
        error if parameters or data differ from those of the run.

    Examples
    --------
    >>> from sk_brainrvq import BrainRVQPretrainer, Engine
    >>> pretrainer = BrainRVQPretrainer(engine=Engine(precision="bfloat16"))
    >>> pretrainer.set_params(engine__gradient_accumulation=4).engine
    Engine(gradient_accumulation=4, precision='bfloat16')
    """

    def __init__(
        self,
        precision: str = "auto",
        *,
        torch_compile: bool = False,
        gradient_accumulation: int = 1,
        gradient_clipping: float | None = 3.0,
        warmup_epochs: float | None = None,
        steps_per_epoch: int | None = None,
        batch_of: str = "windows",
        callbacks: Sequence[Any] | None = None,
        resume_from: str | Path | None = None,
    ):
        self.precision = precision
        self.torch_compile = torch_compile
        self.gradient_accumulation = gradient_accumulation
        self.gradient_clipping = gradient_clipping
        self.warmup_epochs = warmup_epochs
        self.steps_per_epoch = steps_per_epoch
        self.batch_of = batch_of
        self.callbacks = callbacks
        self.resume_from = resume_from

    def check(self) -> None:
        """Raise ValueError for invalid settings."""
        if self.precision not in ("auto", *_PRECISIONS):
            raise ValueError(
                f"precision={self.precision!r} was given; expected 'auto', 'float32', 'bfloat16' "
                "or 'float16'."
            )
        n_batches = self.gradient_accumulation
        whole = isinstance(n_batches, Integral) and not isinstance(n_batches, bool)
        if not (whole and n_batches >= 1):
            raise ValueError(
                f"gradient_accumulation={self.gradient_accumulation!r} was given; expected a "
                "number of batches, 1 or more."
            )
        clipping: Any = self.gradient_clipping
        if clipping is not None and not (isinstance(clipping, Real) and float(clipping) > 0):
            raise ValueError(
                f"gradient_clipping={clipping!r} was given; expected a number above 0, or None for "
                "no clipping."
            )
        warmup: Any = self.warmup_epochs
        if warmup is not None and not (isinstance(warmup, Real) and float(warmup) >= 0):
            raise ValueError(
                f"warmup_epochs={warmup!r} was given; expected a number of 0 or more, or None."
            )
        self._check_loop()

    def _check_loop(self) -> None:
        if self.batch_of not in ("windows", "patches"):
            raise ValueError(
                f"batch_of={self.batch_of!r} was given; expected 'windows' or 'patches'."
            )
        steps: Any = self.steps_per_epoch
        whole = isinstance(steps, Integral) and not isinstance(steps, bool)
        if steps is not None and not (whole and steps >= 1):
            raise ValueError(
                f"steps_per_epoch={steps!r} was given; expected a number of batches, 1 or more, "
                "or None for one pass over X."
            )
        for item in self.callbacks or ():
            callback = item[1] if isinstance(item, tuple) and len(item) == 2 else item
            if not isinstance(callback, Callback):
                raise ValueError(
                    f"callbacks holds {item!r}; expected instances of skorch.callbacks.Callback, "
                    "or pairs of a name and a callback."
                )
            if isinstance(callback, _UNSUPPORTED):
                raise ValueError(
                    f"callbacks holds a {type(callback).__name__}, which scores skorch's own "
                    "predictions; here batches hold whole epochs, and it would not see the "
                    "labels. Pass validation=...: the history then holds the scores of each epoch."
                )

    def dtype(self, device: torch.device | str) -> torch.dtype | None:
        """Data type of matrix products on a device; None means float32."""
        if self.precision != "auto":
            return _PRECISIONS[self.precision]
        if torch.device(device).type != "cuda":
            return None
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def checked_engine(engine: Any) -> Engine:
    """Check the engine that a user gave; None gives the default one."""
    if engine is None:
        return Engine()
    if not isinstance(engine, Engine):
        raise ValueError(f"engine={engine!r} was given; expected sk_brainrvq.Engine(...) or None.")
    engine.check()
    return engine
