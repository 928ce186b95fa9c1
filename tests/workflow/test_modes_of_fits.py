"""Modes in runs of the whole: searched where there are several components, and told on the page."""

import json

from runs import changed


def test_modes_are_searched_checked_and_shown(finished):
    page = (finished / "results/reports/pair.html").read_text()
    for model in ("wrong", "free"):
        folder = finished / f"results/fits/pair/{model}/2"
        found = json.loads((folder / "modes.json").read_text())
        assert found["modes"][0]["gap"] == 0
        assert sum(sum(mode["visits"]) for mode in found["modes"]) == 2 * found["modes"][0]["places"]
        names = [check["name"] for check in json.loads((folder / "checks.json").read_text())["checks"]]
        assert names.count("modes") == names.count("modes_of_chains") == 1
        assert (folder / "modes.svg").stat().st_size > 1000
    assert page.count("Modes of the posterior</h4>") == 2


def test_a_single_component_has_one_mode_and_nothing_is_searched(finished, new_run):
    text = (finished / "config/config.yaml").read_text()
    old = "{dataset: readings, models: [free], components: 2}"
    run = new_run("one", changed(text, old, old.replace("components: 2", "components: [1, 2]")))
    said = run.snakemake("--dry-run").stdout
    searched = {line.split("Searching the modes of ")[1] for line in said.splitlines() if "Searching the modes" in line}
    assert searched == {
        "counts with 2 components for calls",
        "free with 2 components for pair",
        "free with 2 components for readings",
        "wrong with 2 components for pair",
    }
    assert "Assessing free with 1 components for readings" in said
