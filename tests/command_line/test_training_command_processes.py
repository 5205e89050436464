"""Training in two processes, as torchrun starts them."""

from command_runs import SMALL, begin
from process_tools import environments

from sk_brainrvq import DDRVQTransformer


def test_two_processes__under_torchrun__print_and_save_once(folder, tmp_path):
    command = ("tokenizer", "fit", folder, "--out", tmp_path / "out", *SMALL, "--max-epochs", 1)
    processes = [begin(*command, **environment) for environment in environments(2)]
    first, second = (process.end() for process in processes)
    assert (first.code, second.code) == (0, 0), first.errors + second.errors
    assert "Epoch 1, the last" in first.output
    # Some versions of PyTorch print a line of their own when processes connect.
    assert [line for line in second.output.splitlines() if not line.startswith("[Gloo]")] == []
    assert "Tokenizer" not in second.errors
    DDRVQTransformer.from_pretrained(tmp_path / "out")
