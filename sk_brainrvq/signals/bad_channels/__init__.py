"""Channels that record no EEG: the rules that find them, and what is done about them."""

from sk_brainrvq.signals.bad_channels.channel_faults import Fault, judge
from sk_brainrvq.signals.bad_channels.policy import ACTIONS, BadChannelPolicy

__all__ = ["ACTIONS", "BadChannelPolicy", "Fault", "judge"]
