# Thin on purpose: each target sets itself up and calls one tool. The work is in the Snakefile and in workflow/.

PYTHON ?= python3
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake

# CmdStan is built by a make of its own, far below this one; what this one was told (-n, -k, -j) is not meant for it.
unexport MAKEFLAGS MFLAGS

EXAMPLES := $(patsubst config/examples/%.yaml,example-%,$(wildcard config/examples/*.yaml))

.PHONY: $(EXAMPLES) examples all test bench lint reference format workflow-report clean help environment cmdstan

all: cmdstan  ## run the workflow and make the reports (default)
	$(SNAKEMAKE)
	@printf '%s\n' 'The reports:' results/overview.html results/reports/*.html

examples: $(EXAMPLES)  ## run all worked examples of config/examples

$(EXAMPLES): example-%: cmdstan  ## run one, as in make example-fish
	$(SNAKEMAKE) --directory results/examples/$* --configfile config/examples/$*.yaml
	@printf '%s\n' 'The report:' results/examples/$*/results/reports/*.html

test: cmdstan  ## run the tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

bench: cmdstan  ## measure how fast the likelihood is (benchmarks/README.md tells more)
	$(BIN)/python benchmarks/speed.py

lint: environment  ## check style and workflow
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(SNAKEMAKE) --lint

reference: environment  ## write config/README.md anew from the schema
	PYTHONPATH=workflow $(BIN)/python -m stanmix.config.reference > config/README.md

format: environment  ## mend what the formatters can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/snakefmt Snakefile workflow

workflow-report: all  ## Snakemake's own report of the run: provenance, captions, run times
	$(SNAKEMAKE) --report results/reports/workflow.html

clean:  ## remove everything that was made, except the environment
	@test ! -d results || find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -r {} +

help:  ## show this
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1	\2/p' Makefile | expand -t 26

environment:
	@$(PYTHON) workflow/setup_environment.py .venv

cmdstan: environment
	@PYTHONPATH=workflow $(BIN)/python -m stanmix.stan.toolchain
