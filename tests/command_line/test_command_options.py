"""Options derived from signatures, and the values they take."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import click
import pytest

from sk_brainrvq import (
    Architecture,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    DDRVQTransformer,
    Engine,
    Filters,
    Reading,
)
from sk_brainrvq.command_line.commands.embed_command import embed
from sk_brainrvq.command_line.commands.training_commands import pretrain, tokenizer_fit
from sk_brainrvq.command_line.options.estimator_options import estimator_parameters
from sk_brainrvq.command_line.options.option_types import (
    Assignments,
    MainsFrequency,
    Names,
    NumberOrWord,
)
from sk_brainrvq.command_line.options.parameter_texts import parameter_texts, plain_text
from sk_brainrvq.command_line.options.signature_options import options_of
from sk_brainrvq.command_line.work_command import WorkCommand


class Filter:
    """A filter.

    Parameters
    ----------
    sfreq : float
        Rate of ``X`` in Hz, see :class:`~scipy.signal.firwin`.
    kind : {"low", "high"}, default="low"
        Which side passes.
    l_freq, h_freq : float or None, default="auto"
        Edges in Hz.

        None leaves one out.
    order : int, optional
        Of the filter.
    names : sequence of str, optional
        Channels.
    weights : Any
        Cannot be said on a command line.

    Attributes
    ----------
    order : int
        Not this one.
    """

    def __init__(
        self,
        sfreq: float,
        *,
        kind: str = "low",
        l_freq: float | str | None = "auto",
        h_freq: float | None = 40.0,
        order: int | None = None,
        names: Sequence[str] | None = None,
        mapping: Mapping[str, Any] | None = None,
        causal: bool = False,
        zero_phase: bool | None = None,
        weights: Any = None,
        callback: Callable[[], None] | None = None,
    ):
        """Keep nothing."""


def options(**settings):
    return {option.name: option for option in options_of(Filter, **settings)}


def parse(*arguments):
    """Values that a command with the options of Filter gets."""
    found = {}
    command = click.Command("filter", params=options_of(Filter), callback=found.update)
    command.callback = lambda **values: found.update(values)
    command.main([str(argument) for argument in arguments], standalone_mode=False)
    return found


def test_options__of_a_signature__have_its_types_and_defaults():
    found = options()
    assert list(found) == [
        *("sfreq", "kind", "l_freq", "h_freq", "order", "names", "mapping", "causal"),
        "zero_phase",
    ]
    assert found["sfreq"].required
    assert found["sfreq"].type is click.FLOAT
    assert list(found["kind"].type.choices) == ["low", "high"]
    assert found["order"].type is click.INT
    assert parse("--sfreq", 200) == {
        **{"sfreq": 200.0, "kind": "low", "l_freq": "auto", "h_freq": 40.0, "order": None},
        **{"names": None, "mapping": None, "causal": False, "zero_phase": None},
    }


def test_options__given__reach_the_command_as_python_values():
    found = parse(
        *("--sfreq", 250, "--kind", "high", "--l-freq", "none", "--h-freq", "none"),
        *("--order", 4, "--names", "C3,Cz", "--mapping", "A=F3, B=F3-C3", "--causal"),
        "--no-zero-phase",
    )
    assert found == {
        **{"sfreq": 250.0, "kind": "high", "l_freq": None, "h_freq": None, "order": 4},
        **{"names": ["C3", "Cz"], "mapping": {"A": "F3", "B": "F3-C3"}, "causal": True},
        "zero_phase": False,
    }


def test_options__left_out_or_given_another_type__are_so():
    found = options(leave_out={"kind"}, types={"order": click.STRING}, helps={"order": "Mine."})
    assert "kind" not in found
    assert found["order"].type is click.STRING
    assert found["order"].help == "Mine."


def test_texts__of_a_docstring__are_plain_and_complete():
    texts = parameter_texts(Filter)
    assert texts["sfreq"].description == "Rate of the input in Hz, see firwin."
    assert texts["h_freq"].description == "Edges in Hz. none leaves one out."
    assert texts["h_freq"].names == ("l_freq", "h_freq")
    assert texts["order"].description == "Of the filter."
    assert texts["kind"].choices == ["low", "high"]
    assert texts["order"].choices == []
    assert parameter_texts(lambda: None) == {}


def test_plain_text__marks_of_a_docstring__are_gone():
    assert plain_text(":meth:`transform` pools ``layer``\n  of X.") == (
        "Transform pools layer of the input."
    )


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (NumberOrWord(["auto", "none"]), "0.5", 0.5),
        (NumberOrWord(["auto", "none"]), "auto", "auto"),
        (NumberOrWord(["auto", "none"]), "none", None),
        (MainsFrequency(), "50", 50.0),
        (MainsFrequency(), 60, 60.0),
        (MainsFrequency(), 50.0, 50.0),
        (MainsFrequency(), "none", None),
        (Names(), "average", "average"),
        (Names(), "A1, A2", ["A1", "A2"]),
        (Names(), ["A1", "A2"], ["A1", "A2"]),
        (Names(), "none", None),
        (Assignments(), {"A": {"F3": 2, "F4": 1}}, {"A": {"F3": 2, "F4": 1}}),
    ],
)
def test_value__of_a_type__becomes_what_python_expects(kind, given, expected):
    assert kind.convert(given, None, None) == expected


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (NumberOrWord(["auto", "none"]), "high", "'high' is neither a number nor 'auto' or 'none'"),
        (MainsFrequency(), "55", "'55' was given; expected 50, 60 or none"),
        (Assignments(), "A:F3", "'A:F3' does not have the form CHANNEL=ELECTRODE"),
    ],
)
def test_value__that_cannot_be_meant__says_what_can(kind, given, message):
    with pytest.raises(click.BadParameter, match=message):
        kind.convert(given, None, None)


VALUES = {
    "architecture": Architecture,
    "engine": Engine,
    "filters": Filters,
    "reading": Reading,
}
LEFT_OUT = {"sfreq", "ch_names", "unit", "verbose", "callbacks", "warm_start", "read_options"}


def option_names(estimator, left_out):
    """Options for the parameters of an estimator and for the fields of its values."""
    names = set()
    for name in set(inspect.signature(estimator).parameters) - left_out:
        names |= set(inspect.signature(VALUES[name]).parameters) if name in VALUES else {name}
    return {"architecture" if name == "preset" else name for name in names} - left_out


@pytest.mark.parametrize(
    ("command", "estimator", "left_out"),
    [
        (tokenizer_fit, DDRVQTransformer, LEFT_OUT),
        (
            pretrain,
            BrainRVQPretrainer,
            LEFT_OUT | {"quantizer_mode", "targets", "latents", "spatial_filter"},
        ),
        (
            embed,
            BrainRVQEmbedder,
            LEFT_OUT | {"architecture", "random_state", "center_by", "min_windows"},
        ),
    ],
)
def test_command__of_an_estimator__has_an_option_for_each_of_its_parameters_and_fields(
    command: WorkCommand, estimator: type, left_out: set[Literal["str"]]
):
    names = {parameter.name for parameter in command.params}
    assert option_names(estimator, left_out) <= names
    assert not left_out & names


def test_estimator_parameters__of_flat_options__are_values_and_the_rest():
    found = estimator_parameters(
        {
            **{"architecture": "tiny", "codebook_size": 32, "l_freq": None, "notch": 50.0},
            **{"precision": "float32", "resume_from": "run", "on_error": "skip", "lr": 0.01},
        }
    )
    assert {name: str(value) for name, value in found.items()} == {
        "lr": "0.01",
        "architecture": "Architecture(codebook_size=32, preset='tiny')",
        "engine": "Engine(precision='float32', resume_from='run')",
        "filters": "Filters(l_freq=None, notch=50.0)",
        "reading": "Reading(on_error='skip')",
    }


def test_estimator_parameters__no_field_of_a_value__leaves_the_value_to_the_estimator():
    assert estimator_parameters({"lr": 0.01}) == {"lr": 0.01}
