"""How fast the package is: against the machine's matrix product, the published code, and peers.

Each section runs in its own process. Within a section all contestants take turns, round
after round, and medians are printed as Markdown tables. details/speed.md explains how to read them.

    python benchmarks/speed.py [--sections steps,memory] [--quick] [--threads N] [--json FILE]
"""

import argparse
import json
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from speed.measuring import Options, Table, in_fresh_process

SECTIONS = {
    "steps": "speed.steps",
    "memory": "speed.memory",
    "quantizer": "speed.quantizer",
    "transform": "speed.transform",
    "import": "speed.imports",
    "scaling": "speed.scaling",
    "workers": "speed.workers",
    "precision": "speed.precision",
    "streaming": "speed.streaming",
}


def describe_machine(options: Options) -> dict[str, Any]:
    """Table that describes the machine."""
    return import_module("speed.machine").describe(options)


def run_section(name: str, options: Options) -> list[Table]:
    """Compute the tables of a section; call this in its own process."""
    return import_module(SECTIONS[name]).run(options)


def section_names(text: str) -> list[str]:
    """Parse names of sections, separated by commas."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown} are not sections; choose from {[*SECTIONS]}")
    return names


def main() -> int:
    """Run the sections, print their tables and save the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sections",
        type=section_names,
        default=[*SECTIONS],
        help=f"some of {','.join(SECTIONS)}; default all",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, a few rounds")
    parser.add_argument("--threads", type=int, help="threads of PyTorch; default is PyTorch's own")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    options = Options(arguments.quick, arguments.threads)
    machine = in_fresh_process(describe_machine, options)
    print(Table("Machine", [{"": key, " ": value} for key, value in machine.items()]).markdown())
    kept: dict[str, Any] = {"machine": machine, "options": asdict(options), "sections": {}}
    failed = []
    for name in arguments.sections:
        try:
            tables = in_fresh_process(run_section, name, options)
        except Exception as error:
            # Includes a crashed process: the results of the other sections are still useful.
            failed.append(name)
            print(f"section {name} failed: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        for table in tables:
            print(table.markdown(), flush=True)
        kept["sections"][name] = [asdict(table) for table in tables]
        if arguments.json:
            arguments.json.write_text(json.dumps(kept, indent=2) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
