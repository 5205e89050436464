"""A group of commands whose modules load when a command runs."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Group of commands that are imported only when they run, so that its help is fast.

    Parameters
    ----------
    *args
        Of ``click.Group``.
    places : mapping of str to (str, str)
        For each command, ``"module:attribute"`` and the line that the help shows.
    **settings
        Of ``click.Group``.
    """

    def __init__(self, *args: Any, places: Mapping[str, tuple[str, str]], **settings: Any):
        super().__init__(*args, **settings)
        self.places = dict(places)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of use."""
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.places:
            return None
        module, _, attribute = self.places[cmd_name][0].partition(":")
        return getattr(import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.places.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; the error for an unknown one suggests a similar name."""
        name = str(args[0])
        if name not in self.places and not name.startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(name, self.places, n=1, cutoff=0.5)
            meant = (
                f"Did you mean '{near[0]}'?"
                if near
                else (f"The commands are {', '.join(self.places)}.")
            )
            raise click.UsageError(f"No such command '{name}'. {meant}", ctx)
        return super().resolve_command(ctx, args)
