"""What a dry run of many data sets takes: seconds and memory of Snakemake's main process.

    python benchmarks/dry_run.py [data sets, 1000 without a word]

Each data set is a CSV file of 100 rows, analysed with one, two and three components.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = [1, 2, 3]


def prepare(folder, count):
    """Write the configuration and the CSV files of a run."""
    rng = np.random.default_rng(1)
    names = [f"station-{number:04}" for number in range(count)]
    for below in ("config", "data"):
        (folder / below).mkdir()
    for name in names:
        values = rng.normal(size=100)
        (folder / "data" / f"{name}.csv").write_text("value\n" + "".join(f"{value:.6f}\n" for value in values))
    lines = ["seed: 1", "models:", "  normal: {family: normal}", "datasets:"]
    lines += [f"  {name}: {{csv: data/{name}.csv, column: value}}" for name in names]
    lines += ["analyses:"]
    lines += [f"  - {{dataset: {name}, models: [normal], components: {COMPONENTS}}}" for name in names]
    (folder / "config" / "config.yaml").write_text("\n".join(lines) + "\n")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as scratch:
        prepare(Path(scratch), count)
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", scratch]
        begun = time.perf_counter()
        told = subprocess.run([*command, "--dry-run", "--quiet"], capture_output=True, text=True)
        seconds = time.perf_counter() - begun
    if told.returncode != 0:
        sys.exit(told.stdout + told.stderr)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{count} data sets, {count * len(COMPONENTS)} fits: {seconds:.1f} s by the clock,")
    print(f"{used.ru_utime + used.ru_stime:.1f} s of processor time, {used.ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
