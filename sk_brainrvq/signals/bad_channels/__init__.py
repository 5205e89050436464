"""Channels that record no EEG: rules that find them, and their treatment."""

from sk_brainrvq.signals.bad_channels.channel_faults import Fault, judge
from sk_brainrvq.signals.bad_channels.policy import ACTIONS, BadChannelPolicy

__all__ = ["ACTIONS", "BadChannelPolicy", "Fault", "judge"]
