#!/bin/bash
# SPDX-License-Identifier: MIT
# browse: every golden image opens, all its views do, and nothing of it changes.
. "$(dirname "$0")/lib.sh"
. "$here/../tmux.sh"
clean_up() { tmux_end; }

"$program" version --json | jq -e .libraries.ncursesw >/dev/null || skip "this build has no browser"
requires tmux

# visit KEY TITLE: a view, and back.
visit() {
    keys "$1"
    sees "> $2"
    leaves
}

# The memories are on the screen.
walk() {
    keys Enter
    sees "x bytes"
    if grep -q " JSON *$" seen; then
        keys End Tab
        sees " text *$"
        keys Tab
        sees " hex *$"
        keys Enter
        sees "^hex, "
        keys Tab
        sees "^JSON, "
        leaves
    fi
    keys x
    sees "> bytes"
    has "^hex, "
    leaves
    keys i
    sees "> facts\|--key-width"
    ! grep -q "> facts" seen || leaves
    visit m map
    leaves
    sees "o order"
    keys c
    sees "> findings\|not a managed image"
    ! grep -q "> findings" seen || leaves
    visit s "points in time"
    visit '?' keys
}

mkdir all
for packed in "$data"/*.img.gz "$data"/maps/*.img.gz; do
    image=all/$(basename "$packed" .gz)
    gzip -dc "$packed" >"$image"
    cp "$image" kept
    show 100x30 "$program" browse "$image"
    sees "^ $image"
    has "id .*holds"
    if grep -q "no memories yet" seen; then
        keys Enter
        visit m map
    else
        walk
    fi
    keys q
    sees "exited with 0"
    same "$image" kept
    rm "$image"
done
