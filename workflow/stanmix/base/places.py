"""Where the parts of stanmix that are not Python lie: around the package in a checkout, inside it when installed."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
SHARE = PACKAGE / "_share"  # where the wheel puts them (pyproject.toml)
BASE = SHARE if SHARE.is_dir() else PACKAGE.parent.parent  # the folder of the Snakefile
SNAKEFILE = BASE / "Snakefile"
STAN = BASE / "stan"
PROFILE = BASE / "profiles" / "default"
SCHEMA = BASE / "workflow" / "schemas" / "config.schema.yaml"
