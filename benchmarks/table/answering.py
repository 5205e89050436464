"""What the commands of this folder share: a description, and one line for a user's mistake."""

import argparse
import sys
from collections.abc import Callable, Sequence


def described(text: str | None) -> argparse.ArgumentParser:
    """A parser that shows a module's docstring as it is written."""
    return argparse.ArgumentParser(
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # A command may ask for more than a shared option does.
        conflict_handler="resolve",
    )


def answered(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    answer: Callable[[argparse.Namespace], str | int | None],
) -> int:
    """Run a command; a user's mistake is one line.

    Parameters
    ----------
    parser : ArgumentParser
    argv : sequence of str, optional
        Those of the process by default.
    answer : callable
        Gets the options. Text is printed; a number is the exit status.

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
