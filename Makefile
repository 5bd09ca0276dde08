# Two commands are enough: `make serve` to read the course, `make test` to check all of it. `make help` lists the rest.
PYTHON ?= python3
PORT ?=
VENV := .venv
RUN := $(VENV)/bin/python
ARGS ?=
FILE ?=

.DEFAULT_GOAL := help
.PHONY: help serve book test bench exercises text addresses workshop clean

help: ## list the commands
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

serve: book ## build the book and serve it on this machine (PORT=8000)
	@$(RUN) _ext/serve.py _build/html $(PORT)

book: $(VENV)/.book ## build the book: every chapter executed, every warning an error
	@$(VENV)/bin/jupyter-book build . -W -n --keep-going $(ARGS)

test: $(VENV)/.tests ## lint, build the book once, run every test (ARGS="tests/book -k links" for some)
	$(RUN) -m ruff check .
	$(MAKE) --no-print-directory book ARGS=
	$(RUN) -m pytest -n 2 --dist loadscope --no-loadscope-reorder $(ARGS)

bench: $(VENV)/.tests ## compare the library's speed with that of others
	$(RUN) -m benchmarks $(ARGS)

exercises: $(VENV)/.tests ## refresh the stored outputs of the exercise notebooks from the solutions
	$(RUN) -m tests.exercises.refresh $(ARGS)

text: $(VENV)/.tests ## edit a notebook as text (FILE=chapters/PART/TOPIC.ipynb, and FILE=_text/... to write it back)
	@$(RUN) _ext/text.py $(FILE)

addresses: $(VENV)/.book ## write the addresses of _config.yml into every notebook, the README and the package
	$(RUN) _ext/setup_cell.py

workshop: $(VENV)/.book ## timetables with notebooks and facilitator guides, into _build/workshop
	@$(RUN) -m workshop agenda
	@$(RUN) -m workshop guide

clean: ## remove the built book and the cache of executed chapters (the environment stays)
	rm -rf _build _generated

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.book: requirements.txt constraints.txt pyproject.toml | $(VENV)/bin/python
	$(RUN) -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

$(VENV)/.tests: tests/requirements.txt $(VENV)/.book
	$(RUN) -m pip install --disable-pip-version-check -q -r tests/requirements.txt
	@touch $@
