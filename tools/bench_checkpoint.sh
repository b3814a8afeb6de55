#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds what the benchmark of checkpoints needs and runs it. It takes minutes.
# usage: tools/bench_checkpoint.sh [--rounds N] [--dir DIR] [--json FILE]
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${BENCH_BUILD:-$top/build-bench}

[ -d "$build" ] || meson setup --buildtype=debugoptimized "$build" "$top" >/dev/null
ninja -C "$build" canisterfs tools/bench/bench_image >/dev/null ||
	{ echo "bench: the build in $build fails" >&2; exit 1; }
exec python3 "$top/tools/bench/checkpoint.py" --prog "$build/canisterfs" \
	--image "$build/tools/bench/bench_image" "$@"
