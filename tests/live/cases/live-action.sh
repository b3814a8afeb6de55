#!/bin/bash
# SPDX-License-Identifier: MIT
# The script of the action try-migration: ends as the trial does, reports in the job's summary, and takes
# images and checkpoints, which stay as they are.
. "${0%/*}/../../mount/lib.sh"

export TMPDIR=$T/tmp GITHUB_STEP_SUMMARY=$T/summary
mkdir "$TMPDIR" "$T/bin"
ln -s "$CANISTERFS" "$T/bin/canisterfs"
PATH=$T/bin:$PATH
create 2
echo old | "$CANISTERFS" put "$IMG" 5
"$CANISTERFS" checkpoint "$IMG" "$T/golden.qcow2" 2>/dev/null
before=$(sha256sum "$IMG" "$T/golden.qcow2")

# tries WANT VERDICT IMAGE MIGRATE CHECK
tries() {
	local rc=0
	: >"$T/summary"
	IMAGE=$3 MIGRATE=$4 CHECK=$5 "$here/../../.github/actions/try-migration/try.sh" >"$T/out" 2>&1 || rc=$?
	is "$1" "$rc" "exit status of $4: $(cat "$T/out")"
	is "## Migration of \`$3\`: $2" "$(head -n 1 "$T/summary")" "summary"
}

for image in "$IMG" "$T/golden.qcow2"; do
	tries 0 passed "$image" 'echo new >$MNT/5' 'grep -q new $MNT/5'
	grep -q '^second run: nothing changed$' "$T/summary" || fail "no report: $(cat "$T/summary")"
	tries 1 failed "$image" 'echo more >>$MNT/5' true
	tries 1 failed "$image" true false
done
head -c 300 "$T/golden.qcow2" >"$T/torn.qcow2"
tries 1 "the checkpoint cannot be restored" "$T/torn.qcow2" true true
is "$before" "$(sha256sum "$IMG" "$T/golden.qcow2")" "the images"
is "" "$(ls "$TMPDIR")" "what is left"
