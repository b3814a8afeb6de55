#!/bin/bash
# SPDX-License-Identifier: MIT
# Every golden image gives the same answers in each form in which images travel.
. "$(dirname "$0")/lib.sh"

# What a form adds to the answer.
plain() {
    jq -S 'del(.why, .pages, .base_page, .front, .stored)' "$1"
}

# answers_alike NAME.img FORM [OPTION]...
answers_alike() {
    local image=$1 form=$2
    run 0 info --json "$form"
    plain out | cmp want - || fail "info says something else of $form"
    while read -r id sha; do
        run 0 cat "$form" "$id"
        [ "$(sha256sum <out)" = "$sha  -" ] || fail "memory $id of $form is not as it should be"
    done <memories
}

head -c 200000 /dev/urandom >head
truncate -s 262144 head
count=0
for manifest in "$data"/*.json; do
    name=$(basename "$manifest" .json)
    golden "$name"
    run 0 info --json "$name.img"
    plain out >want
    jq -r '.memories[] | "\(.id) \(.sha256)"' "$manifest" >memories

    run 0 checkpoint "$name.img" form.ckpt
    answers_alike "$name.img" form.ckpt
    run 0 compare "$name.img" form.ckpt
    if [ "$(jq .manager "$manifest")" = true ]; then
        cat head "$name.img" >form.img
        answers_alike "$name.img" form.img
        cp --reflink=auto form.img other.img
        run 0 compare form.img other.img
    fi
    rm -f "$name.img" form.* other.*
    count=$((count + 1))
done
[ "$count" -ge 15 ] || fail "only $count images were looked at"
