"""Pickles that record where weights are instead of the weights themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights.weights import Weights

# Of many pipelines with the same weights, only the first has to read them.
_found: WeakValueDictionary[tuple[str, str], Weights] = WeakValueDictionary()


def find_again(paths: tuple[str, ...], digest: str) -> Weights:
    """Load the weights that a pickle names.

    Parameters
    ----------
    paths : tuple of str
        Where they were: the absolute path, and the path as given.
    digest : str

    Returns
    -------
    Weights

    Raises
    ------
    CheckpointError
        If they are missing, or if others are there.
    """
    weights = _found.get((paths[0], digest))
    if weights is not None:
        return weights
    refused = []
    for path in dict.fromkeys(paths):
        try:
            weights = Weights(path, in_pickle=False)
        except CheckpointError as error:
            refused.append(str(error))
            continue
        if weights.digest == digest:
            _found[paths[0], digest] = weights
            return weights
        refused.append(f"{path} holds others, with the digest {weights.digest!r}.")
    raise CheckpointError(
        f"This pickle was made with in_pickle=False and holds no weights; it needs those with the "
        f"digest {digest!r} at {paths[0]}: {' '.join(refused)} Put that checkpoint back there, or "
        "pickle again with Weights(path), which are stored in the pickle."
    )


@dataclass(frozen=True)
class Remainder:
    """The part of a network's weights that other weights lack, such as what was trained.

    Attributes
    ----------
    name, kind : str
    config, info : mapping
    digest : str
        Digest of the complete weights.
    arrays : mapping of str to ndarray
        Tensors that the other weights lack, or that have other values there.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    info: Mapping[str, Any]
    digest: str
    arrays: Mapping[str, NDArray]

    @classmethod
    def of(cls, weights: Weights, given: Weights) -> "Remainder":
        """Extract what the weights given to an estimator lack."""
        known = _in_network(given, weights.kind)
        arrays = {
            name: tensor.numpy()
            for name, tensor in weights.tensors().items()
            if name not in known or not _are_same(tensor, known[name])
        }
        return cls(weights.name, weights.kind, weights.config, weights.info, weights.digest, arrays)

    def whole(self, given: Weights) -> Weights:
        """Restore the complete weights from what they share with others."""
        known = _in_network(given, self.kind)
        own = {name: torch.tensor(array) for name, array in self.arrays.items()}
        weights = Weights.from_tensors(
            self.name, self.kind, self.config, self.info, {**known, **own}
        )
        if weights.digest != self.digest:
            raise CheckpointError(
                f"This pickle holds the part of a {self.kind} network that differs from {given!r}, "
                f"but together they have the digest {weights.digest!r}, not {self.digest!r}: the "
                "pickle was made by another version of sk_brainrvq, or is damaged. Fit again."
            )
        return weights


def _in_network(given: Weights, kind: str) -> dict[str, Tensor]:
    """Return tensors of given weights, by their names in a network of a kind."""
    if given.kind == kind:
        return given.tensors()
    prefix = "" if kind == "encoder" else "encoder."
    return {prefix + name: value for name, value in given.encoder().state_dict().items()}


def _are_same(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)
