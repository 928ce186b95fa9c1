"""The workflow as a module of a larger one, its jobs sent elsewhere, and what needs no number of cores."""

import re

import pytest
from runs import CONFIG, DESCRIBES, OVERVIEW, Run, changed, unused

# A workflow that makes the CSV files and hands them to stanmix; `prefix` stands in for a line or for nothing.
OUTER = """\
configfile: "config/config.yaml"


rule all:
    input:
        "{place}results/ro-crate-metadata.json",


module stanmix:
    snakefile:
        "{snakefile}"
    config:
        config["mixtures"]
    {prefix}


use rule * from stanmix as mix_*


rule make:
    input:
        "data/{{name}}.csv",
    output:
        "made/{{name}}.csv",
    localrule: True
    shell:
        "cp {{input}} {{output}}"
"""
SUBMIT = """\
#!/usr/bin/env bash
bash "$1" > "$1.log" 2>&1 &
echo $!
"""
TWO = CONFIG.replace("  - {dataset: pair, models: [wrong, free], components: 2}\n", "")
TWO = TWO.replace("csv: data/", "csv: made/")


@pytest.fixture
def outer(new_run):
    """A function that makes a folder with a workflow around this one."""

    def make(prefix="", config=TWO):
        run = new_run("outer", "")
        code = unused(run.folder.with_name("outer-code"))
        code.mkdir()
        words = {"prefix": f'prefix:\n        "{prefix}"' if prefix else "", "place": f"{prefix}/" if prefix else ""}
        (code / "Snakefile").write_text(OUTER.format(snakefile=run.code / "workflow" / "Snakefile", **words))
        inside = "".join(f"  {line}\n" for line in config.splitlines())
        run.configure("other: 1\nmixtures:\n" + inside)
        return Run(run.folder, code)

    return make


def test_a_module_with_a_prefix_whose_jobs_are_sent_elsewhere_gives_the_same_bytes(outer, finished, tmp_path):
    pytest.importorskip("snakemake_executor_plugin_cluster_generic")
    run = outer("mix")
    submit = tmp_path / "submit.sh"
    submit.write_text(SUBMIT)
    submit.chmod(0o755)
    profile = finished.code / "workflow" / "profiles" / "generic"
    told = run.snakemake(
        *("--workflow-profile", str(profile), "--cluster-generic-submit-cmd", str(submit)),
        *("--seconds-between-status-checks", "1", "--latency-wait", "5"),
    )
    assert told.returncode == 0, told.stdout
    found = {name.removeprefix("mix/"): value for name, value in run.hashes("mix/results").items()}
    found = {name: value for name, value in found.items() if not name.startswith("results/logs/")}
    whole = {name: value for name, value in finished.hashes().items() if "/pair" not in name}
    assert set(found) == set(whole)
    told_apart = {*DESCRIBES, *OVERVIEW, "results/reports/readings.html", "results/reports/calls.html"}
    told_apart -= {"results/workflow/Snakefile"}
    assert {name for name in found if found[name] != whole[name]} == told_apart  # these name the files that were read
    assert not (run / "results").exists()


def test_a_module_without_a_prefix_plans_the_same_jobs(outer, forked):
    counted = []
    for prefix in ("", "mix"):
        code, said = forked(outer(prefix), "--dry-run", "--quiet", "rules")
        assert code == 0, said
        counted.append(dict(re.findall(r"^(\w+) +(\d+)$", said, re.MULTILINE)))
    assert counted[0] == counted[1]
    assert counted[0]["make"] == "2"
    assert counted[0]["mix_fit_modes"] == "2"


def test_a_file_that_a_rule_makes_is_checked_by_the_job_that_reads_it(outer, forked):
    run = outer("mix")
    (run / "made").mkdir()
    (run / "made" / "readings.csv").write_text("left over from an earlier run\n")
    code, said = forked(run, "--dry-run")
    assert code == 0, said


def test_a_file_that_is_not_there_and_that_no_rule_makes(outer, forked):
    code, said = forked(outer(config=changed(TWO, "made/readings.csv", "other/readings.csv")), "--dry-run")
    assert code != 0
    assert said.count("other/readings.csv: there is no such file") == 1


def test_a_mistake_in_the_configuration_of_a_module_is_told_by_the_line_in_the_file(outer, forked):
    config = changed(TWO, "draws: 300", "draws: many")
    run = outer(config=config)
    code, said = forked(run, "--dry-run")
    line = next(i for i, text in enumerate((run / "config/config.yaml").read_text().splitlines(), 1) if "many" in text)
    assert code != 0
    assert f"config/config.yaml, line {line}: sampling.draws is 'many'" in said


@pytest.fixture(scope="module")
def asked(finished):
    """A copy of a finished run that is asked many things and stays as it is."""
    return finished.copy("asked")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dry-run"],
        ["--summary"],
        ["--dag"],
        ["--rulegraph"],
        ["--lint"],
        ["--unlock"],
        ["--report", "page.html"],
        ["--dry-run", "--executor", "cluster-generic", "--cluster-generic-submit-cmd", "bash", "--jobs", "10"],
    ],
    ids=" ".join,
)
def test_nothing_but_a_run_asks_for_the_number_of_cores(asked, forked, arguments):
    run = Run(asked.folder, asked.code)
    options = run.options()
    at = options.index("--cores")
    run.options = lambda: options[:at] + options[at + 2 :]
    code, said = forked(run, *arguments)
    assert code == 0, said


def test_both_snakefiles_make_the_same(asked, forked):
    run = Run(asked.folder, asked.code)
    options = [str(run.code / "workflow" / "Snakefile") if "Snakefile" in text else text for text in run.options()]
    run.options = lambda: options
    code, said = forked(run)
    assert code == 0
    assert "Nothing to be done" in said
