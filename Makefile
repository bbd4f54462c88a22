# Everything sets itself up: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench bench-large bench-peers prove chaos fuzz verify-data docs clean

demo: $(VENV)/.ready ## runs the main job on example exports
	@$(BIN)/segconnect demo

test: $(VENV)/.ready ## runs all tests
	@$(BIN)/python -m pytest -n auto --dist loadfile

check: $(VENV)/.ready ## style, types, and pages that are generated
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.ready ## prints the table of benchmarks; takes about ten minutes
	@$(BIN)/python -m benchmarks

bench-large: $(VENV)/.ready ## measures reports and attribution at a million contacts: CONTACTS=5000 for a minute
	@$(BIN)/python -m benchmarks.large $(if $(CONTACTS),--contacts $(CONTACTS)) $(if $(DATA),--data $(DATA))

bench-peers: $(VENV)/.ready ## installs Node-RED and n8n from npm, and measures the same job by each
	@$(BIN)/python -m benchmarks.peers

prove: $(VENV)/.ready ## what a run withstands and how fast it is: 10,000 records to a sink that fails
	@$(BIN)/python -m benchmarks.prove

chaos: $(VENV)/.ready ## kills runs and workers at random instants, 100 times on each store
	@$(BIN)/python -m benchmarks.chaos

fuzz: $(VENV)/.ready ## looks for templates that break the mapping language, for ten minutes
	@$(BIN)/python -m tests.mapping.fuzz 600

verify-data: $(VENV)/.ready ## loads public data sets, and holds reports against what is right: DATA=../data
	@$(BIN)/python -m benchmarks.verify $(DATA)

docs: $(VENV)/.ready ## writes the generated pages anew
	@$(BIN)/python -m segconnect.modules.reference
	@$(BIN)/python -m segconnect.reference
	@$(BIN)/python -m segconnect.account.attribution.reference
	@$(BIN)/python -m segconnect.mapping.reference docs/mapping.md
	@$(BIN)/python -m segconnect.scenario.blueprint.schema
	@$(BIN)/python -m segconnect.scenario.sources.reference
	@$(BIN)/python -m segconnect.recipes.reference docs/recipes.md
	@$(BIN)/python -m segconnect.account.reports.reference
	@$(BIN)/python docs/picture.py

# --group needs a newer pip than Python 3.11 brings
$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $@

clean: ## removes what was set up and made
	rm -rf $(VENV) segconnect-demo segconnect-demo-large out
