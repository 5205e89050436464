"""Random damage to files: bytes, tensors and JSON content, for `fuzz_loading`."""

import copy
import hashlib
import io
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

Rng = np.random.Generator
_MARK = "__sk_brainrvq__"
_DEEP: Any = 1
for _ in range(60):
    _DEEP = [_DEEP]
ODD_VALUES: list[Any] = [
    None,
    True,
    False,
    -1,
    0,
    1,
    3,
    -(10**9),
    10**6,
    10**9,
    10**18,
    10**400,
    0.5,
    -2.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "0" * 5000,
    "../../etc/passwd",
    "\ud800",
    "transform",
    "default",
    "cuda:99",
    "meta",
    [],
    [1, 2, 3],
    [[1], [2, 3]],
    [None],
    ["a", "b", "c"],
    {},
    {"a": 1},
    {"encoder": {}},
    _DEEP,
    list(range(3000)),
    {_MARK: "unknown", "values": []},
    {_MARK: "omitted"},
    {_MARK: ["list"]},
    {_MARK: None},
    {_MARK: "array", "dtype": "<U200000000", "values": ["a", "b"]},
    {_MARK: "array", "dtype": "|V2000000000", "values": [0]},
    {_MARK: "array", "dtype": "nonsense", "values": [0]},
    {_MARK: "array", "dtype": "<f8", "values": "text"},
    {_MARK: "array", "dtype": "<f8", "values": [[1.0], [2.0, 3.0]]},
    {_MARK: "array", "dtype": "|O", "values": [{_MARK: "omitted"}]},
    {_MARK: "array", "values": [0]},
    {_MARK: "tuple", "values": 5},
    {_MARK: "tuple", "values": [1, "a"]},
    {_MARK: "bytes", "values": "zz"},
    {_MARK: "mapping", "values": [[[1], 2]]},
    {_MARK: "mapping", "values": [["a"]]},
    {_MARK: "mapping", "values": [[{_MARK: "mapping", "values": []}, 1]]},
    {_MARK: "engine", "values": {_MARK: "mapping", "values": [["precision", 5]]}},
    {_MARK: "engine", "values": {_MARK: "mapping", "values": [["resume_from", "/tmp/run"]]}},
    {_MARK: "filters", "values": {_MARK: "mapping", "values": [["l_freq", "x"]]}},
    {_MARK: "filters", "values": {_MARK: "mapping", "values": [["__class__", 1]]}},
    {_MARK: "reading", "values": [1]},
    {_MARK: "architecture", "values": {_MARK: "mapping", "values": [["depth", 10**9]]}},
    {_MARK: "random_state", "values": {"key": [1], "pos": 0, "has_gauss": 0, "gauss": 0.0}},
    {_MARK: "device", "values": "nowhere"},
]
ODD_NAMES = [
    "transform",
    "predict",
    "fit",
    "get_params",
    "_restore",
    "net_",
    "weights_",
    "__class__",
    "__dict__",
    "__init__",
    "_config",
    "set_output",
    "tokenizer_weights_",
    "depth",
    "extra",
    "history_",
    "classes_",
]
_DTYPES = [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.bool, torch.complex64]


def _choice(rng: Rng, items: Any) -> Any:
    return items[int(rng.integers(len(items)))]


# Bytes


def truncate(rng: Rng, content: bytes) -> bytes:
    """Keep only the first part."""
    return content[: int(rng.integers(len(content)))]


def flip_bits(rng: Rng, content: bytes) -> bytes:
    """Flip some bits, near the beginning or anywhere."""
    changed, within = bytearray(content), _choice(rng, [8, 200, 4000, len(content)])
    for place in rng.integers(min(within, len(content)), size=int(rng.integers(1, 20))):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def overwrite(rng: Rng, content: bytes) -> bytes:
    """Overwrite some bytes with random ones."""
    start, length = int(rng.integers(len(content))), int(rng.integers(1, 200))
    return content[:start] + rng.bytes(length) + content[start + length :]


def insert(rng: Rng, content: bytes) -> bytes:
    """Insert random bytes near the beginning."""
    start = int(rng.integers(min(5000, len(content))))
    return content[:start] + rng.bytes(int(rng.integers(1, 50))) + content[start:]


def repeat(rng: Rng, content: bytes) -> bytes:
    """Repeat a part, or remove it."""
    start, end = sorted(rng.integers(len(content), size=2).tolist())
    return content[:end] + content[start:]


# JSON


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Yield each container of a JSON value with each of its keys."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, (dict, list)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        for key in keys:
            found += [(value, key), *_places(value[key])]
    return found


def change_json(rng: Rng, value: Any) -> tuple[str, Any]:
    """Change a JSON value; return what was changed, and the new value."""
    value = copy.deepcopy(value)
    container, key = _choice(rng, _places(value))
    how = _choice(rng, ["value"] * 6 + ["remove", "rename", "wrap", "repeat", "swap"])
    if how == "value":
        container[key] = copy.deepcopy(_choice(rng, ODD_VALUES))
    elif how == "remove":
        del container[key]
    elif how == "rename" and isinstance(container, dict):
        container[_choice(rng, ODD_NAMES)] = container.pop(key)
    elif how == "wrap":
        container[key] = [container[key]]
    elif how == "repeat" and isinstance(container, list):
        container.append(container[key])
    else:
        other, place = _choice(rng, _places(value))
        if not any(part is container for part, _ in _places(other[place])):
            container[key] = copy.deepcopy(other[place])
    return f"JSON: {how}", value


def _sizes(rng: Rng, header: dict[str, Any]) -> dict[str, Any]:
    """Change one or two numbers of the configuration, by much or by little."""
    header = copy.deepcopy(header)
    places = _places(header.get("config", header))
    places = [p for p in places if isinstance(p[0][p[1]], (int, float))]
    for _ in range(int(rng.integers(1, 3))):
        container, key = _choice(rng, places)
        container[key] = _choice(rng, [0, -5, 1, 2, 7, 10**4, 10**6, 10**9, 10**12, 10**30, 1.5])
    return header


def _attribute(rng: Rng, header: dict[str, Any]) -> dict[str, Any]:
    """Add an attribute or a parameter, or change the value of one."""
    header = copy.deepcopy(header)
    if "fitted" not in header:
        inside = [header, *(p[0][p[1]] for p in _places(header) if isinstance(p[0][p[1]], dict))]
        _choice(rng, inside)[_choice(rng, ODD_NAMES)] = copy.deepcopy(_choice(rng, ODD_VALUES))
        return header
    pairs = header[_choice(rng, ["fitted", "fitted", "params"])]["values"]
    name = _choice(rng, [*ODD_NAMES, _choice(rng, pairs)[0]])
    pairs.append([name, copy.deepcopy(_choice(rng, ODD_VALUES))])
    return header


# Checkpoints


def _parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def _joined(header: str, data: bytes) -> bytes:
    text = header.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + data


def _with_header(content: bytes, header: Any) -> bytes:
    tensors, data = _parts(content)
    (key,) = tensors["__metadata__"]
    tensors["__metadata__"] = {key: header if isinstance(header, str) else json.dumps(header)}
    return _joined(json.dumps(tensors), data)


def _header(content: bytes) -> Any:
    (text,) = _parts(content)[0]["__metadata__"].values()
    return json.loads(text)


def change_header(rng: Rng, content: bytes) -> tuple[str, bytes]:
    """Change one value of our header."""
    kind, header = change_json(rng, _header(content))
    return kind, _with_header(content, header)


def change_sizes(rng: Rng, content: bytes) -> bytes:
    """Change sizes of the network."""
    return _with_header(content, _sizes(rng, _header(content)))


def add_attribute(rng: Rng, content: bytes) -> bytes:
    """Change a fitted attribute or a parameter."""
    return _with_header(content, _attribute(rng, _header(content)))


def change_header_text(rng: Rng, content: bytes) -> bytes:
    """Change a character of our header."""
    text = json.dumps(_header(content))
    place, other = (
        int(rng.integers(len(text))),
        _choice(rng, list('{}[]",:0-') + ["[" * 5000, "NaN"]),
    )
    return _with_header(content, text[:place] + other + text[place + 1 :])


def change_table(rng: Rng, content: bytes) -> bytes:
    """Change the safetensors entry of one tensor: its type, shape or position."""
    tensors, data = _parts(content)
    name = _choice(rng, [key for key in tensors if key != "__metadata__"])
    entry = tensors[name]
    what = _choice(rng, ["dtype", "shape", "data_offsets", "name", "twice", "metadata"])
    if what == "dtype":
        entry["dtype"] = _choice(rng, ["F64", "I8", "F8_E4M3", "BF16", "BOOL", "Q4", 5])
    elif what == "shape":
        entry["shape"] = _choice(rng, [[], [0], [-1], [10**18], [2**62, 4], [1, *entry["shape"]]])
    elif what == "data_offsets":
        entry["data_offsets"] = _choice(rng, [[0, 0], [0, 10**15], [5, 1], [-4, 4], None])
    elif what == "name":
        tensors[f"{name}x"] = tensors.pop(name)
    elif what == "metadata":
        (key,) = tensors["__metadata__"]
        tensors["__metadata__"] = _choice(rng, [{}, None, {key: 5}, {key: ""}, {key: "null"}])
    text = json.dumps(tensors)
    if what == "twice":
        text = text[:-1] + f", {json.dumps(name)}: {json.dumps(entry)}}}"
    return _joined(text, data)


def _changed_tensors(rng: Rng, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    name = _choice(rng, sorted(tensors))  # safetensors returns them in any order
    tensor, what = tensors[name], int(rng.integers(7))
    if what == 0:
        del tensors[name]
    elif what == 1:
        tensors[_choice(rng, ["rogue", "attached/rogue/x", name + ".x"])] = tensors.pop(name)
    elif what == 2:
        tensors["rogue"] = torch.zeros(2)
    elif what == 3:
        tensors[name] = tensor.to(_choice(rng, _DTYPES))
    elif what == 4:
        tensors[name] = _choice(rng, [tensor.reshape(-1), tensor[None], torch.zeros(0)])
    elif what == 5 and tensor.is_floating_point():
        tensors[name] = torch.full_like(tensor, float("nan"))
    else:
        tensors[name] = torch.zeros(int(rng.integers(1, 4000)))
    return tensors


def change_tensors(rng: Rng, content: bytes) -> bytes:
    """Change a tensor in an otherwise intact file."""
    metadata = _parts(content)[0]["__metadata__"]
    return save(_changed_tensors(rng, load(content)), metadata=metadata)


# Published checkpoints


def change_published(rng: Rng, content: bytes) -> bytes:
    """Change a state dict, or the container that holds it."""
    state: Any = torch.load(io.BytesIO(content), weights_only=True)
    name, what = _choice(rng, list(state)), int(rng.integers(5))
    if what == 0:
        state[name] = torch.zeros(1).expand(_choice(rng, [[10**6, 10**6], [40000, 40000], [7]]))
    elif what == 1:
        state[name] = _choice(rng, [None, 5, "text", [1.0], {"a": 1}, torch.zeros(())])
    elif what == 2:
        state[f"blocks.{10 ** int(rng.integers(1, 12))}.norm1.weight"] = torch.zeros(100)
    elif what == 3:
        state = _choice(rng, [[1], {"model": state, 5: 1}, {"model": 5}, {}, {5: state[name]}])
    else:
        state = _changed_tensors(rng, dict(state))
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


# Indexes


def change_index(rng: Rng, content: bytes) -> tuple[str, bytes]:
    """Change one line of an index; its checksum is corrected, so that the rest gets checked."""
    lines = [json.loads(line) for line in content.splitlines()]
    number = int(rng.integers(len(lines)))
    kind, lines[number] = change_json(rng, lines[number])
    what = int(rng.integers(12))
    if what == 0:
        kind, lines = "index: a line more", [*lines, lines[-1]]
    elif what == 1:
        kind, lines = "index: a line less", lines[:-1]
    elif what == 2 and isinstance(lines[1], dict):
        lines[1]["n_times"] = _choice(rng, [1, 10**6, 10**8, 10**10, 10**15])
        kind = "index: length"
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines[1:])
    if isinstance(lines[0], dict) and "sha256" in lines[0]:
        lines[0]["sha256"] = hashlib.sha256(body).hexdigest()
    return kind, json.dumps(lines[0]).encode() + b"\n" + body


_BYTES: dict[str, Callable] = {
    "bytes: truncated": truncate,
    "bytes: bits flipped": flip_bits,
    "bytes: overwritten": overwrite,
    "bytes: inserted": insert,
    "bytes: repeated": repeat,
}
_OWN: dict[str, Callable] = {
    "header: text": change_header_text,
    "header: sizes": change_sizes,
    "header: attribute": add_attribute,
    "tensors: table": change_table,
    "tensors: values": change_tensors,
}
MUTATIONS = [
    *_BYTES,
    *_OWN,
    "published: state",
    *(f"JSON: {how}" for how in ("value", "remove", "rename", "wrap", "repeat", "swap")),
    *(f"index: {what}" for what in ("length", "a line more", "a line less")),
]


def mutated(rng: Rng, name: str, content: bytes) -> tuple[str, bytes]:
    """Damage the content of a file in one random way.

    Parameters
    ----------
    rng : numpy Generator
    name : str
        Name of the file: an index, a published .pth, a configuration, or a checkpoint.
    content : bytes

    Returns
    -------
    str
        One of `MUTATIONS`.
    bytes
    """
    if rng.random() < 0.2:
        kind = _choice(rng, list(_BYTES))
        return kind, _BYTES[kind](rng, content)
    if name == "index.jsonl":
        return change_index(rng, content)
    if name == "configuration.json":
        kind, document = change_json(rng, json.loads(content))
        return kind, json.dumps(document).encode()
    if name == "published.pth":
        return "published: state", change_published(rng, content)
    if rng.random() < 0.4:
        return change_header(rng, content)
    kind = _choice(rng, list(_OWN))
    return kind, _OWN[kind](rng, content)
