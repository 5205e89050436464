"""How a training is run: its arithmetic, its steps, and who looks on."""

from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import torch
from sklearn.base import BaseEstimator
from skorch.callbacks import BatchScoring, Callback, EpochScoring, PassthroughScoring

# Callbacks that read predictions and labels as skorch's own data sets hold them.
_UNSUPPORTED = (EpochScoring, BatchScoring, PassthroughScoring)
_PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Engine(BaseEstimator):
    """How training computes, for ``engine=`` of the trained estimators.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        Of the networks' matrix products. "auto" takes bfloat16 on GPUs that have it, float16 on
        older ones, and float32 elsewhere. float16 comes with loss scaling. Weights, codebooks and
        the search for the nearest code are float32 always, and so are the codes that
        pretraining predicts.
    torch_compile : bool, default=False
        Compile the network with ``torch.compile``: minutes at first, faster steps then.
    gradient_accumulation : int, default=1
        Batches whose gradients are averaged for one step of the optimizer.
    gradient_clipping : float or None, default=3.0
        Largest norm of the gradient; None does not clip.
    warmup_epochs : float, optional
        Training epochs in which the learning rate rises; each estimator's own by default, and at
        most a fifth of all.
    steps_per_epoch : int, optional
        Batches of a training epoch; one pass over X by default.
    batch_of : {"windows", "patches"}, default="windows"
        What ``batch_size`` counts where X has several montages or lengths, each of which makes
        batches of its own. "windows": every batch has as many, so a step may see 4 channels or
        64, and recordings weigh by their hours. "patches": batches of small windows hold more of
        them, up to as many patches (seconds of a channel) as ``batch_size`` of the largest
        windows, so recordings weigh by channel-hours; no batch takes more memory.
    callbacks : list of skorch.callbacks.Callback, optional
        Your own, or pairs of a name and one; cloned before use. Those that read the history, the
        network or the time work; those that score predictions do not, as ``validation`` does it.
    resume_from : path, optional
        Folder of a run in a ``checkpoint_dir``, or a checkpoint in it: go on from there, or fail
        where parameters or data were others.

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
                f"gradient_clipping={clipping!r} was given; expected a number above 0, or None to "
                "clip nothing."
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
                    f"callbacks holds {item!r}; expected objects of skorch.callbacks.Callback, or "
                    "pairs of a name and one."
                )
            if isinstance(callback, _UNSUPPORTED):
                raise ValueError(
                    f"callbacks holds a {type(callback).__name__}, which scores skorch's own "
                    "predictions; here batches are of whole epochs, and it would not see the "
                    "labels. Pass validation=...: the history then holds the scores of each epoch."
                )

    def dtype(self, device: torch.device | str) -> torch.dtype | None:
        """Type of matrix products on a device; None is float32."""
        if self.precision != "auto":
            return _PRECISIONS[self.precision]
        if torch.device(device).type != "cuda":
            return None
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def checked_engine(engine: Any) -> Engine:
    """The engine a user gave, checked; None is the default one."""
    if engine is None:
        return Engine()
    if not isinstance(engine, Engine):
        raise ValueError(f"engine={engine!r} was given; expected sk_brainrvq.Engine(...) or None.")
    engine.check()
    return engine
