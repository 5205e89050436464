"""Addresses of models on the Hugging Face Hub: ``hf://owner/name@revision``."""

import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from sk_brainrvq.exceptions import CheckpointError

# pathlib turns two slashes into one.
_SCHEME = re.compile(r"hf:/{1,2}")
_PART = re.compile(r"[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
# What git does not allow in the name of a branch or tag.
_NO_REVISION = re.compile(r"[\s~^:?*\[\\\x00-\x1f]|\.\.|//|@\{|^/|/$|\.$|^-|^$")


def is_hub_address(path: Any) -> bool:
    """Whether a path or text is meant as an address on the Hub."""
    return isinstance(path, (str, PurePath)) and bool(_SCHEME.match(_as_text(path)))


def _as_text(path: str | PurePath) -> str:
    return path.as_posix() if isinstance(path, PurePath) else path


@dataclass(frozen=True)
class HubAddress:
    """A model on the Hub, at a given revision or the newest.

    Attributes
    ----------
    owner, name : str
    revision : str or None
        Branch, tag or commit; None stands for the branch ``main``.

    Examples
    --------
    >>> from sk_brainrvq.weights.hub.hub_address import HubAddress
    >>> address = HubAddress.parse("hf://laboratory/eeg-encoder@v1")
    >>> address.repository, address.revision
    ('laboratory/eeg-encoder', 'v1')
    """

    owner: str
    name: str
    revision: str | None = None

    @classmethod
    def parse(cls, path: str | PurePath) -> "HubAddress":
        """Parse an address as users write it, with or without ``hf://``.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        HubAddress

        Raises
        ------
        CheckpointError
            If it is not an address.
        """
        text = _as_text(path)
        repository, sign, revision = _SCHEME.sub("", text, count=1).partition("@")
        parts = repository.split("/")
        if len(parts) == 2 and all(map(_is_name, parts)):
            if sign and _NO_REVISION.search(revision):
                raise CheckpointError(
                    f"{text!r} names the revision {revision!r}; expected a branch, a tag or a "
                    f"commit after the @, as in 'hf://{repository}@main'."
                )
            return cls(parts[0], parts[1], revision if sign else None)
        hint = " A repository holds one model: no folder in it can be named." * (len(parts) > 2)
        raise CheckpointError(
            f"{text!r} is not an address on the Hugging Face Hub; expected 'hf://owner/name', or "
            f"'hf://owner/name@revision' with a branch, a tag or a commit.{hint}"
        )

    @classmethod
    def of(cls, repo: str, revision: str | None) -> "HubAddress":
        """Parse an address; raise CheckpointError if it and ``revision`` name different ones."""
        address = cls.parse(repo)
        if revision is None:
            return address
        if address.revision not in (None, revision):
            raise CheckpointError(
                f"{repo!r} and revision={revision!r} were given; pass only one of them."
            )
        return cls.parse(f"hf://{address.repository}@{revision}")

    @property
    def repository(self) -> str:
        """``owner/name``."""
        return f"{self.owner}/{self.name}"

    @property
    def is_pinned(self) -> bool:
        """Whether it names a commit, which always holds the same files."""
        return self.revision is not None and bool(_COMMIT.fullmatch(self.revision))

    def at(self, revision: str) -> "HubAddress":
        """Return the same repository at another revision."""
        return replace(self, revision=revision)

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")


def _is_name(part: str) -> bool:
    return bool(_PART.fullmatch(part)) and "--" not in part and ".." not in part
