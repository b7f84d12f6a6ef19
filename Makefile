# Each target makes the environment that it needs; nothing but Python 3.10 or newer is expected.
PYTHON ?= python3

.PHONY: demo test lint bench dist clean help

help:
	@echo "make demo    see real telemetry of a real application, for half a minute"
	@echo "make test    lint, then every test"
	@echo "make lint    ruff, pyright, import floors"
	@echo "make bench   ratios against the bare OpenTelemetry SDK"
	@echo "make dist    wheels and source distributions of every package, in dist/"

demo:
	@$(PYTHON) scripts/bootstrap.py demo >/dev/null
	@.venv/bin/vaquero demo $(ARGS)

test:
	@$(PYTHON) scripts/bootstrap.py dev >/dev/null
	@.venv/bin/python scripts/suite.py $(ARGS)

lint:
	@$(PYTHON) scripts/bootstrap.py dev >/dev/null
	@.venv/bin/python scripts/suite.py --only lint

bench:
	@$(PYTHON) scripts/bootstrap.py dev >/dev/null
	@.venv/bin/python -m benchmarks $(ARGS)

dist:
	@$(PYTHON) scripts/bootstrap.py dev >/dev/null
	@.venv/bin/python scripts/dist.py

clean:
	rm -rf .venv .venv-* build dist .pytest_cache .ruff_cache .hypothesis
