# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What the libraries of all shell tests share: cli/lib.sh, peers/lib.sh and mount/lib.sh source this
# file. A test ends with 0 when it passed, with 77 when it cannot run here, with anything else when
# it failed.
set -euo pipefail

test_name=$(basename "$0" .sh)
data=$(cd "$(dirname "${BASH_SOURCE[0]}")/data" && pwd)
export PYTHONDONTWRITEBYTECODE=1

# The line that is named is the test's own, also when a function of a library calls this.
fail() {
    echo "$test_name:${BASH_LINENO[-2]}: $*" >&2
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 77
}

requires() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || skip "there is no $tool"
    done
}

requires_root() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

# is WANT GOT [WHAT]
is() {
    [ "$1" = "$2" ] || fail "${3:-result} is '$2', not '$1'"
}

same() {
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

# unpack NAME FILE: one of the images that the real library wrote.
unpack() {
    gzip -dc "$data/$1.img.gz" >"$2"
}

# Sets $seed, and says how to have the same one again.
choose_seed() {
    seed=${CANISTERFS_TEST_SEED:-$RANDOM$RANDOM}
    echo "$test_name: CANISTERFS_TEST_SEED=$seed"
}

# rounds STANDARD: so many times what CANISTERFS_TEST_ROUNDS says.
rounds() {
    echo $(($1 * ${CANISTERFS_TEST_ROUNDS:-1}))
}

# is_mounted DIR: asks the kernel's list, never the mount.
is_mounted() {
    local name
    name=$(readlink -m "$1" | sed 's/\\/\\134/g; s/ /\\040/g')
    grep -qF " $name " /proc/self/mountinfo
}

unmount() {
    if [ "$(id -u)" = 0 ]; then umount "$@"; else fusermount3 -u "$@"; fi
}

# until_mounted DIR PID LOG: waits for the mount, or fails when its daemon ends before.
until_mounted() {
    until is_mounted "$1"; do
        kill -0 "$2" 2>/dev/null || fail "nothing is mounted at $1: $(cat "$3")"
        sleep 0.01
    done
}
