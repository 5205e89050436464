"""Packaging of sk_brainrvq; metadata stands here, tool settings in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = (ROOT / "sk_brainrvq" / "_version.py").read_text().split('"')[-2]

EXTRAS = {
    "braindecode": ["braindecode>=1.4"],
    "moabb": ["moabb>=1.7"],
    "benchmarks": ["braindecode>=1.4", "moabb>=1.7", "pyriemann>=0.12", "vector-quantize-pytorch"],
    "corpus": ["zarr>=3.1.4", "fsspec>=2024.12"],
    "distributed": ["accelerate>=1.0"],
    "lora": ["peft>=0.13"],
    "table": ["pandas>=2.2.2", "pyarrow>=16"],
    "docs": [
        "docutils>=0.22",
        "numpydoc>=1.8",
        "pydata-sphinx-theme>=0.16",
        "sphinx>=8.2",
        "sphinx-copybutton>=0.5",
        "sphinx-design>=0.6",
        "sphinx-gallery>=0.17",
    ],
    "dev": [
        "accelerate>=1.0",
        "braindecode>=1.4",
        "codespell",
        "dask[distributed]",
        "edfio",
        "eeglabio",
        "fsspec>=2024.12",
        "h5py",
        "hypothesis",
        "moabb>=1.7",
        "mypy",
        "numpydoc>=1.8",
        "pandas>=2.2.2",
        "peft>=0.13",
        "pyarrow>=16",
        "pybv",
        "pyriemann>=0.12",
        "pytest",
        "pytest-xdist",
        "ruff",
        "setuptools>=77.0.3",
        "zarr>=3.1.4",
    ],
}

setup(
    name="sk_brainrvq",
    version=VERSION,
    description="scikit-learn estimators for BrainRVQ, a foundation model of EEG",
    long_description=(ROOT / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="BSD-3-Clause",
    license_files=["LICENSE"],
    author="The sk_brainrvq developers",
    # Addresses of the source, its issues and its pages are added here once there are any.
    project_urls={"Paper": "https://arxiv.org/abs/2602.16951"},
    keywords=[
        "BrainRVQ",
        "EEG",
        "electroencephalography",
        "foundation model",
        "residual vector quantization",
        "scikit-learn",
        "self-supervised learning",
        "tokenizer",
    ],
    python_requires=">=3.11",
    packages=find_packages(include=["sk_brainrvq", "sk_brainrvq.*"]),
    package_data={
        "sk_brainrvq": ["py.typed"],
        "sk_brainrvq.datasets": ["*_sha256.txt", "*_git_sha1.txt"],
        "sk_brainrvq.weights": ["bundled/*/*"],
    },
    install_requires=[
        "numpy>=2",
        "scipy>=1.15",
        "scikit-learn>=1.7.2",
        "torch>=2.6",
        "skorch>=1.3",
        "mne>=1.11",
        "joblib>=1.3",
        "safetensors>=0.5",
        "tqdm>=4.66",
        "pooch>=1.8",
        "filelock>=3.18",
        "click>=8.3",
        "matplotlib>=3.9",
        "pyyaml>=6",
        "typing_extensions>=4.10",
    ],
    entry_points={"console_scripts": ["sk-brainrvq = sk_brainrvq.command_line:main"]},
    extras_require=EXTRAS,
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Medical Science Apps.",
    ],
)
