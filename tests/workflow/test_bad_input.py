"""What a user gets who makes a mistake: sentences with file and line, no traceback, and no harm to what is there."""

import json
import re

import pytest
from runs import CONFIG, changed

TIED = 'priors: {sigma: "normal(0, 5)"}'


@pytest.fixture(scope="module")
def run(finished):
    """A finished run in which each test makes a mistake and takes it back."""
    return finished.copy("mistaken")


@pytest.fixture
def told(run, forked):
    """A function that runs with a configuration and returns the output, after a look at what holds for all mistakes."""
    kept = {name: (run / "data" / f"{name}.csv").read_bytes() for name in ("readings", "calls")}
    before = run.hashes(), run.times()

    def run_with(config=CONFIG):
        run.configure(config)
        code, said = forked(run)
        assert code != 0
        assert "Traceback" not in said
        assert not re.search(r"WorkflowError|Snakefile|\.smk|rule ", said), "Snakemake's frame is around the sentence"
        assert "Job stats" not in said, "a job was planned before the mistake was found"
        assert (run.hashes(), run.times()) == before, "the results are not untouched"
        return said

    yield run_with
    for name, content in kept.items():
        (run / "data" / f"{name}.csv").write_bytes(content)
    run.configure(CONFIG)


def line_of(text, part):
    """The number of the line in which something stands."""
    return next(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


def test_two_mistakes_are_told_at_once(told):
    config = changed(changed(CONFIG, "draws: 300", "draws: many"), "mu: [0, 8], sigma: 1", "mu: [0, 8], sigma: -1")
    said = told(config)
    assert f"config/config.yaml, line {line_of(config, 'many')}: sampling.draws is 'many'" in said
    assert f"config/config.yaml, line {line_of(config, 'sigma: -1')}: datasets.pair.simulate.sigma is -1" in said


def test_an_unknown_key(told):
    said = told(changed(CONFIG, "    label: reading", "    lable: reading"))
    assert f"config/config.yaml, line {line_of(CONFIG, 'reading (mm)')}: datasets.readings.lable is not a key" in said
    assert "did you mean 'label'?" in said


def test_a_mistake_in_the_yaml(told):
    said = told(changed(CONFIG, "[wrong, free]", "[wrong, free"))
    assert f"config/config.yaml, line {line_of(CONFIG, '[wrong, free]')}, column" in said
    assert "this is not YAML" in said


def test_a_model_that_does_not_exist(told):
    said = told(changed(CONFIG, "[wrong, free]", "[wrong, fee]"))
    assert f"config/config.yaml, line {line_of(CONFIG, '[wrong, free]')}: analyses[0].models names 'fee'" in said
    assert "there are wrong, free" in said


def test_a_number_of_components_that_does_not_fit(told):
    said = told(changed(CONFIG, "[wrong, free], components: 2", "[wrong, free], components: 3"))
    assert f"config/config.yaml, line {line_of(CONFIG, '[2, 10]')}: models.wrong.fixed.mu has 2 values" in said
    assert "3 components" in said


def test_a_file_that_is_not_there(told, run):
    (run / "data" / "readings.csv").unlink()
    assert "data/readings.csv: there is no such file" in told()


def test_cells_that_are_no_numbers(told, run):
    path = run / "data" / "readings.csv"
    rows = path.read_text().splitlines()
    rows[3], rows[9] = "r3,about ten,11,1,", "r9,,11,1,"
    path.write_text("\n".join(rows) + "\n")
    said = told()
    assert "data/readings.csv, line 4, column 'reading': 'about ten' is not a number" in said
    assert "data/readings.csv, line 10, column 'reading': the cell is empty" in said


def test_a_column_that_is_not_there(told):
    said = told(changed(CONFIG, "column: reading", "column: reeding"))
    assert "data/readings.csv, line 1: there is no column 'reeding'" in said
    assert "did you mean 'reading'?" in said


def test_a_configuration_that_holds_code_is_refused_before_it_runs(told, run):
    ran = run / "ran"
    definition = f"open({str(ran)!r}, 'w')"
    said = told(f"base: &base {{__use_yte__: true}}\n<<: *base\n__definitions__:\n  - {definition}\n{CONFIG}")
    assert "config/config.yaml, line 1: __use_yte__ would run Python code" in said
    assert "config/config.yaml, line 3: __definitions__ would run Python code" in said
    assert not ran.exists()


def test_no_configuration(new_run, forked):
    run = new_run("without")
    (run / "config" / "config.yaml").unlink()
    code, said = forked(run, "--dry-run")
    assert code == 1
    assert said.splitlines()[-1].startswith("config/config.yaml: there is no such file; write one")


def test_an_empty_configuration(told):
    said = told("")
    assert "config/config.yaml: the configuration is empty" in said


def test_after_the_mistakes_nothing_is_outdated(run, outdated):
    assert outdated(run) == set()


def test_a_new_folder_gets_no_results_from_a_mistake(new_run):
    run = new_run("new", changed(CONFIG, "draws: 300", "draws: 3"))
    assert run.snakemake().returncode != 0
    assert not (run / "results").exists()


def test_ties_under_a_prior_that_lets_a_component_collapse(told, run):
    path = run / "data" / "readings.csv"
    path.write_text(path.read_text() + "r46,10.5,1,1,\nr47,10.5,1,1,\n")
    said = told(changed(CONFIG, "    share: [sigma]\n", f"    {TIED}\n"))
    assert "datasets.readings (data/readings.csv) with models.free: 2 of the 47 values are tied with another" in said
    assert "lognormal or inv_gamma" in said


def test_values_below_0_under_a_family_that_has_none(told, run):
    path = run / "data" / "readings.csv"
    path.write_text(path.read_text() + "r46,-2.5,1,1,\n")
    said = told(changed(CONFIG, "    family: normal\n    share: [sigma]\n", "    family: gamma\n"))
    assert "with models.free: the family gamma needs values above 0, but line 47, column 'reading', has -2.5" in said
    assert "use a family of the whole line, such as normal" in said


def test_a_parameter_of_another_family(told):
    said = told(changed(CONFIG, "    share: [sigma]", "    share: [sdlog]"))
    line = line_of(CONFIG, "    share: [sigma]")
    assert f"config/config.yaml, line {line}: models.free.share names 'sdlog', which is no parameter of the" in said
    assert "family normal; it has mu, sigma." in said


def test_a_cmdstan_that_is_not_there(finished):
    run = finished.copy("no-cmdstan")
    end = run.snakemake(CMDSTAN="/no/such/folder")
    assert end.returncode != 0
    assert "Traceback" not in end.stdout
    assert end.stdout.count("CMDSTAN is /no/such/folder, and that is no CmdStan") == 1
    assert "Set CMDSTAN to the folder of a built CmdStan, or unset it" in end.stdout


INTEGERS = "name,reading,again,other,group\n" + "".join(f"r{i},{i % 7},1,1,\n" for i in range(1, 46))
OWN = ("    share: [sigma]\n", f"    {TIED}\n")
COUNTED = "data/calls.csv, line 13, column 'count': "


def bernoulli(text):
    """The counts as successes of one trial each."""
    return re.sub(r"(n\d+),(\d+|NA),", r"\1,1,", text.replace(",200,", ",1,")).replace("n5,1,", "n5,0,")


# The file that is changed (or made), how (a text or bytes), edits of the configuration, and what is said.
MISTAKES = {
    "a negative count": (
        "calls", lambda text: text.replace("n12,", "n12,-"), [],
        ["with models.counts: the family zero_inflated_poisson needs counts from 0, but line 13, ", "'count', has -"],
    ),
    "a fraction as a count": (
        "calls", lambda text: text.replace("n12,", "n12,0."), [],
        ["with models.counts: the family zero_inflated_poisson needs whole numbers, but line 13, ", "'count', has 0."],
    ),
    "more successes than trials": (
        "calls", lambda text: text.replace("n12,", "n12,20"),
        [("exposure: hours", "trials: tries"), ("family: zero_inflated_poisson", "family: binomial")],
        [COUNTED + "20", "of 200 trials (column 'tries') is not possible; successes are a whole number from 0 to the"],
    ),
    "semicolons and points beside decimal commas": (
        "readings", lambda text: text.replace(",", ";").replace(".", ",", 9), [],
        ["data/readings.csv, line 5, column 'reading': '", "has a point, where other numbers of the file have"],
    ),
    "a count that CmdStan cannot read": (
        "calls", lambda text: text.replace("n12,", "n12,42949672"), [],
        ["needs counts up to 2147483647, beyond which CmdStan cannot count, but line 13, column 'count', has 42949672"],
    ),
    "rounding that is none": (
        "readings", lambda text: text, [("    column: reading\n", "    column: reading\n    rounding: 5\n")],
        ["data/readings.csv, line 2, column 'reading': ", " is no multiple of 5 (and 35 more); `rounding:` is"],
    ),
    "columns that are related": (
        "readings", lambda text: text,
        [
            ("    column: reading\n", "    columns: [reading, again]\n"), ("models: [wrong, free]", "models: [wrong]"),
            ("family: normal\n    share: [sigma]", "family: multivariate_normal"),
        ],
        ["with models.free: columns are related, 'again' = 1 + 'reading', so that their correlations have no density"],
    ),
    "braces in the name of a file": (
        "readings", lambda text: text, [("csv: data/readings.csv", "csv: 'data/{readings}.csv'")],
        ["datasets.readings.csv is 'data/{readings}.csv'; Snakemake reads '{' and '}' in the name of a file"],
    ),
    "UTF-16": (
        "readings", lambda text: text.encode("utf-16"), [],
        ["data/readings.csv: this is text in UTF-16; save the file as CSV in UTF-8."],
    ),
    "an empty file": (
        "readings", lambda text: "", [],
        ["data/readings.csv: the file is empty or its first line is; it needs a header that names the columns."],
    ),
    "a folder": (
        "readings", lambda text: text, [("csv: data/readings.csv", "csv: data")],
        ["data: this is a folder, not a CSV file."],
    ),
    "tied integers": (
        "readings", lambda text: INTEGERS, [OWN],
        ["45 of the 45 values are tied with another", "under a normal prior", "best cut by T[0.289, ]", "rounding: 1"],
    ),
    "more components than values": (
        "readings", lambda text: INTEGERS,
        [("{dataset: readings, models: [free], components: 2}", "{dataset: readings, models: [free], components: 8}")],
        ["with models.free: 8 components are asked for, but the data have only 7 distinct values; ask for fewer, "
         "or say the prior of mu and sigma yourself."],
    ),
    "two Bernoulli components": (
        "calls", bernoulli,
        [("exposure: hours", "trials: tries"), ("family: zero_inflated_poisson", "family: binomial")],
        ["2 binomial components have 3 unknowns, but no row has more than 1 trials"],
    ),
    "a density beside a probability": (
        "calls", lambda text: text, [("models: [counts]", "models: [counts, free]"), ("    exposure: hours\n", "")],
        ["compares 'counts' and 'free', one a density and one a probability, which LOO cannot compare"],
    ),
    "trials that are not named": (
        "calls", lambda text: text, [("zero_inflated_poisson", "beta_binomial"), ("    exposure: hours\n", "")],
        ["names 'counts' of the family beta_binomial, which needs the key 'trials' in datasets.calls"],
    ),
    "two rows of one name": (
        "calls", lambda text: text.replace("caller 12,", "caller 11,"), [],
        ["data/calls.csv, line 13, column 'who': the id 'caller 11, <b>' stands in line 12 already"],
    ),
    "a missing value": (
        "calls", lambda text: text, [("    missing: drop\n", "")],
        ["data/calls.csv, line 8, column 'count': the value is missing ('NA'); fill it, or set missing: drop"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_data_or_in_what_is_asked_of_them(told, run, mistake):
    name, change, edits, words = MISTAKES[mistake]
    path = run / "data" / f"{name}.csv"
    content = change(path.read_text())
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    config = CONFIG
    for old, new in edits:
        config = changed(config, old, new)
    said = told(config)
    for each in words:
        assert each in said


def test_a_configuration_that_is_not_there(finished):
    run = finished.copy("no-config")
    (run / "config" / "config.yaml").unlink()
    end = run.snakemake()
    assert end.returncode != 0
    assert "Traceback" not in end.stdout
    assert "config/config.yaml" in end.stdout
    assert json.loads((run / "results/manifest.json").read_text())
