"""Options of a command from the signature and docstring of the function it calls."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import click

from sk_brainrvq.command_line.options.option_types import Assignments, Names, NumberOrWord
from sk_brainrvq.command_line.options.parameter_texts import ParameterText, parameter_texts

# Parameters that a docstring describes together, or in terms of Python.
_SINGLE_TEXTS = {
    "preset": 'Size of the networks; "base" is the paper\'s. By default that of the '
    "weights, or small from scratch.",
    "embed_dim": "Width of the network, a multiple of 100; by default the architecture's.",
    "depth": "Blocks of the encoder; by default the architecture's.",
    "decoder_depth": "Blocks of each decoder of the tokenizer; by default the architecture's.",
    "codebook_size": "Codes per level; by default the architecture's.",
    "codebook_dim": "Width of a codeword; by default the architecture's.",
    "n_quantizers": "Levels per domain; by default the architecture's.",
    "weight_decay": "Weight decay of AdamW.",
    "random_state": "Seed: the same seed gives the same result.",
    "window": "Length in seconds of the windows that recordings are cut into.",
    "overlap": "Overlap in seconds of each window with the previous one.",
    "l_freq": "Lower edge of the pass band in Hz; none applies no high-pass filter.",
    "h_freq": "Upper edge of the pass band in Hz; none applies no low-pass filter.",
    "reference": (
        "Reference to subtract from all channels: average, a channel, or several channels, whose "
        "mean is subtracted; none leaves them as recorded."
    ),
    "notch": "Mains frequency in Hz, removed with its harmonics; none removes nothing.",
}
_AUTOMATIC = " auto: as in the training of the weights."
_SECTIONS = {
    "Network": (
        *("weights", "tokenizer", "architecture", "embed_dim", "depth", "decoder_depth"),
        *("codebook_size", "codebook_dim", "n_quantizers", "quantizer_mode", "targets", "latents"),
        *(
            "spatial_filter",
            "spectral_embedding",
            "quantizer_dropout",
            "drop_path",
            "pooling",
            "layer",
        ),
    ),
    "Signals": (
        *("window", "overlap", "l_freq", "h_freq", "notch", "reference", "electrode_map"),
        *("reject_amplitude", "reject_flat", "bad_channels", "subject", "on_error", "strict"),
    ),
    "Checkpoints": ("checkpoint_dir", "resume_from"),
    "Training": ("steps_per_epoch", "batch_of"),
    "Engine": (
        *("precision", "torch_compile", "gradient_accumulation", "gradient_clipping"),
        "warmup_epochs",
    ),
    "General": ("config", "quiet", "debug"),
}


class WorkOption(click.Option):
    """Option that knows its heading in the help.

    Parameters
    ----------
    declarations : sequence of str
    section : str, optional
        Heading; by default the one for its name, or "Options".
    **settings
        Further arguments of ``click.Option``.
    """

    def __init__(self, declarations: Sequence[str], section: str | None = None, **settings: Any):
        super().__init__(declarations, **settings)
        self.section = section or section_of(self.name or "")


def section_of(name: str, default: str = "Options") -> str:
    """Heading of the help for an option."""
    return next((title for title, names in _SECTIONS.items() if name in names), default)


def options_of(
    documented: Callable[..., Any],
    *,
    only: Collection[str] | None = None,
    leave_out: Collection[str] = (),
    names: Mapping[str, str] | None = None,
    types: Mapping[str, Any] | None = None,
    helps: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    section: str | None = None,
) -> list[click.Option]:
    """Make an option for every parameter that a command line can express.

    Parameters
    ----------
    documented : class or function
        Class or function with type hints and a numpydoc docstring.
    only : collection of str, optional
        Parameters to make options for; all by default.
    leave_out : collection of str
        Parameters without an option.
    names : mapping of str to str, optional
        Names of options that differ from those of their parameters.
    types, helps, defaults : mapping by name of the parameter, optional
        Types, helps and defaults that override the signature and the docstring.
    section : str, optional
        Heading of the help for options without another heading.

    Returns
    -------
    list of click.Option
        Options in the order of the signature, without parameters whose type no option can express,
        such as callbacks.

    Examples
    --------
    >>> def fit(*, lr: float = 1e-3, verbose: int = 0): ...
    >>> [option.opts for option in options_of(fit, leave_out=["verbose"])]
    [['--lr']]
    """
    types, helps, defaults = types or {}, helps or {}, defaults or {}
    function = documented.__init__ if inspect.isclass(documented) else documented
    hints, texts = get_type_hints(function), parameter_texts(documented)
    options: list[click.Option] = []
    for name, parameter in inspect.signature(documented).parameters.items():
        if name in leave_out or (only is not None and name not in only):
            continue
        text = texts.get(name, ParameterText("", "", (name,)))
        default = defaults.get(name, parameter.default)
        kind = types.get(name) or _option_type(hints.get(name, Any), text.choices, default)
        if kind is None:
            continue
        required = default is inspect.Parameter.empty
        help_text = helps.get(name) or _help(name, text, default)
        option = (names or {}).get(name, name)
        options.append(
            WorkOption(
                [_declaration(option, kind)],
                section=section_of(option, section or "Options"),
                type=None if kind is bool else kind,
                show_default=_shown(default),
                help=help_text,
                **({"required": True} if required else {"default": default}),
            )
        )
    return options


def _declaration(name: str, kind: Any) -> str:
    """How the option is written on the command line."""
    dashed = name.replace("_", "-")
    return f"--{dashed}/--no-{dashed}" if kind is bool else f"--{dashed}"


def _shown(default: Any) -> bool | str:
    """Default shown in the help; none if it would only repeat the text."""
    return default not in (None, inspect.Parameter.empty)


def _help(name: str, text: ParameterText, default: Any) -> str:
    if name not in _SINGLE_TEXTS:
        return text.description
    return _SINGLE_TEXTS[name] + (_AUTOMATIC if default == "auto" else "")


def _option_type(hint: Any, choices: Sequence[str], default: Any) -> Any:
    """Type of an option for a type hint; None if there is none."""
    members = set(get_args(hint)) if get_origin(hint) in (Union, UnionType) else {hint}
    kinds = {get_origin(member) or member for member in members} - {NoneType}
    if kinds == {str}:
        return click.Choice(choices) if choices else click.STRING
    if Mapping in kinds:
        return Assignments()
    if kinds & {Sequence, Iterable} and kinds <= {str, Sequence, Iterable}:
        return Names()
    if kinds == {bool}:
        return bool
    if float in kinds and kinds <= {float, int, str}:
        takes_none = NoneType in members and default is not None
        words = [*(["auto"] if str in kinds else []), *(["none"] if takes_none else [])]
        return NumberOrWord(words) if words else click.FLOAT
    if int in kinds and not kinds & {str, bool, float}:
        return click.INT
    return None
