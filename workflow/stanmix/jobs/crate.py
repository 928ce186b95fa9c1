"""The run described for other tools: an RO-Crate after the Workflow Run Crate profile, made from the manifest."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from stanmix.base.files import read_json, whole, write_json, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

SPECIFICATION = "https://w3id.org/ro/crate/1.1"
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
# What the results rest on most; the manifest has the versions of all packages.
PACKAGES = {
    "cmdstanpy": "https://mc-stan.org/cmdstanpy/",
    "arviz": "https://python.arviz.org/",
    "numpy": "https://numpy.org/",
    "scipy": "https://scipy.org/",
    "pandas": "https://pandas.pydata.org/",
    "xarray": "https://xarray.dev/",
    "matplotlib": "https://matplotlib.org/",
}
KINDS = {".html": "text/html", ".csv": "text/csv", ".json": "application/json", ".yaml": "application/yaml"}
KINDS |= {".md": "text/markdown"}
FOLDERS = {
    "data": "The data sets as they were read or simulated, and what was noticed about them",
    "programs": "The compiled Stan programs, and what they were compiled from",
    "fits": "The draws, tables, checks and figures of every fit",
    "compare": "The fits of each data set side by side",
}


def write_crate(manifest: str | PathLike, snakefile: str | PathLike, outputs: Mapping) -> None:
    """Write the RO-Crate of a run, with the two files of the run that it has to hold.

    Parameters
    ----------
    manifest : path-like
        The manifest of the run.
    snakefile : path-like
        The workflow's Snakefile.
    outputs : mapping
        Paths in one folder, which is the crate: metadata (JSON), snakefile (a copy) and config (YAML: the configuration
        with every data set written out and every default in place).

    Notes
    -----
    RO-Crate 1.1 asks for the date of publication. Equal runs give equal bytes, so it is that of the release of stanmix;
    who publishes a crate writes the day there.
    """
    said, folder = read_json(manifest), Path(outputs["metadata"]).parent
    with whole(outputs["snakefile"]) as beside:
        shutil.copyfile(snakefile, beside)
    write_text(outputs["config"], yaml.safe_dump(said["config"], sort_keys=False, allow_unicode=True, width=100))
    names = {name: Path(outputs[name]).relative_to(folder).as_posix() for name in ("metadata", "snakefile", "config")}
    made = {Path(path).relative_to(folder).as_posix(): digest for path, digest in said["artifacts"].items()}
    write_json(outputs["metadata"], {"@context": CONTEXT, "@graph": _graph(said, made, names)})


def _graph(said, made, names):
    """The entities of the crate: what it is, the workflow, its inputs and outputs, the run, and what it ran with."""
    pages = [path for path in made if path.startswith("reports/")]
    tables = [path for path in made if path in ("overview.html", "overview.csv")]
    folders = [name for name in FOLDERS if any(path.startswith(f"{name}/") for path in made)]
    datasets = said["config"]["datasets"]
    asked = ", ".join(list(datasets)[:3]) + (f" and {len(datasets) - 3} more" if len(datasets) > 3 else "")
    given = [
        {
            "@id": f"#input/{path}",
            "@type": "CreativeWork",
            "name": path,
            "description": "A file the configuration names, which is no part of the crate",
            "encodingFormat": "text/csv",
            "sha256": digest,
            "exampleOfWork": _to("#csv"),
        }
        for path, digest in sorted(said["data"].items())
    ]
    results = [
        *(
            _file(path, f"Overview of all data sets ({Path(path).suffix[1:]})", made[path], "#overview")
            for path in tables
        ),
        *(_file(path, _of_report(path), made[path], "#reports") for path in pages),
        _file("manifest.json", "The hash of every artifact, the configuration and all versions", None, "#manifest"),
        *(
            {"@id": f"{name}/", "@type": "Dataset", "name": FOLDERS[name], "exampleOfWork": _to(f"#{name}")}
            for name in folders
        ),
    ]
    software = _software(said)
    parameters = {
        "input": [
            _parameter("#config", "config", "File", "What is to be done: data sets, models and analyses"),
            *([_parameter("#csv", "csv", "File", "The CSV files that the configuration names")] if given else []),
        ],
        "output": [
            *([_parameter("#overview", "overview", "File", "All data sets in one table")] if tables else []),
            _parameter("#reports", "reports", "File", "One page for each data set"),
            _parameter("#manifest", "manifest", "File", "What was made, and by what"),
            *(_parameter(f"#{name}", name, "Dataset", FOLDERS[name]) for name in folders),
        ],
    }
    return [
        {
            "@id": names["metadata"],
            "@type": "CreativeWork",
            "about": _to("./"),
            "conformsTo": [_to(SPECIFICATION), _to("https://w3id.org/workflowhub/workflow-ro-crate/1.0")],
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"Bayesian mixture analyses of {asked}",
            "description": (
                f"The results of a run of stanmix {said['stanmix']}: finite mixtures fitted by CmdStan, checked and "
                "reported. The date is that of this release of stanmix, because equal runs give equal bytes."
            ),
            "datePublished": said["released"],
            "license": _to("#license"),
            "conformsTo": [_to(profile) for profile in PROFILES],
            "hasPart": [_to(names["snakefile"]), _to(names["config"]), *(_to(entity["@id"]) for entity in results)],
            "mainEntity": _to(names["snakefile"]),
            "mentions": _to("#run"),
        },
        *(
            {"@id": profile, "@type": "CreativeWork", "name": name, "version": version}
            for profile, (name, version) in PROFILES.items()
        ),
        {
            "@id": "#license",
            "@type": "CreativeWork",
            "name": "Terms of use",
            "description": "None are stated: whoever publishes these results says under which terms.",
        },
        {
            "@id": names["snakefile"],
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": "stanmix: self-checking Bayesian mixture analyses from a YAML file and a CSV",
            "description": "The table of contents of the workflow; its rules and code are those of the version named.",
            "encodingFormat": "text/plain",
            "conformsTo": _to("https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"),
            "version": said["stanmix"] + _commit(said["code"]),
            "programmingLanguage": _to(SNAKEMAKE),
            "license": "https://spdx.org/licenses/BSD-3-Clause",
            "creator": _to("#authors"),
            "softwareRequirements": [_to(entity["@id"]) for entity in software],
            **{key: [_to(entity["@id"]) for entity in entities] for key, entities in parameters.items()},
        },
        {"@id": "#authors", "@type": "Organization", "name": "The stanmix authors"},
        {
            "@id": SNAKEMAKE,
            "@type": "ComputerLanguage",
            "name": "Snakemake",
            "identifier": _to("https://doi.org/10.1093/bioinformatics/bts480"),
            "url": _to("https://snakemake.readthedocs.io"),
            "version": said["packages"]["snakemake"],
        },
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": f"Run of stanmix {said['stanmix']}",
            "description": f"Every job of the run, on {said['platform']}",
            "instrument": _to(names["snakefile"]),
            "object": [_to(names["config"]), *(_to(entity["@id"]) for entity in given)],
            "result": [_to(entity["@id"]) for entity in results],
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
        _file(names["config"], "The configuration, every data set and default written out", None, "#config"),
        *given,
        *results,
        *parameters["input"],
        *parameters["output"],
        *software,
    ]


def _commit(code):
    """The commit behind a version, where it is known."""
    changed = " with uncommitted changes" if code["dirty"] else ""
    return f" (commit {code['commit']}{changed})" if code["commit"] else ""


def _to(identifier):
    """A reference to an entity."""
    return {"@id": identifier}


def _file(path, name, digest, parameter):
    """A file of the crate, which stands for an input or output of the workflow."""
    entity = {"@id": path, "@type": "File", "name": name, "encodingFormat": KINDS[Path(path).suffix]}
    return entity | ({"sha256": digest} if digest else {}) | {"exampleOfWork": _to(parameter)}


def _of_report(path):
    """What a page is, or the methods that go with it."""
    name = Path(path).name
    return f"Report of {name[:-5]}" if name.endswith(".html") else f"Methods of {name.removesuffix('.methods.md')}"


def _parameter(identifier, name, kind, description):
    """An input or output of the workflow."""
    return {
        "@id": identifier,
        "@type": "FormalParameter",
        "additionalType": kind,
        "name": name,
        "description": description,
        "conformsTo": _to("https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"),
    }


def _software(said):
    """What the run stood on, with versions."""
    toolchain = said["toolchain"]
    known = {name: said["packages"][name] for name in PACKAGES if name in said["packages"]}
    return [
        _program("https://mc-stan.org/users/interfaces/cmdstan", "CmdStan", toolchain["cmdstan"]),
        _program("#compiler", toolchain["compiler"], toolchain["compiler"].rsplit(" ", 1)[-1]),
        _program("https://www.python.org/", "Python", said["python"]),
        *(_program(PACKAGES[name], name, version) for name, version in known.items()),
    ]


def _program(identifier, name, version):
    """A program by its address, where it has one."""
    entity = {"@id": identifier, "@type": "SoftwareApplication", "name": name, "softwareVersion": version}
    return entity if identifier.startswith("#") else entity | {"url": _to(identifier)}
