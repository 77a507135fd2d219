# `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.

# Queries are checked against the committed `.sqlx`, so building needs no database.
export SQLX_OFFLINE = true

target_dir = $${CARGO_TARGET_DIR:-target}
browser = stories/browser

.PHONY: help demo test lint audit bench browser fuzz

help: ## Lists these targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Installs what is missing, builds, and serves the demo bakery; ARGS=--fresh starts over.
	@scripts/install.sh
	cargo build --release -p hearth
	@exec "$(target_dir)/release/hearth" demo $(ARGS)

test: browser ## Runs every test, browser stories included; ARGS goes to the runner.
	@if cargo nextest --version >/dev/null 2>&1; then \
		exec cargo nextest run --workspace --no-fail-fast $(ARGS); \
	else \
		exec cargo test --workspace $(ARGS); \
	fi

# What drives the browser: only when its list of packages changed.
browser:
	@scripts/install.sh test
	@if [ -f $(browser)/package.json ] && \
		! cmp -s $(browser)/package-lock.json $(browser)/node_modules/.installed; then \
		npm --prefix $(browser) ci --no-audit --no-fund && \
		cp $(browser)/package-lock.json $(browser)/node_modules/.installed; \
	fi

lint: ## Checks formatting, clippy and the rules of the house; licences where cargo-deny is installed.
	@scripts/install.sh
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo run --quiet -p xtask -- check
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --all-features check bans licenses sources; fi

audit: ## Holds every component against the database of known flaws; asks crates.io and the RustSec database.
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	cargo deny --all-features check advisories

fuzz: ## Sends 2,000 random bodies or questions to every operation of the API; HEARTH_FUZZ_SEED=N repeats a run.
	@scripts/install.sh test
	HEARTH_FUZZ=2000 cargo test --release -p stories no_random_ -- --nocapture

bench: ## Measures the promises, beside peers, and prints a table.
	@scripts/install.sh test
	cargo build --release -p hearth -p bench
	@exec "$(target_dir)/release/bench" $(ARGS)
