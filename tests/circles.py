#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Refuses calls that run in a circle: no file may need a symbol of a file that, directly or over
others, needs one of its own; and no folder may either. Reads the symbols of the objects in a build.

    tests/circles.py BUILD
"""
import json
import pathlib
import re
import subprocess
import sys

build = pathlib.Path(sys.argv[1]).resolve()
CODE = re.compile(r"(memmgr|snapshot|fusefs|tools)/(?!bench/).*\.(c|cc)$")


def objects():
    """Each source file of the program and its object."""
    for step in json.loads((build / "compile_commands.json").read_text()):
        source = (pathlib.Path(step["directory"]) / step["file"]).resolve()
        name = source.relative_to(build.parent).as_posix() if build.parent in source.parents else ""
        found = pathlib.Path(step["directory"]) / step["output"]
        if CODE.match(name) and found.is_file():
            yield name, found


def symbols_of(paths):
    """For each object, in this order, its symbols and their kinds. One nm reads all of them."""
    text = subprocess.run(["nm", "--format=posix", *paths], check=True, capture_output=True, text=True)
    found = {}
    for line in text.stdout.splitlines():
        if line.endswith(":"):
            symbols = found.setdefault(line[:-1], [])
        elif line:
            symbols.append(line.split()[:2])
    return [found.get(str(path), []) for path in paths]


def read_symbols():
    needed, owner = {}, {}
    names, paths = zip(*objects())
    for name, symbols in zip(names, symbols_of(paths)):
        needed[name] = {symbol for symbol, kind in symbols if kind == "U"}
        owner |= {symbol: name for symbol, kind in symbols if kind in "TDBRC"}
    return needed, owner


def reached(arrows, start):
    """All that `start` needs, directly or over others."""
    found, new = set(), [start]
    while new:
        for target in arrows.get(new.pop(), ()):
            if target not in found:
                found.add(target)
                new.append(target)
    return found


def circles(arrows):
    """The arrows that are part of a circle."""
    needs = {a: reached(arrows, a) for a in arrows}
    return [(a, b) for a, targets in arrows.items() for b in targets if a in needs.get(b, ())]


def main():
    needed, owner = read_symbols()
    files = {a: {owner[s] for s in symbols if s in owner} - {a} for a, symbols in needed.items()}
    rooms = {}
    for a, targets in files.items():
        room = str(pathlib.PurePosixPath(a).parent)
        rooms.setdefault(room, set()).update(str(pathlib.PurePosixPath(b).parent) for b in targets)
    rooms = {room: targets - {room} for room, targets in rooms.items()}
    found = sorted(circles(files) + circles(rooms))
    for a, b in found:
        why = sorted(s for s in needed.get(a, ()) if owner.get(s) == b)
        print(f"in a circle: {a} needs {b}", *why)
    print(f"{len(files)} files, {len(rooms)} folders, {len(found)} arrows in a circle")
    return 1 if found or len(files) < 100 else 0


sys.exit(main())
