"""With `strict: true` a failed check ends the run in an error after the reports; without, it is only said."""

import html
import json
import re

import pytest
from runs import CONFIG, HALF, changed


def strict(config):
    return changed(config, "strict: false", "strict: true")


@pytest.fixture(scope="module")
def failed(finished):
    """A run that is strict about a model that is wrong on purpose, and what it said."""
    run = finished.copy("strict")
    run.configure(strict(CONFIG))
    (run / "results/reports/pair.html").unlink()
    return run, run.snakemake()


def failed_checks(run, fit):
    checks = json.loads((run / f"results/fits/{fit}/checks.json").read_text())["checks"]
    return [check for check in checks if check["status"] == "fail"]


def test_the_wrong_model_fails_and_the_other_does_not(finished):
    assert "predictive_component_means" in [check["name"] for check in failed_checks(finished, "pair/wrong/2")]
    assert failed_checks(finished, "pair/free/2") == []
    assert failed_checks(finished, "readings/free/2") == []


def test_a_strict_run_ends_in_an_error_that_names_the_failed_checks(failed):
    run, told = failed
    assert told.returncode != 0
    assert "Traceback" not in told.stdout
    for check in failed_checks(run, "pair/wrong/2"):
        assert f"pair, wrong, K = 2: {check['title']}: {check['sentence']}" in told.stdout
        assert check["remedy"] in told.stdout
    assert "pair, free" not in told.stdout
    assert "readings, free" not in told.stdout
    assert not (run / "results/verdict.txt").exists()


def test_a_strict_run_writes_its_reports_before_it_fails(failed, finished):
    run, _ = failed
    before, after = finished.hashes(), run.hashes()
    assert after["results/reports/pair.html"] == before["results/reports/pair.html"]
    assert json.loads((run / "results/manifest.json").read_text())["config"]["strict"] is True


def test_a_strict_run_fails_again_until_it_is_mended(failed, outdated):
    run, _ = failed
    assert outdated(run) == {"verdict"}


def test_a_strict_run_without_failed_checks_ends_well(finished):
    run = finished.copy("good")
    run.configure(strict(HALF))
    told = run.snakemake()
    assert told.returncode == 0, told.stdout
    assert (run / "results/verdict.txt").read_text() == "No check failed; fits looked at: 1.\n"


def test_a_run_that_is_not_strict_shows_the_failed_check_on_the_first_screen(finished):
    first_screen = (finished / "results/reports/pair.html").read_text().partition('<section id="found"')[0]
    first_screen = re.sub(r"</?(?:span|em)\b[^>]*>", "", first_screen)
    for check in failed_checks(finished, "pair/wrong/2"):
        assert f"{check['title']}" in html.unescape(first_screen.partition(" checks: ")[2])
    assert '<section id="answer">' in first_screen
