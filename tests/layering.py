#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the code against the rules of the house: which folder may include what, that each part has one
public header and no room of it too many files, that every file says its licence, and that no test is
left out of the build.

    tests/layering.py [ROOT]
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
if ROOT.is_file():
    ROOT = ROOT.parent.parent

# A part of the house, its public header, and the parts below it. What stands nowhere is above them.
PARTS = {
    "memmgr": ("memmgr/memmgr.h", []),
    "memmgr/structures": ("memmgr/structures/structures.h", ["memmgr"]),
    "snapshot": ("snapshot/snapshot.h", ["memmgr"]),
    "fusefs": ("fusefs/fusefs.h", ["snapshot", "memmgr/structures", "memmgr"]),
    "tools/bench": (None, []),  # programs of their own
    "tools": (None, ["fusefs", "snapshot", "memmgr/structures", "memmgr"]),
}
# The rooms of a part, from below: files may include those of their own room and of rooms below.
ROOMS = [
    ["snapshot/qcow2", "snapshot/beside", "snapshot"],
    ["fusefs/core", "fusefs/view", "fusefs/records", "fusefs/change", "fusefs/snap", "fusefs"],
    ["tools/sandbox", "tools/input", "tools/out", "tools/html", "tools/codec", "tools/undo", "tools/cmd", "tools/image",
     "tools/checkout", "tools/facts", "tools/records", "tools/run", "tools/waste", "tools/report", "tools/browse", "tools/verbs",
     "tools"],
]
ROOM_MAX = 44  # files in a room, headers included
# What all may include. verbs.h is the list of verbs, without code.
FOR_ALL = {"memmgr/util.h", "memmgr/lock.h", "memmgr/store.h", "tools/verbs.h"}
# Libraries that only these rooms may use; what else there is belongs to libc.
LIBRARIES = {
    r"fuse.*": {"fusefs", "tools/bench"},
    r"zlib\.h|libdeflate\.h|isa-l\.h|zstd\.h": {"snapshot", "tools"},
    r"openssl/.*": {"snapshot", "tools"},
    r"jansson\.h": {"tools"},
    r"curses\.h": {"tools"},
}

problems = []


def part_of(path):
    """The innermost part that a path lies in, or None."""
    for parent in pathlib.PurePosixPath(path).parents:
        if str(parent) in PARTS:
            return str(parent)
    return None


def check_rooms(where, name, target):
    """Both lie in one part: the target's room is not above the file's."""
    if target == PARTS[part_of(target)][0]:
        return
    rooms = [str(pathlib.PurePosixPath(path).parent) for path in (name, target)]
    for order in ROOMS:
        if rooms[0] in order and rooms[1] in order and order.index(rooms[1]) > order.index(rooms[0]):
            problems.append(f"{where}: {rooms[0]} may not include {target}, of a room above it")


def check_include(where, name, part, target):
    other = part_of(target)
    if not (ROOT / target).is_file():
        problems.append(f"{where}: includes {target}, which is no path from the root")
    elif target in FOR_ALL:
        return
    elif other == part:
        check_rooms(where, name, target)
    elif other not in PARTS[part][1]:
        problems.append(f"{where}: {part} may not include {target}: arrows point down only")
    elif target != PARTS[other][0]:
        problems.append(f"{where}: {target} is private to {other}; {PARTS[other][0]} is public")


def check_folders(sources):
    count = {}
    for path in sources:
        name = path.parent.relative_to(ROOT).as_posix()
        count[name] = count.get(name, 0) + 1
    for name, files in count.items():
        if part_of(name + "/file") and files > ROOM_MAX:
            problems.append(f"{name}: {files} files; a room holds {ROOM_MAX} at most")
        if part_of(name + "/file") and name not in PARTS and not any(name in order for order in ROOMS):
            problems.append(f"{name}: a room that is not in the list of rooms")


def check_library(where, part, target):
    for pattern, parts in LIBRARIES.items():
        if re.fullmatch(pattern, target) and part not in parts:
            problems.append(f"{where}: {part} may not use {target}")


def check_source(path):
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text()
    part = part_of(name)
    if "SPDX-License-Identifier: MIT" not in text.split("\n", 1)[0]:
        problems.append(f"{name}:1: the first line does not say SPDX-License-Identifier: MIT")
    if part is None:
        return
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{name}:{number}"
        if found := re.match(r'\s*#\s*include\s*"(.*)"', line):
            check_include(where, name, part, found[1])
        elif found := re.match(r"\s*#\s*include\s*<(.*)>", line):
            check_library(where, part, found[1])


def check_printing():
    """Whatever a verb prints may hold a name that others gave: text_print shows no order in it."""
    bare = re.compile(r'(?<![a-z_])(v?printf\(|fprintf\(|puts\([^"]*\);)(?!.*\\033)')
    for folder in ("verbs", "records", "facts", "image", "browse"):
        for path in sorted((ROOT / "tools" / folder).glob("*.c")):
            for number, line in enumerate(path.read_text().split("\n"), 1):
                # version.c prints nothing that others gave.
                if bare.search(line) and path.name != "version.c":
                    name = path.relative_to(ROOT).as_posix()
                    problems.append(f"{name}:{number}: text_print and text_print_to print here")


def check_tests_are_registered():
    for folder, pattern in (("unit", "test_*.c"), ("cli", "*.sh")):  # mount holds its own
        build = ROOT / "tests" / folder / "meson.build"
        for path in sorted((ROOT / "tests" / folder).glob(pattern)):
            if path.name != "lib.sh" and f"'{path.stem}'" not in build.read_text():
                problems.append(f"tests/{folder}/{path.name}: not in its meson.build")


def main():
    for part, (header, _) in PARTS.items():
        if header and (ROOT / part).is_dir() and not (ROOT / header).is_file():
            problems.append(f"{part}: its public header {header} is missing")
    sources = [p for folder in ("memmgr", "snapshot", "fusefs", "tools", "tests")
               for p in sorted((ROOT / folder).rglob("*.[ch]"))]
    for path in sources:
        check_source(path)
    check_folders(sources)
    check_printing()
    check_tests_are_registered()
    for problem in problems:
        print(problem)
    print(f"{len(sources)} files, {len(problems)} problems")
    return 1 if problems or len(sources) < 20 else 0


sys.exit(main())
