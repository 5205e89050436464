"""Export weights as ONNX, or as a PyTorch program."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.files import write_whole
from sk_brainrvq.nn.encoder import MAX_PATCHES, N_ELECTRODE_ROWS, PATCH_SAMPLES
from sk_brainrvq.weights._export.manifest import manifest
from sk_brainrvq.weights._export.onnx_file import import_onnx, run_onnx, write_onnx
from sk_brainrvq.weights._export.traced_networks import TracedNetwork, traced_network, why_not

_FORMATS = {".onnx": "ONNX", ".pt2": "torch.export"}
# Batch, channels and seconds to trace with, and other sizes to check the file with.
_TRACED, _CHECKED = (2, 3, 5), (3, 5, 4)
_MOST_EPOCHS, _MOST_CHANNELS = 2**20, 2**12
_LARGEST_ERROR = 1e-4
# Codes may differ if the two nearest codewords are equally far up to rounding.
_SAME_CODES = 0.99


class Exportable:
    """Base class of ``Weights`` that writes the network for other runtimes."""

    __slots__ = ()

    def export(self, path: str | Path) -> Path:
        """Write the network for use without this package, or without Python.

        The file takes patches ``x`` (batch, channels, seconds, 200) in 100 microvolts at 200 Hz
        and ``electrodes`` (channels, 129), the weight of each row of the position table for each
        channel, both float32. An encoder returns ``tokens`` (batch, 1 + channels * seconds, width)
        with the class token first, a classifier or regressor ``logits`` (batch, n_outputs), and a
        tokenizer ``codes`` (batch, channels, seconds, 2, n_quantizers). Batch, channels and
        seconds are arbitrary, up to 30 seconds; ``head="flatten"`` requires the channels and
        seconds of fit, ``head="embedding"`` at least 3 seconds.

        Parameters
        ----------
        path : path
            Its extension selects the format: ".onnx", or ".pt2" of ``torch.export``. An existing
            file is replaced.

        Returns
        -------
        Path
            The manifest: JSON beside the file, such as ``model.onnx.json``, with the required
            preprocessing (sampling rate, unit, filters), the row of ``electrodes`` for each
            channel, and the digest of the weights.

        Raises
        ------
        ValueError
            If the extension is another one, or if the format cannot hold the network: ONNX does
            not support ``head="embedding"``, and neither format supports it with
            ``center_by="subject"``.
        ImportError
            For ONNX, if the packages of the extra ``onnx`` are not installed.
        CheckpointError
            If the results of the written file differ from those of the network for inputs of
            other sizes: by more than 1e-4 for tokens and logits.

        Notes
        -----
        A classifier with ``center_by="subject"`` expects signals that are whitened by the person's
        covariance, whatever its head: the calling program must do this.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending not in _FORMATS:
            raise ValueError(
                f"path={str(path)!r} was given; expected a name that ends in '.onnx' or in '.pt2' "
                "(torch.export)."
            )
        network = traced_network(self)
        reason = why_not(network.module, ending)
        if reason is not None:
            raise ValueError(f"{self!r} cannot be exported to {path.name}: {reason}")
        facts: dict[str, Any] = {"file": path.name, "format": _FORMATS[ending]}
        if ending == ".onnx":
            import_onnx()  # before the network is traced, which takes a while
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings(), _without_log_of_torch():
            warnings.simplefilter("ignore")  # deprecations between torch and ONNX
            facts |= _written(network, path, ending)
            _check(network, path, ending)
        about = path.with_name(f"{path.name}.json")
        text = json.dumps(manifest(self, network, facts), indent=1, ensure_ascii=False)
        write_whole(about, text.encode())
        return about


def _inputs(network: TracedNetwork, sizes: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Make noise of 20 microvolts at electrodes that mix all rows of the table."""
    n_epochs, n_channels, n_patches = sizes
    n_channels, n_patches = network.n_channels or n_channels, network.n_patches or n_patches
    generator = torch.Generator().manual_seed(0)
    x = 0.2 * torch.randn(n_epochs, n_channels, n_patches, PATCH_SAMPLES, generator=generator)
    electrodes = torch.rand(n_channels, N_ELECTRODE_ROWS, generator=generator)
    return x, electrodes / electrodes.sum(1, keepdim=True)


def _traced(network: TracedNetwork) -> torch.export.ExportedProgram:
    dim = torch.export.Dim
    batch = dim("batch", min=1, max=_MOST_EPOCHS)
    free = {}
    if network.n_channels is None:
        free[1] = dim("channels", min=1, max=_MOST_CHANNELS)
    of_x = {0: batch, **free}
    if network.n_patches is None:
        of_x[2] = dim("seconds", min=network.fewest_patches, max=MAX_PATCHES)
    shapes = {"x": of_x, "electrodes": {0: free[1]} if free else {}}
    with torch.no_grad():
        inputs = _inputs(network, _TRACED)
        return torch.export.export(network.module, inputs, dynamic_shapes=shapes, strict=False)


def _written(network: TracedNetwork, path: Path, ending: str) -> dict[str, Any]:
    """Write the file; return the version of what runs it."""
    program = _traced(network)
    if ending == ".onnx":
        return {"opset": write_onnx(program, path, network.output)}
    content = BytesIO()
    torch.export.save(program, content)
    write_whole(path, content.getvalue())
    return {"torch": torch.__version__}


@contextmanager
def _without_log_of_torch() -> Iterator[None]:
    """Silence torch's log messages about missing packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _check(network: TracedNetwork, path: Path, ending: str) -> None:
    """Raise CheckpointError if the results of the file differ from those of the network."""
    x, electrodes = _inputs(network, _CHECKED)
    with torch.no_grad():
        wanted = network.module(x, electrodes)
        if ending == ".onnx":
            found = run_onnx(path, x, electrodes)
        else:
            found = torch.export.load(path).module()(x, electrodes)
    if network.output == "codes":
        same = float((found == wanted).float().mean())
        fits, seen = same >= _SAME_CODES, f"{100 * (1 - same):.2g} % of the codes differ"
    else:
        error = float((found - wanted).abs().max())
        fits, seen = error <= _LARGEST_ERROR, f"{network.output} are off by up to {error:.2g}"
    if not fits:
        raise CheckpointError(
            f"{path} was written, but its results differ from those of the network: {seen}. Do not "
            "use it; export with other versions of torch and onnxruntime, and report this."
        )
