#!/bin/bash
# SPDX-License-Identifier: MIT
# A name of the names file stands wherever an id does, and what the file says of its life holds.
. "$(dirname "$0")/lib.sh"

golden l_sqlite h_structs
cat >n.toml <<'END'
0 = { name = "notes" }
3 = { name = "db" }
5 = { name = "old", state = "deprecated" }
6 = { name = "idle", state = "unused" }
7 = { name = "gone", state = "removed" }
8 = { name = "next", state = "new" }
END
"$program" schema --names n.toml l_sqlite.img >out 2>err || {
    grep -q 'built without TOML' err && skip "no TOML"
    fail "$(cat out err)"
}

# Each verb takes a name, wherever --names stands, and ids all the same.
run 0 cat l_sqlite.img 3
mv out by-id
run 0 cat --names n.toml l_sqlite.img db
same out by-id
run 0 cat l_sqlite.img db --names n.toml
same out by-id
run 0 cat --names n.toml l_sqlite.img 3
same out by-id
run 0 extract --names n.toml l_sqlite.img db raw.img
same raw.img by-id
run 0 adopt --names n.toml -m next -b 2 -l 393216 raw.img new.img
run 0 cat new.img 8
same out by-id
run 0 map --json --names n.toml l_sqlite.img db
json '[.ranges[] | [.id, .name]] | unique' '[[3,"db"]]'
run 0 find --hex 53514c697465 l_sqlite.img
head -c 70000 /dev/urandom >fresh
run 0 put --names n.toml l_sqlite.img notes fresh
run 0 cat -l 70000 l_sqlite.img 0
same out fresh
run 0 snapshot create l_sqlite.img before
echo other | "$program" put --names n.toml l_sqlite.img notes
run 0 snapshot diff --names n.toml l_sqlite.img before
grep -Eq '^ +0 +notes +2$' out || fail "$(cat out)"
run 0 snapshot rollback --names n.toml -m notes l_sqlite.img before
run 0 cat -l 70000 l_sqlite.img 0
same out fresh
run 0 info --names n.toml l_sqlite.img db
[ "$(head -n 1 out)" = "l_sqlite.img: memory 3 ('db')" ] || fail "$(cat out)"

# Whoever lists memories tells their names; nobody else has that column.
run 0 info --names n.toml l_sqlite.img
grep -Eq '^ +id  name +pages' out || fail "$(cat out)"
grep -Eq '^ +3  db +6 ' out || fail "$(cat out)"
run 0 info --names n.toml --json h_structs.img
json '[.memories[] | .name]' '["notes",null,null,"db",null,"old","idle","gone","next"]'
cp h_structs.img other.img
"$program" load --merge other.img 8 <<<'{"index": 0, "value": "00"}' >/dev/null
run 1 diff --records --names n.toml h_structs.img other.img
json '[.memory, .name, .index]' '[8,"next",0]'
run 0 info l_sqlite.img
grep -q name out && fail "$(cat out)"
run 0 map --names n.toml l_sqlite.img
grep -Eq '^ 3  db    +0 ' out || fail "$(cat out)"

# What is no name, and what the life of a memory forbids.
refused 2 "cat: 'table' is neither a memory id nor a name in the names file (see 'canisterfs cat --help')" \
    cat --names n.toml l_sqlite.img table
refused 2 "cat: 'db' is not a memory id: they go from 0 to 254 (see 'canisterfs cat --help')" \
    cat l_sqlite.img db
for verb in cat map put extract dump load info; do
    for word in gone 7; do
        run 2 "$verb" --names n.toml h_structs.img "$word" x </dev/null
        grep -q "$verb: memory 7 ('gone') is removed by the names file" err || fail "$(cat err)"
    done
done
cp h_structs.img kept.img
for word in old 5 idle 6; do
    why="is deprecated by"
    case $word in idle | 6) why="is unused by" ;; esac
    for args in "put h_structs.img $word" "load --merge h_structs.img $word" \
        "snapshot rollback h_structs.img before -m $word"; do
        # shellcheck disable=SC2086
        run 2 $args --names n.toml </dev/null
        grep -q "$why the names file" err || fail "$args: $(cat err)"
    done
    run 2 adopt --names n.toml -m "$word" -b 1 raw.img other.img
    run 0 cat --names n.toml h_structs.img "$word"
done
same h_structs.img kept.img
# The half of a log that was not named is written to as well.
echo '5 = { name = "index" }
6 = { name = "data", state = "deprecated" }' >log.toml
echo '{"index": 0, "value": "00"}' >line
refused 1 "h_structs.img: memory 6 ('data') is deprecated by the names file" \
    load --replace --names log.toml h_structs.img index line
same h_structs.img kept.img
echo '9 = {' >bad.toml
run 2 cat --names bad.toml l_sqlite.img 0
grep -q 'cat: --names: names file bad.toml: line 1' err || fail "$(cat err)"

# The shell completes them: to be written, only those that can be.
run 0 --complete cat --names n.toml h_structs.img ''
out_is "$(printf '%s\n' 0 1 2 3 4 5 6 7 8 notes db old idle next)"
run 0 --complete put --names n.toml l_sqlite.img ''
out_is "$(printf '%s\n' 0 3 notes db next)"
run 0 --complete cat --names ''
out_is :file

# On a terminal, where this machine has one to give: the legend.
script -qec true /dev/null </dev/null >/dev/null 2>&1 || exit 0
script -qec "stty cols 80; NO_COLOR=1 $program map --names n.toml l_sqlite.img" /dev/null \
    </dev/null | tr -d '\r' >shown
grep -q '3   db: 384 KiB, 3 buckets' shown || fail "$(cat shown)"
