"""Shared by the commands of this folder: parsers, and one-line errors for users' mistakes."""

import argparse
import sys
from collections.abc import Callable, Sequence


def described(text: str | None) -> argparse.ArgumentParser:
    """Make a parser that shows a module's docstring as written."""
    return argparse.ArgumentParser(
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # A command may redefine a shared option.
        conflict_handler="resolve",
    )


def answered(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    answer: Callable[[argparse.Namespace], str | int | None],
) -> int:
    """Run a command; report a user's mistake in one line.

    Parameters
    ----------
    parser : ArgumentParser
    argv : sequence of str, optional
        Arguments; default those of the process.
    answer : callable
        Takes the options. Returned text is printed; a returned number is the exit status.

    Returns
    -------
    int
        Exit status: 2 after a mistake.
    """
    options = parser.parse_args(argv)
    try:
        given = answer(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if isinstance(given, int):
        return given
    if given is not None:
        print(given)
    return 0
