"""Runs of the whole as a user makes them: small configurations, folders of their own, and what a run did there."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

# One environment for all runs: other tests of the session may change this process's own, and CMDSTAN is an input.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(("SNAKEMAKE", "PYTHONPATH"))}

# Three data sets and four fits. The model `wrong` is wrong on purpose: its means are far from those of the data.
CONFIG = """\
seed: 7
strict: false
sampling: {chains: 2, warmup: 200, draws: 300, adapt_delta: 0.8, max_treedepth: 10, metric: diag, kernel: true}
datasets:
  pair:
    label: length (m)
    simulate: {family: normal, n: 70, theta: [0.6, 0.4], mu: [0, 8], sigma: 1}
  readings:
    csv: data/readings.csv
    column: reading
    label: reading (mm)
  calls:
    csv: data/calls.csv
    column: count
    exposure: hours
    weights: times
    id: who
    missing: drop
    label: calls
models:
  wrong:
    family: normal
    fixed: {mu: [2, 10], sigma: 1}
  free:
    family: normal
    share: [sigma]
  counts:
    family: zero_inflated_poisson
analyses:
  - {dataset: pair, models: [wrong, free], components: 2}
  - {dataset: readings, models: [free], components: 2}
  - {dataset: calls, models: [counts], components: 2}
"""
# Of these the second data set alone: what it makes of it must be the same.
HALF = CONFIG.replace("  - {dataset: pair, models: [wrong, free], components: 2}\n", "")
HALF = HALF.replace("  - {dataset: calls, models: [counts], components: 2}\n", "")


def changed(text, old, new):
    """A text with one change; `old` must stand in it exactly once."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the text"
    return text.replace(old, new)


# What describes a run, and is not among the artifacts of its manifest.
DESCRIBES = tuple(
    f"results/{name}"
    for name in ("manifest.json", "ro-crate-metadata.json", "workflow/Snakefile", "workflow/config.yaml")
)
OVERVIEW = ("results/overview.csv", "results/overview.html")


def listed(hashes):
    """Of files and their hashes those that the manifest lists: an executable holds the place of CmdStan."""
    left_out = (*DESCRIBES, "results/programs/univariate/univariate")
    return {name: found for name, found in hashes.items() if name not in left_out}


class Run:
    """A folder in which the workflow runs, and the workflow's code."""

    def __init__(self, folder, code):
        self.folder, self.code = Path(folder), Path(code)

    def __truediv__(self, path):
        return self.folder / path

    def options(self, cores=2):
        """The options of Snakemake that every run has."""
        return ["--snakefile", str(self.code / "Snakefile"), "--directory", str(self.folder), "--cores", str(cores)]

    def command(self, *arguments, cores=2):
        return [sys.executable, "-m", "snakemake", *self.options(cores), *arguments]

    def snakemake(self, *arguments, cores=2, **environment):
        """Run Snakemake from another folder to its end; exit code in `returncode`, all it said in `stdout`."""
        return subprocess.run(
            self.command(*arguments, cores=cores),
            cwd=self.folder.parent,
            env=ENVIRONMENT | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @contextlib.contextmanager
    def started(self, said, **environment):
        """Start Snakemake in a process group of its own, its output in the file `said`; killed at the latest here."""
        with open(said, "w") as file:
            process = subprocess.Popen(
                self.command(),
                cwd=self.folder.parent,
                env=ENVIRONMENT | environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()

    def configure(self, text):
        (self / "config" / "config.yaml").write_text(text)

    def hashes(self, below="results"):
        """The sha256 of every file below a folder of the run by its path, logs and the hashes beside them left out."""
        found = {}
        for path in sorted((self / below).rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and path.parent.name != ".sha256" and not name.startswith("results/logs/"):
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def times(self):
        """When every file of the results was written, the hashes beside them left out."""
        return {
            path.relative_to(self.folder).as_posix(): path.stat().st_mtime_ns
            for path in (self / "results").rglob("*")
            if path.is_file() and path.parent.name != ".sha256"
        }

    def copy(self, name):
        """A copy beside the code with what Snakemake remembers, times kept."""
        return Run(shutil.copytree(self.folder, unused(self.code.parent / name), symlinks=True), self.code)


def outdated_in(summary):
    """The jobs that a run would do, each as rule/dataset/model/components, or what of these it has.

    `summary` is what ``snakemake --summary`` prints: a row for each output.
    """
    header = ["output_file", "date", "rule", "log-file(s)", "status", "plan"]
    rows = [line.split("\t") for line in summary.splitlines() if line.count("\t") == len(header) - 1]
    assert rows[0] == header
    jobs = {"update pending": set(), "no update": set()}
    for row in rows[1:]:
        jobs[row[5]].add("/".join([row[2], *wildcards_of(row[0])]))
    assert not jobs["update pending"] & jobs["no update"]
    return jobs["update pending"]


def wildcards_of(output):
    """The values of the wildcards in the path of an output."""
    stage, *below = Path(output).parts[1:]
    if stage == "reports":  # a page, and its methods beside it
        return [below[0].removesuffix(".html").removesuffix(".methods.md")]
    return below[:-1]  # the last is the file's own name


def unused(path):
    """The path itself, or with a number where something is there already."""
    number = 2
    while path.exists():
        path = path.with_name(f"{path.name.partition('.')[0]}.{number}")
        number += 1
    return path


@contextlib.contextmanager
def edited(path, change):
    """A file with its text changed for a while; afterwards it is as before, its time too."""
    path = Path(path)
    before, content = path.stat(), path.read_bytes()
    path.write_text(change(content.decode()))
    try:
        yield
    finally:
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@contextlib.contextmanager
def forged(path):
    """An artifact that is changed by whoever uses this, with a seal that vouches for the change."""
    yield
    for seal in (path.parent / ".sha256").iterdir():
        lines = seal.read_text().splitlines()
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        lines = [f"{content}  {path.name}" if line.endswith(f"  {path.name}") else line for line in lines]
        seal.write_text("".join(f"{line}\n" for line in lines))
