"""How often the verdict on the number of components is right: simulated data of three normal components well apart.

    .venv/bin/python benchmarks/verdicts.py [--datasets 20] [--most 5]

Each data set has its own seed. It runs in a scratch folder, and only what the verdicts need.
"""

import argparse
import collections
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def configuration(datasets, most):
    """The configuration of a run: every data set with 1 to `most` components."""
    simulated = {
        f"set-{number:02d}": {
            "simulate": {"family": "normal", "sizes": [90, 50, 75], "mu": [9, 21, 35], "sigma": 2, "seed": number}
        }
        for number in range(1, datasets + 1)
    }
    return {
        "datasets": simulated,
        "models": {"normal": {"family": "normal"}},
        "analyses": [
            {"dataset": name, "models": ["normal"], "components": list(range(1, most + 1))} for name in simulated
        ],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=20)
    parser.add_argument("--most", type=int, default=5, help="the largest number of components that is tried")
    options = parser.parse_args()
    config = configuration(options.datasets, options.most)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "config").mkdir()
        (folder / "config" / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
        targets = [f"results/compare/{name}/numbers.json" for name in config["datasets"]]
        command = [sys.executable, "-m", "snakemake", "--quiet", "all", "--cores", "all"]
        command += ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), *targets]
        subprocess.run(command, check=True)
        verdicts = [json.loads((folder / target).read_text())[0]["verdict"] for target in targets]
    for verdict, times in sorted(collections.Counter(map(str, verdicts)).items()):
        print(f"verdict {verdict}: {times} of {options.datasets} data sets")


if __name__ == "__main__":
    main()
