"""Seconds until something is imported, and until a first result is available."""

import os
import subprocess
import sys
from functools import partial

from speed.measuring import CH_NAMES, Options, Table, interleaved

_FIRST_TRANSFORM = """
import numpy as np
from sk_brainrvq import BrainRVQEmbedder
names = {ch_names!r}
X = np.random.default_rng(0).normal(scale=20, size=(10, len(names), 2000))
BrainRVQEmbedder(weights=None, architecture={architecture!r}, sfreq=200, ch_names=names,
                 device="cpu", random_state=0).fit_transform(X)
"""


def run(options: Options) -> list[Table]:
    """Start Python again and again, in turns."""
    environment = dict(os.environ)
    if options.threads is not None:
        environment["OMP_NUM_THREADS"] = str(options.threads)

    def start(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)

    programs = {
        "python": "pass",
        "import numpy": "import numpy",
        "import sk_brainrvq": "import sk_brainrvq",
    }
    rounds = options.pick(11, 5)
    imports = interleaved({name: partial(start, code) for name, code in programs.items()}, rounds)
    firsts = {"import torch": "import torch"} | {
        f"first transform of 10 windows, {architecture}": _FIRST_TRANSFORM.format(
            architecture=architecture, ch_names=CH_NAMES
        )
        for architecture in ("small", "base")
    }
    first = interleaved(
        {name: partial(start, code) for name, code in firsts.items()},
        rounds=options.pick(5, 1),
    )
    reaches = {"import sk_brainrvq": "below 50 ms over python"}
    rows = [
        {
            "process": name,
            "s": seconds,
            "over python (ms)": 1000 * (seconds - imports["python"]),
            "reach": reaches.get(name, "below 4 s" if name.startswith("first") else ""),
        }
        for name, seconds in (imports | first).items()
    ]
    return [Table("Import and first result", rows, ["Whole processes, from start to exit."])]
