# `make help` lists the targets. Nothing here needs a service of the machine: RabbitMQ is the one of AMQP_URL, or a
# private node that is stopped again.

.DEFAULT_GOAL := help
.PHONY: help demo playground package release test test-foreign deny check soak bench bench-smoke bless clean tools machine

WITH_BROKER := deploy/broker/private-node run --
# Where cargo builds, after its variables and its settings files. Between quotes, as it may have a space.
TARGET = $(shell cargo metadata --format-version 1 --no-deps --locked --offline | \
	sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
# All packages are always selected, so that every target builds dependencies with the same features, and once.
BINARIES := cargo build --release --workspace --locked --bins
# What a package and an image have beyond the default: they are where operators need it. The foreign tests use the same.
SHIPPED := --features gatehouse/otlp
# nextest runs no doc tests; plain cargo runs all, and stops at the first failing binary unless told otherwise.
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)
RUN_TESTS := $(if $(NEXTEST),cargo nextest run,cargo test) --workspace --locked --no-fail-fast

help: ## Lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: machine ## Shows Gatehouse at work, from events to dead letters
	$(BINARIES)
	$(WITH_BROKER) "$(TARGET)/release/demo"

playground: machine ## Runs a worker and an emulated tenant until Ctrl-C
	$(BINARIES)
	$(WITH_BROKER) "$(TARGET)/release/playground"

package: tools ## Builds the Debian package
	cargo build --profile dist --workspace --locked $(SHIPPED) --bin gatehouse
	deploy/debian/build "$(TARGET)/dist/gatehouse" "$(TARGET)/dist"

# The profile `dev` makes the same files from what the tests use, to see that they can be made. VERSION is that of a tag.
PROFILE = dist
release: tools ## Builds the package, the image, the bill of materials and their checksums
	cargo build --profile $(PROFILE) --workspace --locked $(SHIPPED) $(if $(filter dev,$(PROFILE)),--bins --tests,--bin gatehouse)
	deploy/release/build "$(TARGET)/$(PROFILE:dev=debug)/gatehouse" "$(TARGET)/publish" "$(TARGET)/bill-of-materials" \
		$(VERSION)

test: machine ## Runs all tests with a private RabbitMQ
	cargo build --workspace --locked --bins --tests
	$(if $(NEXTEST),cargo test --workspace --locked --doc --quiet)
	$(WITH_BROKER) $(RUN_TESTS)

test-foreign: machine ## Tests with promtool, Helm, lintian, official SDKs, publishers and a browser; and traces
	tests/tests/foreign/prepare "$(TARGET)/foreign" "$(TARGET)/foreign-browser" "$(TARGET)/foreign-sdk" \
		"$(TARGET)/foreign-chart"
	cargo build --workspace --locked $(SHIPPED) --bins --tests
	cargo test --workspace --locked $(SHIPPED) --bin gatehouse --quiet -- traces::
	FOREIGN_PYTHON="$(TARGET)/foreign/bin/python" FOREIGN_BROWSER="$(TARGET)/foreign-browser" \
		FOREIGN_SDK="$(TARGET)/foreign-sdk" FOREIGN_CHART="$(TARGET)/foreign-chart" \
		FOREIGN_SCREENSHOTS="$(TARGET)/foreign-screenshots" FOREIGN_BILL="$(TARGET)/bill-of-materials" \
		$(WITH_BROKER) cargo test --workspace --locked $(SHIPPED) --test foreign

deny: ## Checks licences and sources of all dependencies
	tests/deny/check "$(TARGET)/deny"

# The tests come last, so that their summary is the last thing to read.
check: machine ## Does what continuous integration does
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --workspace --locked $(SHIPPED) --bin gatehouse --test foreign -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
	@$(MAKE) --no-print-directory deny
	@$(MAKE) --no-print-directory bench-smoke
	@$(MAKE) --no-print-directory test-foreign
	@DPKG_DEB_COMPRESSOR_LEVEL=0 $(MAKE) --no-print-directory release PROFILE=dev
	@$(MAKE) --no-print-directory test

soak: machine ## Tests at length, and on a machine made for it, for hours
	LEDGER_WORLDS=large cargo test --workspace --locked --test ledger
	cargo build --workspace --locked --bins --tests
	HISTORIES=1000 $(WITH_BROKER) cargo test --workspace --locked --test histories -- --nocapture
	SLEEPERS=10000 $(WITH_BROKER) cargo test --workspace --locked --test sleepers
	HISTORY_RUNS=72000 $(WITH_BROKER) cargo test --workspace --locked --test history
	RESTORE_KILLS=all $(WITH_BROKER) cargo test --workspace --locked --test restore -- kills
	OUTAGE_SECONDS=600 $(WITH_BROKER) cargo test --workspace --locked --test outage
	tests/fresh-machine

bench: machine ## Measures Gatehouse beside a bare loop; PEERS=1 also beside a Python worker
	$(BINARIES)
	$(if $(filter 1,$(PEERS)),tests/benches/peer/prepare "$(TARGET)/peers")
	PEERS_PYTHON="$(TARGET)/peers/bin/python" $(WITH_BROKER) cargo bench --workspace --locked --bench throughput

bench-smoke: machine ## Runs the bench once, tiny, to see that it ends
	cargo build --workspace --locked --bins --tests
	BENCH_SIZE=tiny $(WITH_BROKER) cargo test --workspace --locked --bench throughput

bless: machine ## Rewrites the schemas and goldens that tests compare with
	GATEHOUSE_BLESS=1 $(WITH_BROKER) cargo test --workspace --locked

clean: ## Removes what was built
	cargo clean

# What a build needs, and with `machine` a RabbitMQ as well: all of it is looked for before anything is built.
tools:
	@deploy/check-machine

machine:
	@deploy/check-machine --broker
