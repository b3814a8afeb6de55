#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds what the benchmark needs and runs it: canisterfs beside a native file, a FUSE server that
# answers at once, bindfs, and libfuse's passthrough_ll. Run as root: dropping caches needs it.
# usage: tools/bench.sh [--rounds N] [--mib N] [--dir DIR] [--json FILE] [CASE...]
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${BENCH_BUILD:-$top/build-bench}
example=/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c

[ -d "$build" ] || meson setup --buildtype=debugoptimized "$build" "$top" >/dev/null
ninja -C "$build" canisterfs tools/bench/bench_load tools/bench/null_server >/dev/null ||
	{ echo "bench: the build in $build fails" >&2; exit 1; }

peer=(--left-out "passthrough_ll: libfuse's examples are not in ${example%/*}")
if [ -e "$example" ]; then
	# shellcheck disable=SC2046
	cc -O2 -w -o "$build/passthrough_ll" "$example" $(pkg-config --cflags --libs fuse3)
	peer=(--passthrough-ll "$build/passthrough_ll")
fi
exec python3 "$top/tools/bench/bench.py" --prog "$build/canisterfs" \
	--load "$build/tools/bench/bench_load" --null "$build/tools/bench/null_server" \
	"${peer[@]}" "$@"
