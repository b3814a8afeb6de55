#!/bin/bash
# SPDX-License-Identifier: MIT
# Every kind of planted thing at every place where a file may stand; see planted.py.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip "there is no python3"

# Thousands of verbs sync what they write: in memory, where that can be.
[ ! -w /dev/shm ] || work_in=/dev/shm
TMPDIR=${work_in:-$work} python3 "$here/planted.py" "$program" "$data"
