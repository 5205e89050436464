"""A Hugging Face Hub on this computer, with a cache of its own."""

import pytest
from hub_server import TOKEN, HubServer
from huggingface_hub import constants


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The server; huggingface_hub asks it and no other, and keeps its files in ``hub.cache``."""
    server = HubServer()
    server.cache = tmp_path / "cache of the hub"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    # It has read the environment when it was imported.
    template = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    for name, value in {
        "ENDPOINT": server.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": template,
        "HF_HUB_CACHE": str(server.cache),
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_OFFLINE": False,
    }.items():
        monkeypatch.setattr(constants, name, value)
    thread = server.run()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
