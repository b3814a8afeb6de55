#!/bin/bash
# SPDX-License-Identifier: MIT
# Every golden image gives the same answers in each form in which images travel.
. "$(dirname "$0")/lib.sh"

# What a form adds to the answer.
plain() {
    jq -S 'del(.why, .pages, .base_page, .front, .stored)' "$1"
}

# answers_alike NAME.img FORM: FORM is a file, or "- < FILE" or "- | FILE".
answers_alike() {
    local image=$1 form=$2
    ask 0 "$form" info --json "${form%% *}"
    plain out | cmp want - || fail "info says something else of $form"
    while read -r id sha; do
        ask 0 "$form" cat "${form%% *}" "$id"
        [ "$(sha256sum <out)" = "$sha  -" ] || fail "memory $id of $form is not as it should be"
    done <memories
    ask 0 "$form" compare "$image" "${form%% *}"
}

# ask STATUS FORM ARGUMENT...
ask() {
    local status=$1 form=$2
    shift 2
    case $form in
    "- < "*) run "$status" "$@" <"${form#- < }" ;;
    "- | "*)
        cat "${form#- | }" >pipe &
        run "$status" "$@" <pipe
        wait $!
        ;;
    *) run "$status" "$@" ;;
    esac
}
mkfifo pipe

zstd=false
if command -v zstd >/dev/null && "$program" version | grep -q libzstd; then
    zstd=true
else
    echo "skipped: images packed by zstd: there is no zstd, or this build has no libzstd"
fi
head -c 200000 /dev/urandom >front
truncate -s 262144 front
count=0
for manifest in "$data"/*.json; do
    name=$(basename "$manifest" .json)
    golden "$name"
    run 0 info --json "$name.img"
    plain out >want
    jq -r '.memories[] | "\(.id) \(.sha256)"' "$manifest" |
        head -n "$([ "$(stat -c %s "$name.img")" -gt 16777216 ] && echo 1 || echo 3)" >memories

    run 0 checkpoint "$name.img" form.ckpt
    answers_alike "$name.img" form.ckpt
    cp "$data/$name.img.gz" form.bin
    answers_alike "$name.img" form.bin
    answers_alike "$name.img" "- < $name.img"
    answers_alike "$name.img" "- | form.bin"
    if $zstd; then
        zstd -q -1 "$name.img" -o form.zst
        answers_alike "$name.img" form.zst
    fi
    if [ "$(jq .manager "$manifest")" = true ]; then
        cat front "$name.img" >form.img
        while read -r id sha; do
            run 0 cat form.img "$id"
            [ "$(sha256sum <out)" = "$sha  -" ] || fail "memory $id of form.img is not as it should be"
        done <memories
        run 0 info --json form.img
        plain out | cmp want - || fail "info says something else behind a front"
        gzip -1 <form.img >form.gz
        run 0 compare form.img form.gz
    fi
    rm -f "$name.img" form.* other.*
    count=$((count + 1))
done
[ "$count" -ge 15 ] || fail "only $count images were looked at"
