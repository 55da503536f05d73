# `make help` lists what there is to do. Nothing here needs a service of the machine:
# the broker is a private RabbitMQ that is stopped again, or the one AMQP_URL names.

.DEFAULT_GOAL := help
.PHONY: help test check demo bench bless clean tools

WITH_BROKER := deploy/broker/private-node run --
TARGET := $(or $(CARGO_TARGET_DIR),target)
# nextest runs no doc tests and plain cargo runs all.
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)
RUN_TESTS := $(if $(NEXTEST),cargo nextest run,cargo test) --workspace --locked

help: ## Lists these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

demo: tools ## Shows it at work: events through a real RabbitMQ, an emulated tenant, results
	cargo build --release --locked -p gatehouse -p msgraph-emulator -p system-tests --bins
	$(WITH_BROKER) $(TARGET)/release/demo

test: tools ## Runs all tests against a private RabbitMQ
	cargo build --workspace --locked --bins --tests
	$(if $(NEXTEST),cargo test --workspace --locked --doc --quiet)
	$(WITH_BROKER) $(RUN_TESTS)

check: tools ## Does what continuous integration does: format, lints, docs, tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
	@$(MAKE) --no-print-directory test

bench: tools ## Measures it, beside a bare loop on the same broker
	cargo build --release --locked -p gatehouse -p msgraph-emulator -p system-tests --bins
	$(WITH_BROKER) cargo bench --locked -p system-tests

bless: tools ## Rewrites the goldens and schemas that tests compare with
	GATEHOUSE_BLESS=1 $(WITH_BROKER) cargo test --workspace --locked

clean: ## Removes what was built
	cargo clean

# Rust needs a C compiler: for its linker, and for ring.
tools:
	@command -v cargo >/dev/null || { echo "make: found no cargo: install Rust from https://rustup.rs" >&2; exit 69; }
	@command -v cc >/dev/null || deploy/install-package gcc libc6-dev || \
		{ echo "make: found no C compiler: install one, such as the package gcc" >&2; exit 69; }
