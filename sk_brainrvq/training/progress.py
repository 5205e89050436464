"""A progress bar over all steps of a fit."""

from typing import Any

from skorch.callbacks import Callback
from tqdm.auto import tqdm


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
        self.bar_ = tqdm(total=self.n_steps, desc=self.title, unit="step")

    def on_batch_end(self, net: Any, training: bool, **kwargs: Any) -> None:
        """Advance by one step."""
        if training:
            self.bar_.update()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Show the epoch's figures."""
        last = net.history[-1]
        shown = {key: f"{last[key]:.3f}" for key in net.reported if key in last}
        self.bar_.set_postfix({"epoch": len(net.history), **shown})

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar_.close()
        del self.bar_
