"""The protocols by name."""

from sk_brainrvq.datasets.eegmat import EEGMAT
from sk_brainrvq.datasets.protocol import Protocol

PROTOCOLS: dict[str, type[Protocol]] = {protocol.name: protocol for protocol in (EEGMAT,)}
