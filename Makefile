# Targets for users and developers; `make` lists them. Everything happens inside this folder (.venv, demo).
.DEFAULT_GOAL := help
.PHONY: help venv system demo test test-slow lint conformance conformance-rlds bench bench-reconstruction bench-dataset bench-cloning lock schemas clean
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

PYTHON ?=
export PYTHON
BIN := .venv/bin
SETUP := deployments/local/setup.sh

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' Makefile

# Two stamps: changing pyproject.toml does not install the locked packages again.
.venv/.locked: requirements.lock
	@$(SETUP) venv
	@touch $@

.venv/.project: .venv/.locked pyproject.toml
	@$(SETUP) project
	@touch $@

venv: .venv/.project  ## the virtual environment .venv from requirements.lock (PYTHON=... names the interpreter)

system: .venv/.project  ## check that rendering works; install Mesa where we are root on Debian or Ubuntu
	@$(SETUP) system

demo: system  ## one photo to a scene, ten episodes and a LeRobot dataset, in demo/
	@$(BIN)/blueprint models fetch || echo "demo: no pretrained networks (see above); the classical method is used instead"
	@$(BIN)/blueprint demo

test: system  ## the test suite, without the slow tests
	@$(BIN)/python -m pytest -m "not slow" -n logical --maxprocesses=4 --dist=loadscope --hypothesis-seed=0

test-slow: system  ## the tests that take over a minute each
	@$(BIN)/python -m pytest -m slow

lint: .venv/.project  ## ruff (rules and format) and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

conformance: .venv/.project  ## load a dataset with the real LeRobot (python3.12, its own environment)
	@tests/conformance/run.sh

conformance-rlds: .venv/.project  ## read an RLDS export with TensorFlow Datasets (its own environment)
	@tests/conformance/rlds.sh

bench: system  ## the benchmarks of the demo, the simulator, meshes and text requests; one JSON object each
	@for name in demo_run episode_success simulation_speed mesh_care text_scenes; do $(BIN)/python tests/benchmarks/$$name.py || failed=1; done; exit $${failed:-0}

bench-reconstruction: system  ## photo-like scenes with exact truth through the reconstruction (needs pip install -e '.[render]')
	@$(BIN)/python tests/benchmarks/scene_reconstruction.py

bench-dataset: .venv/.project  ## writing and joining datasets against LeRobot (after make conformance); docs/dataset_benchmarks.md again
	@$(BIN)/python tests/benchmarks/dataset_against_lerobot.py --page docs/dataset_benchmarks.md

bench-cloning: system  ## the behaviour cloning example's curve (after make conformance; hours), in behaviour-cloning/
	@$(BIN)/python tests/benchmarks/behaviour_cloning/study.py behaviour-cloning

lock:  ## requirements.lock and the image's lock again, from pyproject.toml (needs uv)
	@deployments/local/lock.sh

schemas: .venv/.project  ## fixtures/contracts/*.schema.json again, from the contracts
	@$(BIN)/python -m blueprint_assets.contracts.schemas

clean:  ## remove .venv, caches and demo/
	rm -rf .venv .conformance .mypy_cache .ruff_cache .pytest_cache .hypothesis demo dist behaviour-cloning MUJOCO_LOG.TXT
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
