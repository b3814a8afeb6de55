#!/bin/bash
# SPDX-License-Identifier: MIT
# Tries the migration $MIGRATE on $IMAGE, twice, with $CHECK behind it; writes what came of it to the job's
# summary, and ends as the trial did. A checkpoint is proven and unpacked first.
set -uo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
summary=${GITHUB_STEP_SUMMARY:-/dev/stdout}
image=$IMAGE

finish() {
    {
        printf '## Migration of `%s`: %s\n\n' "$IMAGE" "$1"
        printf '```\n'
        cat "$work/report"
        printf '```\n'
    } >>"$summary"
    exit "$2"
}

if [ "$(head -c 4 "$IMAGE" | od -An -tx1 | tr -d ' \n')" = 514649fb ]; then
    image=$work/image
    canisterfs restore "$IMAGE" "$image" >"$work/report" 2>&1 || finish "the checkpoint cannot be restored" 1
fi
canisterfs run "$image" --twice --check "$CHECK" -- sh -c "$MIGRATE" 2>&1 | tee "$work/report"
status=${PIPESTATUS[0]}
if [ "$status" = 0 ]; then
    finish "passed" 0
else
    finish "failed" "$status"
fi
