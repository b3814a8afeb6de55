#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds what the benchmarks need and runs one of them; it takes minutes.
#	mount		canisterfs beside a native file, a FUSE server that answers at once, bindfs, and
#			libfuse's passthrough_ll. Run as root: dropping caches needs it.
#	views		the first look at a file: a read-only mount with passthrough and without, bindfs,
#			passthrough_ll, and the file itself. As root.
#	snapshot	taking a snapshot of a large image, and writing while there is one
#	verbs		verbs beside the tools that a user would take: cp, cmp, grep, pigz, zstd, qemu-img,
#			sqlite3, du
#	pages		which pages of 4 KiB a B-tree map and SQLite touch for the same work
#	checkpoint	packing and unpacking an image, beside qemu-img, gzip, pigz and zstd
# usage: tools/bench.sh [mount|views|verbs|snapshot|pages|checkpoint] [--rounds N] [--dir DIR] [--json FILE] ...
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${BENCH_BUILD:-$top/build-bench}
example=/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c
what=mount
case ${1-} in mount | views | verbs | snapshot | pages | checkpoint) what=$1; shift ;; esac

[ -d "$build" ] || meson setup --buildtype=debugoptimized "$build" "$top" >/dev/null
ninja -C "$build" canisterfs tools/bench/bench_load tools/bench/bench_image tools/bench/null_server \
	>/dev/null || { echo "bench: the build in $build fails" >&2; exit 1; }

if [ "$what" = checkpoint ]; then
	exec python3 "$top/tools/bench/checkpoint.py" --prog "$build/canisterfs" \
		--image "$build/tools/bench/bench_image" "$@"
fi
if [ "$what" = pages ]; then
	exec python3 "$top/tools/bench/pages.py" --prog "$build/canisterfs" "$@"
fi
if [ "$what" = verbs ]; then
	exec python3 "$top/tools/bench/verbs.py" --prog "$build/canisterfs" \
		--image "$build/tools/bench/bench_image" "$@"
fi
if [ "$what" = snapshot ]; then
	exec python3 "$top/tools/bench/snapshot.py" --prog "$build/canisterfs" \
		--load "$build/tools/bench/bench_load" "$@"
fi
peer=(--left-out "passthrough_ll: libfuse's examples are not in ${example%/*}")
if [ -e "$example" ]; then
	# shellcheck disable=SC2046
	cc -O2 -w -o "$build/passthrough_ll" "$example" $(pkg-config --cflags --libs fuse3)
	peer=(--passthrough-ll "$build/passthrough_ll")
fi
if [ "$what" = views ]; then
	exec python3 "$top/tools/bench/views.py" --prog "$build/canisterfs" \
		--load "$build/tools/bench/bench_load" "${peer[@]}" "$@"
fi
exec python3 "$top/tools/bench/bench.py" --prog "$build/canisterfs" \
	--load "$build/tools/bench/bench_load" --null "$build/tools/bench/null_server" \
	"${peer[@]}" "$@"
