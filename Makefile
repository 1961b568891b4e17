# A newcomer's commands: make demo, make test. Each makes .venv on first use.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
TYPINGS := .cache/typings
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard sdk/ardente/locale/*/LC_MESSAGES/ardente.po))

.DELETE_ON_ERROR:
.PHONY: help venv demo test slow bench lint soak firmware clean

help:
	@echo 'make demo    a card is issued, read, priced, revoked, refused; vouchers are redeemed and settled'
	@echo 'make test    run the tests (under five minutes)'
	@echo 'make slow    run the tests that take longer; CI runs both'
	@echo 'make lint    ruff and mypy'
	@echo 'make bench   measure, print value beside goal, write build/bench.json'
	@echo 'make soak    run the tests that take minutes'
	@echo 'make firmware  compile the scanner for its chips into build/firmware'
	@echo 'make clean   remove what the other commands made'

venv: $(STAMP) $(CATALOGUES)

$(STAMP): pyproject.toml hatch_build.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or later is needed; name one with: make PYTHON=python3.12'; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo 'Python has no venv module here; on Debian or Ubuntu: apt install python3-venv'; exit 1; }
	@echo 'Installing what it needs into .venv (a minute, once) …'
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

%.mo: %.po $(STAMP)
	$(BIN)/pybabel --quiet compile --input-file $< --output-file $@ --locale $(notdir $(patsubst %/LC_MESSAGES/,%,$(dir $<)))

demo: venv
	@$(BIN)/python -m ardente_tools.demo

test: venv
	$(BIN)/python -m pytest -n 2 -m 'not slow and not soak'

slow: venv
	$(BIN)/python -m pytest -n 2 -m 'slow and not soak'

soak: venv
	$(BIN)/python -m pytest -n 2 -m soak --timeout 3600

lint: venv $(TYPINGS)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file firmware/mypy.ini

# In a folder of their own: they describe another standard library than the host's.
$(TYPINGS)/.installed: firmware/typings/requirements.txt $(STAMP)
	rm -rf $(TYPINGS)
	$(BIN)/python -m pip install --quiet --target $(TYPINGS) --requirement $<
	@touch $@

bench: venv
	$(BIN)/python -m pytest bench --benchmark-enable --benchmark-disable-gc --benchmark-quiet -q --timeout 1200

firmware: venv
	@$(BIN)/python scripts/build_firmware.py

clean:
	rm -rf .venv .cache build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find sdk firmware tools tests bench examples scripts -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f $(CATALOGUES)
