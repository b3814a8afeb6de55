#!/bin/bash
# SPDX-License-Identifier: MIT
# The long forms of the random tests, in turn, for so many hours, with sanitizers: kills, power cuts,
# models, mutants, races, and each fuzzer. Then a line for each says how often it ran and failed. A failed turn's log
# is kept, and its line has the seed that repeats it.
# usage: tools/nightly.sh HOURS
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
. tools/packages.sh
[[ "${1:-}" =~ ^[0-9]+([.][0-9]+)?$ ]] && [ $# = 1 ] || {
    sed -n 's/^# \(usage:\)/\1/p' "$0" >&2
    exit 2
}
end=$(($(date +%s) + $(awk -v h="$1" 'BEGIN { printf "%d", h * 3600 }')))
logs=$top/build-nightly
turn_s=300 rounds=5
declare -A tests=(
    [kills]="mount-crash mount-crash-sqlite live-killed cli-killed cli-killed_load peers-checkpoint_killed"
    [power-cuts]="test_power test_crash test_model test_repair test_relayout"
    [models]="test_live live-stress mount-fsx test_structures_edit test_structures_hostile cli-load_maps"
)
declare -A ran=() failed=()
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:halt_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

# turn KIND COMMAND...: runs it at a seed of its own, and counts.
turn() {
    local kind=$1 log
    shift
    export CANISTERFS_TEST_SEED=$RANDOM$RANDOM
    log=$logs/$kind-$CANISTERFS_TEST_SEED.log
    ran[$kind]=$((${ran[$kind]:-0} + 1))
    if "$@" >"$log" 2>&1 </dev/null; then
        rm "$log"
        return
    fi
    failed[$kind]=$((${failed[$kind]:-0} + 1))
    echo "$kind failed with CANISTERFS_TEST_SEED=$CANISTERFS_TEST_SEED: see $log"
}

test_turn() {
    # shellcheck disable=SC2086 # names, to be split
    CANISTERFS_TEST_ROUNDS=$rounds meson test -C build-asan --no-rebuild --print-errorlogs \
        --num-processes "$(nproc)" --timeout-multiplier 0 ${tests[$1]}
}

# How long a turn of such a kind may take: no longer than is left.
turn_seconds() {
    local left=$((end - $(date +%s)))
    echo $((left < turn_s ? (left > 1 ? left : 1) : turn_s))
}

# A mutant that shows something stays beside the log.
mutants_turn() {
    tests/mutate/mutate.py build-asan/canisterfs tests/data --seed "$CANISTERFS_TEST_SEED" \
        --seconds "$(turn_seconds)" --keep "$logs"
}

# Under ThreadSanitizer: the suites with locks, in turn, and a long storm on a mount.
races_turn() {
    local suite=live
    [ $((${ran[races]} % 2)) = 1 ] || suite=mount
    meson test -C build-tsan --no-rebuild --print-errorlogs --setup tsan --suite $suite &&
        CANISTERFS_TEST_ROUNDS=$((12 * rounds)) meson test -C build-tsan --no-rebuild \
            --print-errorlogs --setup tsan --timeout-multiplier 0 live-storm
}

# What it finds goes on from turn to turn in build-fuzz/found; an input that crashes, beside the log.
fuzz_turn() {
    local name=$1 found=build-fuzz/found/$1
    mkdir -p "$found"
    "build-fuzz/tests/fuzz/fuzz_$name-libfuzzer" -seed="$CANISTERFS_TEST_SEED" -entropic=0 -max_len=4096 \
        -max_total_time="$(turn_seconds)" \
        -artifact_prefix="$logs/$name-" "$found" "tests/fuzz/corpus/$name"
}

install_packages all && mkdir -p "$logs" || exit 1
build_in build-asan -Db_sanitize=address,undefined -Db_lundef=false || exit 1
build_in build-tsan -Db_sanitize=thread -Db_lundef=false || exit 1
CC=clang CXX=clang++ build_in build-fuzz -Dfuzz=enabled -Db_sanitize=address,undefined \
    -Db_lundef=false || exit 1
fuzzers=(build-fuzz/tests/fuzz/fuzz_*-libfuzzer)
while [ "$(date +%s)" -lt "$end" ]; do
    for kind in kills power-cuts models; do
        [ "$(date +%s)" -ge "$end" ] || turn $kind test_turn $kind
    done
    for kind in mutants races; do
        [ "$(date +%s)" -ge "$end" ] || turn $kind ${kind}_turn
    done
    for fuzzer in "${fuzzers[@]}"; do
        name=${fuzzer##*/fuzz_}
        name=${name%-libfuzzer}
        [ "$(date +%s)" -ge "$end" ] || turn "fuzz-$name" fuzz_turn "$name"
    done
done

echo
for kind in $(printf '%s\n' "${!ran[@]}" | sort); do
    printf '%-18s %4d turns, %d failed\n' "$kind" "${ran[$kind]}" "${failed[$kind]:-0}"
done
[ ${#failed[@]} = 0 ]
