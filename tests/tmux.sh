# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# A terminal that a test looks at: tmux on a socket of its own. Sourced behind a lib.sh. Whatever is
# waited for is waited for as text on the screen.

# In a directory of its own, with a short name: the path of a socket is.
tmux_dir=$(mktemp -d /tmp/tmux-XXXXXX)
tmux_servers=0
on_tmux() {
    TMUX_TMPDIR=$tmux_dir tmux -u -L "$tmux_servers" -f /dev/null "$@"
}

tmux_end() {
    on_tmux kill-server 2>/dev/null || true
    rm -rf "$tmux_dir"
}

# show SIZE COMMAND ARGUMENT...: runs it on a terminal of such a size, "80x24"; another one ends first.
show() {
    local size=$1
    shift
    on_tmux kill-server 2>/dev/null || true
    tmux_servers=$((tmux_servers + 1)) # the socket of one that ends may be there still
    on_tmux new-session -d -x "${size%x*}" -y "${size#*x}" "TERM=${terminal:-tmux-256color} ${*@Q}
        echo exited with \$?; exec cat"
    on_tmux set -g status off
}

screen() {
    on_tmux capture-pane -p
}

# keys KEY...: as tmux names them.
keys() {
    on_tmux send-keys "$@"
}

# types TEXT
types() {
    on_tmux send-keys -l "$1"
}

# sees PATTERN: waits until the screen has it. Only what never comes meets the limit.
sees() {
    local tries=0
    until screen >seen && grep -qe "$1" seen; do
        tries=$((tries + 1))
        [ $tries -lt 1200 ] || fail "the screen has no '$1': $(cat seen)"
        sleep 0.05
    done
}

# sees_no PATTERN: waits until the screen has it no more.
sees_no() {
    local tries=0
    while screen >seen && grep -qe "$1" seen; do
        tries=$((tries + 1))
        [ $tries -lt 1200 ] || fail "the screen still has '$1': $(cat seen)"
        sleep 0.05
    done
}

# has PATTERN: the same screen has this, too. It may not be all drawn yet.
has() {
    sees "$1"
}

# leaves: goes back one view, and waits until it is gone.
leaves() {
    local title tries=0
    title=$(screen | head -n 1)
    keys q
    until screen >seen && [ "$(head -n 1 seen)" != "$title" ]; do
        tries=$((tries + 1))
        [ $tries -lt 1200 ] || fail "q does not leave: $(cat seen)"
        sleep 0.05
    done
}
