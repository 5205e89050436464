"""Small recordings in the formats of public datasets."""

import struct

import numpy as np
from edfio import Edf, EdfAnnotation, EdfSignal


def wave(times):
    """A signal that no shift in time maps onto itself and every protocol's filter passes."""
    return np.sin(2 * np.pi * 5.3 * times) + np.sin(2 * np.pi * 11.7 * times + 1)


def amplitudes(ch_names):
    """Of each channel another, in microvolts."""
    return 10.0 + 2 * np.arange(len(ch_names))


def signals_of(ch_names, seconds, sfreq):
    times = np.arange(round(seconds * sfreq)) / sfreq
    return amplitudes(ch_names)[:, None] * wave(times)


def expected_window(start, n_times=1000, sfreq=200):
    """The wave at 200 Hz, from a second on."""
    return wave(start + np.arange(n_times) / sfreq)


def write_edf(path, ch_names, signals, sfreq, annotations=()):
    """Signals in microvolts; annotations are (seconds, text)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = [
        EdfSignal(signal, sfreq, label=name, physical_dimension="uV", physical_range=(-1000, 1000))
        for name, signal in zip(ch_names, signals, strict=True)
    ]
    Edf(channels, annotations=[EdfAnnotation(t, None, text) for t, text in annotations]).write(path)


def write_gdf(path, ch_names, signals, sfreq, events):
    """GDF 1.25 in 16-bit integers; signals in microvolts, events are (sample from 0, code)."""
    n_channels, n_records = len(ch_names), signals.shape[1] // sfreq
    lowest, highest = -32768, 32767
    digital = np.clip(np.round(signals / 1000 * highest), lowest, highest).astype("<i2")

    def text(words, width):
        return b"".join(word.encode().ljust(width) for word in words)

    header = (
        text(["GDF 1.25"], 8)
        + text(["X X", "X"], 80)
        + b"2005010112000000"
        + struct.pack("<q", 256 * (1 + n_channels))
        + bytes(24 + 20)
        + struct.pack("<qIII", n_records, 1, 1, n_channels)
        + text(ch_names, 16)
        + text(["AgAgCl"] * n_channels, 80)
        + text(["uV"] * n_channels, 8)
        + np.full(n_channels, lowest / highest * 1000, "<f8").tobytes()
        + np.full(n_channels, 1000, "<f8").tobytes()
        + np.full(n_channels, lowest, "<i8").tobytes()
        + np.full(n_channels, highest, "<i8").tobytes()
        + text(["HP:0.5Hz LP:100Hz"] * n_channels, 80)
        + np.full(n_channels, sfreq, "<i4").tobytes()
        + np.full(n_channels, 3, "<i4").tobytes()
        + bytes(32 * n_channels)
    )
    records = digital[:, : n_records * sfreq].reshape(n_channels, n_records, sfreq)
    positions, codes = np.array(events).T
    table = (
        bytes([1])
        + sfreq.to_bytes(3, "little")
        + struct.pack("<I", len(events))
        + (positions + 1).astype("<u4").tobytes()
        + codes.astype("<u2").tobytes()
    )
    path.write_bytes(header + records.transpose(1, 0, 2).tobytes() + table)


def write_cnt(path, ch_names, signals, sfreq):
    """Neuroscan in 32-bit integers of 0.01 microvolts; no events."""
    n_channels, n_samples = signals.shape
    setup = bytearray(900)
    struct.pack_into("<H", setup, 370, n_channels)
    struct.pack_into("<H", setup, 376, sfreq)
    setup[225:243] = b"08/04/18\x00\x0012:00:00"
    struct.pack_into("<i", setup, 864, n_samples)
    end = 900 + 75 * n_channels + 4 * n_channels * n_samples
    struct.pack_into("<i", setup, 886, end)
    electrodes = bytearray()
    for i, name in enumerate(ch_names):
        electrode = bytearray(75)
        electrode[: len(name)] = name.encode()
        struct.pack_into("<ff", electrode, 19, np.cos(i), np.sin(i))
        struct.pack_into("<f", electrode, 59, 2.048)
        struct.pack_into("<f", electrode, 71, 1.0)
        electrodes += electrode
    with path.open("wb") as file:
        file.write(setup + electrodes)
        file.write(np.round(100 * signals).astype("<i4").T.tobytes())
        file.write(struct.pack("<Bll", 1, 0, 0))
