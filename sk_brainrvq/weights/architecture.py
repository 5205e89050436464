"""Sizes of networks: presets by name, and individual sizes that override them."""

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

from sklearn.base import BaseEstimator

PRESETS: dict[str, dict[str, int]] = {
    "tiny": {
        "embed_dim": 100,
        "depth": 2,
        "decoder_depth": 1,
        "codebook_size": 64,
        "codebook_dim": 32,
        "n_quantizers": 3,
    },
    "small": {
        "embed_dim": 200,
        "depth": 4,
        "decoder_depth": 2,
        "codebook_size": 512,
        "codebook_dim": 64,
        "n_quantizers": 3,
    },
    "base": {
        "embed_dim": 200,
        "depth": 12,
        "decoder_depth": 3,
        "codebook_size": 8192,
        "codebook_dim": 64,
        "n_quantizers": 3,
    },
}
_FROM_SCRATCH = "small"
# Settings other than sizes, and their defaults for training from scratch.
_DESIGN = {
    "quantizer_mode": "residual",
    "targets": "extended",
    "spectral_embedding": True,
    "latents": "separate",
    "spatial_filter": True,
}

# Settings that tokenizers of earlier versions do not record.
_OF_OLDER_TOKENIZERS = {"latents": "shared", "spatial_filter": False}

# Settings of an encoder, and those of a tokenizer's codes.
ENCODER = ("embed_dim", "depth", "spectral_embedding")
CODES = ("codebook_size", "n_quantizers")
# Settings of the pretraining encoder in the paper; the tokenizer's encoder uses none of them.
PRETRAINING_ENCODER = {"qkv_bias": False, "qk_norm": True, "layer_scale": 0.1}


class Architecture(BaseEstimator):
    """Sizes of the networks, for ``architecture=`` of the estimators.

    Settings left at None come from the preset or, if weights are given, from these.

    Parameters
    ----------
    preset : {"tiny", "small", "base"} or None, default=None
        Name of a set of sizes; "base" is that of the paper. None means "small" when training from
        scratch.
    embed_dim : int, optional
        Width of the tokens, a multiple of 100.
    depth : int, optional
        Number of transformer blocks in the encoder.
    decoder_depth : int, optional
        Number of transformer blocks in each decoder of the tokenizer.
    codebook_size : int, optional
        Number of codes per level.
    codebook_dim : int, optional
        Width of a codeword.
    n_quantizers : int, optional
        Number of levels per domain.
    quantizer_mode : {"residual", "official"}, optional
        "residual", the default from scratch, quantizes true residuals; "official" is the
        published computation.
    targets : {"extended", "published"}, optional
        What the decoders of the tokenizer reconstruct; "extended" from scratch.
    spectral_embedding : bool, optional
        Whether the encoder also sees the log amplitude and spectrum of each patch besides its
        waveform; True from scratch.
    latents : {"separate", "shared"}, optional
        "separate", the default from scratch, quantizes one vector for time and one for frequency,
        which start as principal components; "shared" quantizes one vector twice, as published. It
        is the default with "official" or "published" above, which do not allow the other.
    spatial_filter : bool, optional
        Whether the decoders of the tokenizer first filter the codes of all channels by the
        correlation between channels in the epoch; True from scratch with separate latents, which
        it requires.

    Notes
    -----
    Each network uses only the settings that apply to it: an embedder, for example, has no
    codebooks. One architecture can therefore be passed to all estimators.

    Examples
    --------
    >>> from sk_brainrvq import Architecture, DDRVQTransformer
    >>> tokenizer = DDRVQTransformer(architecture=Architecture("tiny", codebook_size=128))
    >>> tokenizer.set_params(architecture__depth=4).architecture
    Architecture(codebook_size=128, depth=4, preset='tiny')
    """

    def __init__(
        self,
        preset: str | None = None,
        *,
        embed_dim: int | None = None,
        depth: int | None = None,
        decoder_depth: int | None = None,
        codebook_size: int | None = None,
        codebook_dim: int | None = None,
        n_quantizers: int | None = None,
        quantizer_mode: str | None = None,
        targets: str | None = None,
        spectral_embedding: bool | None = None,
        latents: str | None = None,
        spatial_filter: bool | None = None,
    ):
        self.preset = preset
        self.embed_dim = embed_dim
        self.depth = depth
        self.decoder_depth = decoder_depth
        self.codebook_size = codebook_size
        self.codebook_dim = codebook_dim
        self.n_quantizers = n_quantizers
        self.quantizer_mode = quantizer_mode
        self.targets = targets
        self.spectral_embedding = spectral_embedding
        self.latents = latents
        self.spatial_filter = spatial_filter

    def check(self) -> None:
        """Raise ValueError if the preset is unknown or a size is not a positive integer."""
        if self.preset is not None and self.preset not in PRESETS:
            raise ValueError(
                f"architecture={self.preset!r} was given; expected one of {sorted(PRESETS)}, "
                "sk_brainrvq.Architecture(...), or None."
            )
        for name in PRESETS[_FROM_SCRATCH]:
            size = getattr(self, name)
            whole = isinstance(size, Integral) and not isinstance(size, bool)
            if size is not None and not (whole and size >= 1):
                raise ValueError(f"{name}={size!r} was given; expected a positive integer.")

    def chosen(self, with_preset: bool = True) -> dict[str, Any]:
        """Return the sizes and settings that the user requested.

        Parameters
        ----------
        with_preset : bool, default=True
            Whether to include the sizes that come from the preset.
        """
        preset = PRESETS[self.preset] if with_preset and self.preset is not None else {}
        given = {name: getattr(self, name) for name in (*PRESETS[_FROM_SCRATCH], *_DESIGN)}
        single = {
            name: int(value) if name not in _DESIGN else value
            for name, value in given.items()
            if value is not None
        }
        return {**preset, **single}

    def from_scratch(self) -> dict[str, Any]:
        """Return all sizes and settings of networks that start from random weights."""
        sizes = {**PRESETS[_FROM_SCRATCH], **_DESIGN, **self.chosen()}
        as_published = (sizes["quantizer_mode"], sizes["targets"]) != ("residual", "extended")
        if self.latents is None and as_published:
            sizes["latents"] = "shared"
        if self.spatial_filter is None and sizes["latents"] == "shared":
            sizes["spatial_filter"] = False
        return sizes

    def encoder(self) -> dict[str, Any]:
        """Return arguments of an ``EEGEncoder`` that starts from random weights in pretraining."""
        sizes = self.from_scratch()
        return {**{name: sizes[name] for name in ENCODER}, **PRETRAINING_ENCODER}

    def check_fits(
        self,
        config: Mapping[str, Any],
        source: object,
        names: Iterable[str] | None = None,
        with_preset: bool = True,
    ) -> None:
        """Raise ValueError if requested sizes differ from those of given weights.

        Parameters
        ----------
        config : mapping
            Sizes and settings of the weights.
        source : object
            The weights, for the message.
        names : iterable of str, optional
            Settings to compare; by default all that both sides have.
        with_preset : bool, default=True
            Whether to compare the sizes of the preset too.
        """
        chosen = self.chosen(with_preset)
        if "quantizer_mode" in config:
            config = {**_OF_OLDER_TOKENIZERS, **config}
        for name in chosen if names is None else names:
            found = config.get(name)
            if isinstance(found, list) and len(set(found)) == 1:
                found = found[0]
            if name in chosen and name in config and chosen[name] != found:
                raise ValueError(
                    f"{self._asked(name)}, but {source!r} has {name}={found!r}. Given weights "
                    "determine the sizes: leave architecture at None."
                )

    def _asked(self, name: str) -> str:
        own = getattr(self, name)
        if own is not None:
            return f"{name}={own!r} was given"
        return f"architecture={self.preset!r} was given, that is {name}={self.chosen()[name]!r}"


def checked_architecture(architecture: Any) -> Architecture:
    """Check an architecture, which may be given by name or as None.

    Parameters
    ----------
    architecture : None, str or Architecture

    Returns
    -------
    Architecture

    Raises
    ------
    ValueError
        If a name or size is unknown, or if anything else is given.
    """
    if architecture is None or isinstance(architecture, str):
        architecture = Architecture(architecture)
    if not isinstance(architecture, Architecture):
        raise ValueError(
            f"architecture={architecture!r} was given; expected one of {sorted(PRESETS)}, "
            "sk_brainrvq.Architecture(...), or None."
        )
    architecture.check()
    return architecture
