#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the code against the rules of the house: which folder may include what, that each has one
public header, that every file says its licence, and that no test is left out of the build.

    tests/layering.py [ROOT]
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
if ROOT.is_file():
    ROOT = ROOT.parent.parent

# A room, its public header, and the rooms below it. What stands nowhere is above all of them.
ROOMS = {
    "memmgr": ("memmgr/memmgr.h", []),
    "memmgr/structures": ("memmgr/structures/structures.h", ["memmgr"]),
    "snapshot": ("snapshot/snapshot.h", ["memmgr"]),
    "fusefs": ("fusefs/fusefs.h", ["snapshot", "memmgr/structures", "memmgr"]),
    "tools/bench": (None, []),  # programs of their own
    "tools": (None, ["fusefs", "snapshot", "memmgr/structures", "memmgr"]),
}
FOR_ALL = {"memmgr/util.h", "memmgr/store.h"}
# Libraries that only these rooms may use; what else there is belongs to libc.
LIBRARIES = {
    r"fuse.*": {"fusefs", "tools/bench"},
    r"zlib\.h|libdeflate\.h|isa-l\.h": {"snapshot", "tools"},
    r"openssl/.*": {"snapshot", "tools"},
    r"jansson\.h": {"tools"},
}

problems = []


def room_of(path):
    """The innermost room that a path lies in, or None."""
    for parent in pathlib.PurePosixPath(path).parents:
        if str(parent) in ROOMS:
            return str(parent)
    return None


def check_include(where, room, target):
    other = room_of(target)
    if not (ROOT / target).is_file():
        problems.append(f"{where}: includes {target}, which is no path from the root")
    elif other == room or target in FOR_ALL:
        return
    elif other not in ROOMS[room][1]:
        problems.append(f"{where}: {room} may not include {target}: arrows point down only")
    elif target != ROOMS[other][0]:
        problems.append(f"{where}: {target} is private to {other}; {ROOMS[other][0]} is public")


def check_library(where, room, target):
    for pattern, rooms in LIBRARIES.items():
        if re.fullmatch(pattern, target) and room not in rooms:
            problems.append(f"{where}: {room} may not use {target}")


def check_source(path):
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text()
    room = room_of(name)
    if "SPDX-License-Identifier: MIT" not in text.split("\n", 1)[0]:
        problems.append(f"{name}:1: the first line does not say SPDX-License-Identifier: MIT")
    if room is None:
        return
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{name}:{number}"
        if found := re.match(r'\s*#\s*include\s*"(.*)"', line):
            check_include(where, room, found[1])
        elif found := re.match(r"\s*#\s*include\s*<(.*)>", line):
            check_library(where, room, found[1])


def check_tests_are_registered():
    for folder, pattern in (("unit", "test_*.c"), ("cli", "*.sh")):  # mount holds its own
        build = ROOT / "tests" / folder / "meson.build"
        for path in sorted((ROOT / "tests" / folder).glob(pattern)):
            if path.name != "lib.sh" and f"'{path.stem}'" not in build.read_text():
                problems.append(f"tests/{folder}/{path.name}: not in its meson.build")


def main():
    for room, (header, _) in ROOMS.items():
        if header and (ROOT / room).is_dir() and not (ROOT / header).is_file():
            problems.append(f"{room}: its public header {header} is missing")
    sources = [p for folder in ("memmgr", "snapshot", "fusefs", "tools", "tests")
               for p in sorted((ROOT / folder).rglob("*.[ch]"))]
    for path in sources:
        check_source(path)
    check_tests_are_registered()
    for problem in problems:
        print(problem)
    print(f"{len(sources)} files, {len(problems)} problems")
    return 1 if problems or len(sources) < 20 else 0


sys.exit(main())
