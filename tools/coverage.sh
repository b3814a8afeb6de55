#!/bin/bash
# SPDX-License-Identifier: MIT
# Which lines and branches of the code the tests reach: builds with counters in build-coverage, runs
# the tests, and prints a line for each folder. build-coverage/coverage.html has each file's lines. A
# daemon that a test kills counts for nothing: it never writes its counters.
# usage: tools/coverage.sh [MESON-TEST-ARGUMENT...]    (for example: --suite unit)
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
. tools/packages.sh
dir=build-coverage

install_packages all
build_in "$dir" -Db_coverage=true -Doptimization=0 || exit 1
find "$dir" -name '*.gcda' -delete
tests=0
meson test -C "$dir" --no-rebuild --timeout-multiplier 3 "$@" </dev/null || tests=$?
gcovr --root "$top" --object-directory "$dir" --exclude tests/ --exclude tools/bench/ \
    --gcov-ignore-parse-errors --json-summary "$dir/coverage.json" \
    --html-details "$dir/coverage.html" "$dir" >/dev/null

python3 - "$dir/coverage.json" <<'END'
import collections, json, os, sys
kinds = ("line", "function", "branch")
sums = collections.defaultdict(collections.Counter)
for f in json.load(open(sys.argv[1]))["files"]:
    for room in (os.path.dirname(f["filename"]), "all"):
        for kind in kinds:
            for what in ("covered", "total"):
                sums[room][kind, what] += f[f"{kind}_{what}"]
print(f"{'folder':24} {'lines':>8} {'covered':>8} {'functions':>10} {'branches':>9}")
for room in sorted(sums, key=lambda r: (r == "all", r)):
    s = sums[room]
    part = [100 * s[k, "covered"] / max(s[k, "total"], 1) for k in kinds]
    print(f"{room:24} {s['line', 'total']:8} {part[0]:7.1f}% {part[1]:9.1f}% {part[2]:8.1f}%")
END
[ "$tests" = 0 ] || echo "Not all tests passed: see $dir/meson-logs/testlog.txt"
exit "$tests"
