"""Base of commands: common options, help with headings, failures and signals."""

import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from sk_brainrvq.command_line.options.config_file import read_config
from sk_brainrvq.command_line.options.signature_options import WorkOption
from sk_brainrvq.command_line.processes.ranks import is_main_process, rank, world_size

# Headings at the end of the help; the others follow the order of their options.
_LAST = {"Engine": 1, "General": 2}
_RESUME_HINT = "sk_brainrvq.resume_hint"
# Errors that a user can fix; any other is shown with its type.
_PLAIN_ERRORS = (ValueError, OSError, ImportError)
_PLAIN_NAMES = ("LostProcessError",)  # by name: help must not wait for torch


class WorkError(ValueError):
    """A command failed for a reason that the message fully explains."""


def none_usable(n_recordings: int) -> str:
    """Message for no usable recording."""
    if n_recordings == 1:
        return "The recording could not be used"
    return f"None of the {n_recordings} recordings could be used"


class Terminated(BaseException):
    """The process got SIGTERM."""


class WorkCommand(click.Command):
    """Command with ``--config``, ``--quiet`` and ``--debug``, whose failures have exit codes.

    Parameters
    ----------
    name : str
    params : list of click.Parameter
    has_progress : bool, default=True
        Whether there is an option ``--quiet``, which the callback gets.
    **settings
        Of ``click.Command``.
    """

    def __init__(
        self,
        name: str,
        *,
        params: list[click.Parameter],
        has_progress: bool = True,
        **settings: Any,
    ):
        common = [option for option in common_options() if has_progress or option.name != "quiet"]
        # Raw docstrings cannot hold the character with which click marks lines not to be wrapped.
        settings["help"] = (settings.get("help") or "").replace("\\b", "\b")
        super().__init__(name, params=[*params, *common], **settings)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; an error about a value from the configuration file says so."""
        try:
            return super().parse_args(ctx, args)
        except click.BadParameter as error:
            name = error.param.name if error.param is not None else None
            source = ctx.get_parameter_source(name) if name else None
            if source is click.core.ParameterSource.DEFAULT_MAP:
                file = ctx.params.get("config") or "the file of --config"
                message = f"{error.message} (from {file})"
                raise click.BadParameter(message, error.ctx, error.param) from error
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn failures into a message and an exit code."""
        debug = ctx.params.pop("debug")
        ctx.params.pop("config")
        try:
            with sigterm_raises(), plain_warnings(self.params):
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            _stopped(ctx, "Ctrl-C", 130)
        except Terminated:
            _stopped(ctx, "SIGTERM", 143)
        except Exception as error:
            if debug:
                traceback.print_exc()
            message = with_options(_paragraph(error), self.params)
            click.echo(f"Error{_which_process()}: {message}", err=True)
            ctx.exit(1)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                title = getattr(parameter, "section", "General")
                sections.setdefault(title, []).append(record)
        for title in sorted(sections, key=lambda title: _LAST.get(title, 0)):
            with formatter.section(title):
                formatter.write_dl(sections[title])


def common_options() -> list[click.Parameter]:
    """Options that every command has."""
    config = WorkOption(
        ["--config"],
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE.yaml",
        is_eager=True,
        callback=read_config,
        help=(
            "YAML file with options of this command, such as 'batch-size: 32'; paths in it are "
            "relative to the current folder. The command line overrides it."
        ),
    )
    quiet = WorkOption(["--quiet", "-q"], is_flag=True, help="No progress bars.")
    debug = WorkOption(["--debug"], is_flag=True, help="Show the traceback of a failure.")
    return [config, quiet, debug]


def set_resume_hint(hint: Callable[[], str]) -> None:
    """Set what to print if a signal stops the running command.

    Parameters
    ----------
    hint : callable
        Function that returns a sentence on what is saved and how to continue.
    """
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[_RESUME_HINT] = hint


def _stopped(context: click.Context, by: str, code: int) -> NoReturn:
    hint = context.meta.get(_RESUME_HINT)
    if is_main_process():
        click.echo(f"Stopped by {by}. {hint() if hint else 'Nothing was written.'}", err=True)
    context.exit(code)


def _which_process() -> str:
    return f" in process {rank()} of {world_size()}" if world_size() > 1 else ""


def _paragraph(error: Exception) -> str:
    message = str(error).strip()
    if "out of memory" in message.lower() or isinstance(error, MemoryError):
        return f"{message or 'out of memory'} A smaller --batch-size needs less memory."
    plain = isinstance(error, _PLAIN_ERRORS) or type(error).__name__ in _PLAIN_NAMES
    if plain and message:
        return message
    return f"{type(error).__name__}: {message} (--debug shows where)"


def with_options(message: str, params: Sequence[click.Parameter]) -> str:
    """Add the options of a command for parameters that a message advises to pass.

    Messages are written for Python, as in "Pass window=...".
    """
    options = {param.name: param.opts[0] for param in params if isinstance(param, click.Option)}
    advised = dict.fromkeys(re.findall(r"\b([a-z_]+)=\.\.\.", message))
    said = [f"{name}= is {options[name]}" for name in advised if name in options]
    return f"{message} In this command, {' and '.join(said)}." if said else message


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that files are closed; only in the main thread."""

    def stop(*_: Any) -> NoReturn:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def plain_warnings(params: Sequence[click.Parameter] = ()) -> Iterator[None]:
    """Print each warning once, as a line without its location, from one process."""
    seen: set[str] = set()

    def show(message: Any, *_: Any, **__: Any) -> None:
        text = with_options(" ".join(str(message).split()), params)
        if is_main_process() and text not in seen:
            seen.add(text)
            say(f"Warning: {text}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def say(text: str) -> None:
    """Write a line to stderr, above a progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)
