"""Protocols by name."""

from sk_brainrvq.datasets._protocols.protocol import Protocol
from sk_brainrvq.datasets.bcic_iv_2a import BCICIV2a
from sk_brainrvq.datasets.chb_mit import CHBMIT
from sk_brainrvq.datasets.eegmat import EEGMAT
from sk_brainrvq.datasets.guinea_bissau import GuineaBissau
from sk_brainrvq.datasets.physionet_mi import PhysioNetMI
from sk_brainrvq.datasets.seed_v import SEEDV
from sk_brainrvq.datasets.shu_mi import SHUMI
from sk_brainrvq.datasets.ssvep import SSVEPExoskeleton
from sk_brainrvq.datasets.tuab import TUAB
from sk_brainrvq.datasets.tuev import TUEV

_ALL = (
    EEGMAT,
    TUAB,
    TUEV,
    CHBMIT,
    PhysioNetMI,
    BCICIV2a,
    SHUMI,
    SEEDV,
    GuineaBissau,
    SSVEPExoskeleton,
)
PROTOCOLS: dict[str, type[Protocol]] = {protocol.name: protocol for protocol in _ALL}
