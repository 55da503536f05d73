# `make help` lists the targets. Nothing here needs a service of the machine: RabbitMQ is the one of AMQP_URL, or a
# private node that is stopped again.

.DEFAULT_GOAL := help
.PHONY: help demo playground test test-foreign check bench bench-smoke bless clean tools

WITH_BROKER := deploy/broker/private-node run --
TARGET := $(or $(CARGO_TARGET_DIR),target)
# All packages are always selected, so that every target builds dependencies with the same features, and once.
BINARIES := cargo build --release --workspace --locked --bins
# nextest runs no doc tests; plain cargo runs all.
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)
RUN_TESTS := $(if $(NEXTEST),cargo nextest run,cargo test) --workspace --locked

help: ## Lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: tools ## Shows Gatehouse at work, from events to dead letters
	$(BINARIES)
	$(WITH_BROKER) $(TARGET)/release/demo

playground: tools ## Runs a worker and an emulated tenant until Ctrl-C
	$(BINARIES)
	$(WITH_BROKER) $(TARGET)/release/playground

test: tools ## Runs all tests with a private RabbitMQ
	cargo build --workspace --locked --bins --tests
	$(if $(NEXTEST),cargo test --workspace --locked --doc --quiet)
	$(WITH_BROKER) $(RUN_TESTS)

test-foreign: tools ## Tests with promtool and a Python publisher
	tests/tests/foreign/prepare $(TARGET)/foreign
	cargo build --workspace --locked --bins --tests
	FOREIGN_PYTHON=$(abspath $(TARGET))/foreign/bin/python \
		$(WITH_BROKER) cargo test --workspace --locked --test foreign

# The tests come last, so that their summary is the last thing to read.
check: tools ## Does what continuous integration does
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
	@$(MAKE) --no-print-directory bench-smoke
	@$(MAKE) --no-print-directory test-foreign
	@$(MAKE) --no-print-directory test

bench: tools ## Measures Gatehouse beside a bare loop
	$(BINARIES)
	$(WITH_BROKER) cargo bench --workspace --locked --bench throughput

bench-smoke: tools ## Runs the bench once, tiny, to see that it ends
	cargo build --workspace --locked --bins --tests
	BENCH_SIZE=tiny $(WITH_BROKER) cargo test --workspace --locked --bench throughput

bless: tools ## Rewrites the schemas and goldens that tests compare with
	GATEHOUSE_BLESS=1 $(WITH_BROKER) cargo test --workspace --locked

clean: ## Removes what was built
	cargo clean

# Rust needs a C compiler: for its linker, and for ring.
tools:
	@command -v cargo >/dev/null || { echo "make: found no cargo: install Rust from https://rustup.rs" >&2; exit 69; }
	@command -v cc >/dev/null || deploy/install-package gcc libc6-dev || \
		{ echo "make: found no C compiler: install one, such as the package gcc" >&2; exit 69; }
