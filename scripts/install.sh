#!/bin/sh
# Installs what Hearth needs from the system, where it may: PostgreSQL and a linker; with the argument `test`, what its
# tests drive too. Does nothing when all is there. When it can't, it says what to install, in one line, and exits 1.
set -eu

oldest_postgresql=15
for_tests=${1:-}

has() { command -v "$1" >/dev/null 2>&1; }

has_postgresql() {
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        major=${initdb#/usr/lib/postgresql/}
        major=${major%%/*}
        [ -x "$initdb" ] && [ "${major%%[!0-9]*}" -ge "$oldest_postgresql" ] && return 0
    done
    has initdb && has postgres &&
        [ "$(postgres --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')" -ge "$oldest_postgresql" ]
}

# The packages that are missing, in Debian's names.
missing() {
    has_postgresql || echo postgresql
    has cc || echo build-essential
    [ "$for_tests" = test ] || return 0
    has psql || echo postgresql-client
    has chromium-headless-shell || has chromium || has chromium-browser || has google-chrome || echo chromium
    has node || echo nodejs
    has npm || echo npm
    has redis-server || has valkey-server || echo redis-server
    [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || echo fonts-dejavu-core
}

# On one line.
list() { missing | tr '\n' ' ' | sed 's/ *$//'; }

give_up() {
    echo "hearth: $1" >&2
    exit 1
}

may_install() {
    has apt-get && { [ "$(id -u)" = 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }
}

# Debian sets up and starts a cluster of its own with the package. Hearth wants the programs alone, so that is switched
# off while the package is installed.
no_cluster=/etc/postgresql-common/createcluster.d/hearth.conf

install() {
    if [ "$(id -u)" = 0 ]; then root=""; else root="sudo -n"; fi
    log=$(mktemp)
    {
        if ! $root test -e "${no_cluster%/*/*}/createcluster.conf"; then
            $root mkdir -p "${no_cluster%/*}" || true
            echo "create_main_cluster = false" | $root tee "$no_cluster" || true
        fi
        $root apt-get -o DPkg::Lock::Timeout=120 update || true
        # The names are ours and hold no spaces.
        # shellcheck disable=SC2086
        $root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $1 &&
            installed=yes || installed=no
        $root rm -f "$no_cluster" || true
    } >"$log" 2>&1
    [ "$installed" = yes ] || give_up "could not install $1 (see $log): install that by hand"
    rm -f "$log"
}

has cargo || give_up "Rust is missing: install it from https://rustup.rs"

packages=$(list)
if [ -n "$packages" ]; then
    may_install ||
        give_up "run as root: apt-get install $packages (or install what this system calls them)"
    echo "hearth: installing $packages"
    install "$packages"
    still=$(list)
    [ -z "$still" ] ||
        give_up "this system's packages bring no usable $still (PostgreSQL must be $oldest_postgresql or newer): install by hand"
fi

# A browser without its windows tells the stories in half the time. Where it can't be had, a whole one does.
if [ "$for_tests" = test ] && ! has chromium-headless-shell && may_install && apt-cache show chromium-headless-shell >/dev/null 2>&1; then
    echo "hearth: installing chromium-headless-shell"
    (install chromium-headless-shell) 2>/dev/null || echo "hearth: it could not be installed; the stories take the whole browser"
fi

# The runner of the tests; without it, `make test` takes cargo's own.
if [ "$for_tests" = test ] && ! cargo nextest --version >/dev/null 2>&1; then
    echo "hearth: installing cargo-nextest"
    cargo install --quiet cargo-nextest --locked || cargo install --quiet cargo-nextest ||
        echo "hearth: cargo-nextest could not be installed; the tests run under cargo test"
fi
