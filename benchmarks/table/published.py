"""Load published weights of rivals from the hub."""

from torch import Tensor, nn

from table.rivals import RIVALS, WholePatches


def load_published(network: nn.Module, name: str) -> str:
    """Copy a rival's published weights from the hub into a network where they fit.

    Parameters
    ----------
    network : nn.Module
        As built by ``RIVALS[name].build``.
    name : str

    Returns
    -------
    str
        Description of what was copied.

    Raises
    ------
    ValueError
        If the rival has no published weights, or fewer than half of them fit.
    """
    hub = RIVALS[name].hub
    if hub is None:
        raise ValueError(f"--pretrained: {RIVALS[name].label} has no published weights.")
    from huggingface_hub import hf_hub_download
    from safetensors.torch import load_file

    published = load_file(hf_hub_download(hub, "model.safetensors"))
    return copy_weights(network, published, hub)


def copy_weights(network: nn.Module, published: dict[str, Tensor], source: str) -> str:
    """Copy tensors with equal names and shapes, except the output layer.

    Parameters
    ----------
    network : nn.Module
    published : dict of str to Tensor
    source : str
        Source to name in messages.

    Returns
    -------
    str
        Share that was copied, and the tensors that were not.

    Raises
    ------
    ValueError
        If fewer than half of the parameters below the head fit.
    """
    inner = network.network if isinstance(network, WholePatches) else network
    own = inner.state_dict()
    fitting = {
        key: _first_rows(published[key], value)
        for key, value in own.items()
        if key in published and not key.startswith("final_layer")
    }
    fitting = {key: value for key, value in fitting.items() if value.shape == own[key].shape}
    inner.load_state_dict({**own, **fitting})
    below = [value.numel() for key, value in own.items() if not key.startswith("final_layer")]
    share = sum(value.numel() for value in fitting.values()) / sum(below)
    if share < 0.5:
        raise ValueError(
            f"--pretrained: only {share:.0%} of the parameters below the head are in {source}; its "
            "channels or lengths do not fit this dataset."
        )
    left = ", ".join(sorted(own.keys() - fitting.keys()))
    return f"{share:.0%} of the parameters below the head from {source}; not from there: {left}"


def _first_rows(published: Tensor, own: Tensor) -> Tensor:
    """Cut position tables that are longer than needed to the first rows."""
    longer = published.ndim == own.ndim == 3 and published.shape[1] > own.shape[1]
    return published[:, : own.shape[1]] if longer else published
