#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: registered.sh CASE...: fails unless these are the files in cases/, and all can be executed.
set -eu
cd "$(dirname "$0")/cases"
diff <(printf '%s\n' "$@" | sort) <(printf '%s\n' * | sort) ||
	{ echo "cases/ has changed: meson setup --reconfigure" >&2; exit 1; }
for case; do
	[ -x "$case" ] || { echo "$case is not executable" >&2; exit 1; }
done
