"""A progress bar over all steps of a fit: a widget in notebooks, text elsewhere."""

import sys
import time
import warnings
from typing import Any

import numpy as np
from skorch.callbacks import Callback
from tqdm import TqdmWarning

with warnings.catch_warnings():
    # A notebook without ipywidgets gets the bar as text: nothing that a user needs to act on.
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm

_SECONDS_BETWEEN_LOSSES = 2.0
# A log file keeps every line of a bar; terminals and notebooks overwrite them.
_SECONDS_BETWEEN_LINES_OF_A_LOG = 10.0


class StepProgress(Callback):
    """Bar over the steps of all epochs, with the figures the net reports.

    Parameters
    ----------
    title : str
    n_steps : int
    """

    def __init__(self, title: str, n_steps: int):
        self.title = title
        self.n_steps = n_steps

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=self.n_steps, desc=self.title, unit="step", dynamic_ncols=True)
        if "ipykernel" not in sys.modules and not self.bar_.fp.isatty():
            self.bar_.mininterval = _SECONDS_BETWEEN_LINES_OF_A_LOG
        self.shown_: dict[str, str] = {}
        self.last_loss_ = time.monotonic()

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Move the bar to where a resumed training starts."""
        done = sum(row["train_batch_count"] for row in net.history[:-1])
        if self.bar_.n < done:
            self.bar_.update(done - self.bar_.n)

    def on_batch_end(self, net: Any, training: bool, **kwargs: Any) -> None:
        """Advance by one step; show the loss only now and then, because that makes a GPU wait."""
        if not training:
            return
        if time.monotonic() - self.last_loss_ > _SECONDS_BETWEEN_LOSSES:
            self.last_loss_ = time.monotonic()
            self.shown_["loss"] = f"{float(kwargs['loss']):.3f}"
            self.bar_.set_postfix(self.shown_, refresh=False)
        self.bar_.update()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Show the epoch's figures."""
        last = net.history[-1]
        self.shown_ = {"epoch": f"{len(net.history)}/{net.max_epochs}"}
        self.shown_ |= {key: _short(last[key]) for key in net.reported if key in last}
        self.bar_.set_postfix(self.shown_)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar_.close()
        del self.bar_


def _short(value: Any) -> str:
    """A figure, or figures of levels averaged over domains, as short text."""
    if np.ndim(value) == 0:
        return f"{value:.3f}"
    return "/".join(f"{x:.3g}" for x in np.mean(value, axis=0))
