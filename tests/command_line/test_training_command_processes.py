"""Training in two processes, as torchrun starts them."""

import socket

from command_runs import SMALL, run_alone, start

from sk_brainrvq import DDRVQTransformer


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return str(server.getsockname()[1])


def test_two_processes__under_torchrun__print_and_save_once(folder, tmp_path):
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2"}
    command = ("tokenizer", "fit", folder, "--out", tmp_path / "out", *SMALL, "--max-epochs", 1)
    second = start(*command, **address, RANK="1", LOCAL_RANK="1")
    code, out, err = run_alone(*command, **address, RANK="0", LOCAL_RANK="0")
    out_of_second, err_of_second = second.communicate(timeout=60)
    assert (code, second.returncode) == (0, 0), err + err_of_second
    assert "Epoch 1, the last" in out
    # Some versions of PyTorch print a line of their own when processes connect.
    assert [line for line in out_of_second.splitlines() if not line.startswith("[Gloo]")] == []
    assert "Tokenizer" not in err_of_second
    DDRVQTransformer.from_pretrained(tmp_path / "out")
