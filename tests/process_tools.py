"""Real processes for tests, started from a server that has imported everything already.

Each costs milliseconds instead of seconds of imports. The server has never trained: a process
forked after a backward pass could not do another.
"""

import multiprocessing
import os
import socket
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

_CONTEXT = multiprocessing.get_context("forkserver")
# The last is imported by every optimizer, pytest by what is tested with.
_CONTEXT.set_forkserver_preload(["sk_brainrvq.estimators", "accelerate", "pytest", "torch._dynamo"])
_LIMIT_IN_SECONDS = 120
_STREAMS = {"stdout": 1, "stderr": 2}


@dataclass
class Outcome:
    """How a process ended: its exit code, what its function returned, its stdout and stderr."""

    code: int
    value: object
    output: str
    errors: str


class Child:
    """A process that runs a function of a module, with environment variables of its own."""

    def __init__(self, function, *args, environment=()):
        self._folder = tempfile.TemporaryDirectory()
        self._receiver, sender = _CONTEXT.Pipe(duplex=False)
        work = (sender, Path(self._folder.name), dict(environment), function, args)
        self.process = _CONTEXT.Process(target=_work, args=work, daemon=True)
        self.process.start()
        sender.close()

    def end(self):
        """Wait for the end."""
        value = None
        if not self._receiver.poll(_LIMIT_IN_SECONDS):
            self.process.kill()
        with suppress(EOFError):  # where it ended without a result
            value = self._receiver.recv()
        self.process.join()
        with self._folder as folder:
            texts = [(Path(folder) / name).read_text() for name in _STREAMS]
        return Outcome(self.process.exitcode, value, *texts)


def _work(sender, folder, environment, function, args):
    for name, descriptor in _STREAMS.items():
        # Left open: Python writes the traceback of an error after this function has ended.
        stream = open(folder / name, "w", buffering=1)  # noqa: SIM115
        os.dup2(stream.fileno(), descriptor)
        setattr(sys, name, stream)
    os.environ.update(environment)
    torch.set_num_threads(1)
    sender.send(function(*args))
    # Process groups of PyTorch 2.6 can wait forever for their own threads when they are destroyed.
    os._exit(0)


def run_alone(function, *args):
    """Outcome of a function in a process of its own."""
    return Child(function, *args).end()


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def environments(n_processes):
    """Variables that torchrun sets, by which processes that train together find each other."""
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    common["WORLD_SIZE"] = common["LOCAL_WORLD_SIZE"] = str(n_processes)
    common["OMP_NUM_THREADS"] = "1"
    ranks = map(str, range(n_processes))
    return [{**common, "RANK": rank, "LOCAL_RANK": rank} for rank in ranks]


def run_together(n_processes, function, *args):
    """Outcomes of a function of (rank, *args) in processes that find each other."""
    children = [
        Child(function, rank, *args, environment=environment)
        for rank, environment in enumerate(environments(n_processes))
    ]
    return [child.end() for child in children]


def values_of(outcomes):
    """What the functions returned, all of which have to have ended well."""
    for outcome in outcomes:
        assert outcome.code == 0, outcome.errors
    return [outcome.value for outcome in outcomes]
