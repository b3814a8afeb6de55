#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds canisterfs twice, plainly and with address and undefined
# behaviour sanitizers, and runs every test in both. The last line counts them; a part of a test that
# cannot run here counts as skipped, too. Random tests begin at CANISTERFS_TEST_SEED, or at another
# seed each time; docs/testing.md tells more.
# usage: tools/test.sh [MESON-OPTION...]
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
. tools/packages.sh
passed=0 failed=0 skipped=0
export CANISTERFS_TEST_SEED=${CANISTERFS_TEST_SEED:-$RANDOM$RANDOM}

# run_in DIRECTORY NAME MESON-OPTION...: builds, tests, and adds to the counts.
run_in() {
    local dir=$1 name=$2 log counts
    shift 2
    log=$dir/meson-logs/testlog.json
    echo "== $name: building in $dir"
    if ! build_in "$dir" "$@"; then
        echo "== $name: does not build"
        failed=$((failed + 1))
        return
    fi
    rm -f "$log"
    meson test -C "$dir" --no-rebuild --print-errorlogs --num-processes "$(nproc)" \
        --timeout-multiplier 3 </dev/null
    # meson's own exit status says less than its log; it does not know of cmocka's skips.
    counts=$(python3 - "$log" <<'END'
import json, re, sys
results = [json.loads(line) for line in open(sys.argv[1])]
parts = [f"{r['name']}: {part}" for r in results if r["result"] == "OK"
         for part in re.findall(r"^\[  SKIPPED \] ([a-z]\w*)$", r.get("stdout", ""), re.M)]
mount = [r["result"] for r in results if any(s.endswith((":mount", ":live")) for s in r.get("suite", []))]
for r in results:
    if r["result"] == "SKIP":
        print("skipped:", r["name"], file=sys.stderr)
for part in sorted(set(parts)):
    print("skipped:", part, file=sys.stderr)
if mount and all(r == "SKIP" for r in mount):
    print("every test on a real mount was skipped: is there /dev/fuse?", file=sys.stderr)
    results.append({"result": "FAIL"})
good = sum(r["result"] in ("OK", "EXPECTEDFAIL") for r in results)
skip = sum(r["result"] == "SKIP" for r in results)
print(good, len(results) - good - skip, skip + len(set(parts)))
END
    ) || counts="0 1 0"
    read -r p f s <<<"$counts"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

install_packages all || exit 1
run_in build-test plain "$@"
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:halt_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# What gcc warns of in its own instrumentation is no error.
run_in build-asan sanitized "$@" -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=false

echo
echo "The random tests can be had again with CANISTERFS_TEST_SEED=$CANISTERFS_TEST_SEED"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
