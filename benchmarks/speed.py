"""How fast the package is: against the machine's matrix product, the published code, and peers.

Each section runs in a process of its own. Within a section all contestants take turns, round
after round, and medians are printed as Markdown tables. details/speed.md says how to read them.

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
    """What the tables were made on."""
    return import_module("speed.machine").describe(options)


def run_section(name: str, options: Options) -> list[Table]:
    """The tables of a section; called in its own process."""
    return import_module(SECTIONS[name]).run(options)


def section_names(text: str) -> list[str]:
    """Names of sections, separated by commas."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown} are no sections; choose from {[*SECTIONS]}")
    return names


def main() -> int:
    """Run the sections, print their tables, keep the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sections",
        type=section_names,
        default=[*SECTIONS],
        help=f"some of {','.join(SECTIONS)}; all by default",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, a few rounds")
    parser.add_argument("--threads", type=int, help="threads of PyTorch; its default otherwise")
    parser.add_argument("--json", type=Path, help="file to keep the figures in")
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
            # A lost process among them: the other sections are worth having all the same.
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
