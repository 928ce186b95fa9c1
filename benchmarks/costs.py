"""What a run costs, split into set-up, compilation, sampling and everything around sampling.

    .venv/bin/python benchmarks/costs.py           # in a copy of this checkout, with the set-up of this machine
    .venv/bin/python benchmarks/costs.py --cold    # from nothing: an empty home, a bare clone of the last commit

Prints Markdown tables for benchmarks/README.md. Compare numbers within one run only.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "workflow"))


def timed(command, folder, home):
    """Run a command to its end and return its wall-clock seconds; its output goes to the user."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "HOME": str(home)}, stdout=sys.stderr)
    return time.perf_counter() - start


def seconds_by_rule(folder):
    """Wall-clock seconds of all jobs of each rule, from what Snakemake noted of their outputs (dict)."""
    spans = {}
    for path in (folder / ".snakemake" / "metadata").rglob("*"):
        if path.is_file():
            record = json.loads(path.read_text())
            spans.setdefault((record["rule"], record["job_hash"]), []).append((record["starttime"], record["endtime"]))
    totals = {}
    for (rule, _), times in spans.items():
        totals[rule] = totals.get(rule, 0) + max(end for _, end in times) - min(start for start, _ in times)
    return totals


def sampling_seconds(folder):
    """Seconds that CmdStan alone takes for all fits of a finished run, two chains at once."""
    from stanmix.stan import cmdstan

    total = 0.0
    record = json.loads((folder / "results/programs/toolchain.json").read_text())
    for path in sorted(folder.glob("results/fits/*/*/*/specification.json")):
        fit = json.loads(path.read_text())
        executable = folder / "results" / "programs" / fit["program"] / fit["program"]
        start = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):
            cmdstan.sample(
                executable, path.parent / "data.json", fit["starting_values"], fit["sampling"], fit["seeds"]["chains"],
                record, threads=2,
            )  # fmt: skip
        total += time.perf_counter() - start
    return total


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cold", action="store_true", help="from nothing: an empty home and a bare clone")
    cold = parser.parse_args().cold
    with tempfile.TemporaryDirectory() as scratch:
        folder, home = Path(scratch) / "stanmix", Path(scratch) / "home" if cold else Path.home()
        home.mkdir(exist_ok=True)
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        rows = []
        if cold:
            rows.append(
                ("Python environment", timed([sys.executable, "workflow/setup_environment.py", ".venv"], folder, home))
            )
            rows.append(("CmdStan: download and build", timed(["make", "-s", "cmdstan"], folder, home)))
        else:
            timed(["make", "-s", "cmdstan"], folder, home)
        rows.append(("`make`: all jobs", timed(["make", "-s"], folder, home)))
        by_rule = seconds_by_rule(folder)
        rows.append(("`make` again, nothing to do", timed(["make", "-s"], folder, home)))
        for name in ("fits", "compare", "reports"):
            shutil.rmtree(folder / "results" / name)
        rows.append(("`make` after deleting fits and all that follows", timed(["make", "-s"], folder, home)))
        os.environ["HOME"] = str(home)
        sampling = sampling_seconds(folder)
    print("| step | seconds |\n|---|---|")
    for step, seconds in rows:
        print(f"| {step} | {seconds:.1f} |")
    print("\n| of all jobs, summed over both cores | seconds |\n|---|---|")
    print(f"| compile | {by_rule.pop('compile'):.1f} |\n| sampling: CmdStan alone | {sampling:.1f} |")
    print(f"| around sampling in `fit` | {by_rule.pop('fit') - sampling:.1f} |")
    for rule, seconds in sorted(by_rule.items(), key=lambda item: -item[1]):
        print(f"| `{rule}` | {seconds:.1f} |")


if __name__ == "__main__":
    main()
