#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants every kind of thing at every place where a file of an image's surroundings may stand, and
runs every verb there. Whatever is planted, no verb crashes, hangs, changes or shows what lies
elsewhere, or takes the planted thing away.

    planted.py PROGRAM DATA

A new place is a line in PLACES.
"""
import gzip
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile

PROGRAM, DATA = sys.argv[1], pathlib.Path(sys.argv[2])
ROOT = os.geteuid() == 0
STRANGER = 65534
SECRET = b"what-the-stranger-cannot-read"
HANG_SECONDS = 120


def call(words, cwd, **more):
    return subprocess.run([PROGRAM, *words], cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=HANG_SECONDS,
                          check=False, **more)


def sock(path):
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(path.parent)  # the name must be short
    try:
        s.bind(path.name)
    finally:
        os.chdir(here)
        s.close()


def foreign_owner(path):
    path.write_bytes(SECRET)
    os.chown(path, STRANGER, STRANGER)


def of_victim(name):
    return lambda path: os.symlink(os.path.relpath(VICTIM / name, path.parent), path)


KINDS = {
    "link to a secret": of_victim("secret"),
    "link to an image": of_victim("image"),
    "link to a directory": of_victim("dir"),
    "link to nothing": of_victim("new"),
    "link to itself": lambda p: os.symlink(p.name, p),
    "absolute link": lambda p: os.symlink("/etc/passwd", p),
    "pipe": os.mkfifo,
    "socket": sock,
    "directory": lambda p: p.mkdir(),
    "full directory": lambda p: (p.mkdir(), (p / "kept").write_bytes(b"kept")),
    "other bytes": lambda p: p.write_bytes(bytes(range(256)) * 300),
    "no bytes": lambda p: p.touch(),
    "an image": lambda p: shutil.copy(IMAGE, p),
    "another image's record": lambda p: shutil.copy(IMAGE.parent / "other.snap/.canister", p),
    "another image's directory": lambda p: shutil.copytree(IMAGE.parent / "other.snap", p),
}
if ROOT:
    KINDS["device"] = lambda p: os.mknod(p, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    KINDS["second name of a stranger's file"] = lambda p: os.link(VICTIM / "foreign", p)
    KINDS["a stranger's file"] = foreign_owner

# Where a file may stand, and what the words of a verb have that looks there.
PLACES = {
    "canister/metadata.json": r"canister|waste",
    "canister/stable_memory.bin": r"canister|waste",
    "canister/.lock": r"canister|waste",
    "canister/wasm_memory.bin": r"(info|check|compact|put|restore --force whole.ckpt) canister",
    "base.ckpt": r"delta|base\.ckpt|waste \.",
    "names.toml": r"names\.toml",
    "words.did": r"words\.did",
    "out": r"\bout\b",
    "img.undo": r"undo|(--repair|compact) img|waste \.",
    "img.scratch": r" img\b",
    "img.scratch/.canister": r" img\b",
    "img.scratch/3-journal": r" img\b",
    "img.snap": r" img\b",
    "img.snap/.canister": r" img\b",
    "img.snap/s.qcow2": r" img\b",
}

VERBS = [
    "info canister", "info --json canister", "map canister", "check canister", "cat canister 3",
    "find --hex 0123456789 canister", "compare canister img", "compare img canister",
    "advise canister", "extract canister 3 out", "rebucket -b 2 canister out",
    "checkpoint canister out", "put canister 3 data", "compact canister", "check --repair canister",
    "rebucket --force -b 2 canister canister", "restore --force whole.ckpt canister",
    "create --force -b 1 canister", "snapshot list canister", "waste .", "waste --json -j 2 . canister",
    "info delta", "verify delta", "restore delta out", "compare delta img", "checkpoint delta out",
    "checkpoint --base base.ckpt img out", "verify base.ckpt", "info base.ckpt", "map base.ckpt",
    "info --names names.toml img", "schema --names names.toml img", "cat --names names.toml img 3",
    "dump -v candid:words.did img 3", "check --repair img", "check --undo img.undo img",
    "compact img", "compact --save out img", "checkpoint img out", "extract img 3 out",
    "restore whole.ckpt out", "create -b 1 out", "adopt -m 1 -b 1 -l 65536 data out",
    "waste --html out img", "commit delta", "commit --out out delta", "discard delta",
    "snapshot create img new", "snapshot list img", "snapshot remove img s", "snapshot rollback img s",
    "put img 3 data", "discard base.ckpt", "info img", "check img", "cat img 3", "waste img",
    "create --force -b 1 img", "restore --force whole.ckpt img", "rebucket --force -b 2 img img",
]
if os.access("/dev/fuse", os.W_OK):
    VERBS += ["mount img mnt", "mount -o ro img mnt", "mount -o ephemeral img mnt",
              "mount -o overlay=over img mnt", "mount canister mnt", "mount -o ro canister mnt"]


def set_up(top):
    """The shared directory as its makers left it."""
    shared = top / "shared"
    shutil.copytree(top / "model", shared, symlinks=True)
    return shared


def make_model(top):
    model = top / "model"
    (model / "canister").mkdir(parents=True)
    image = gzip.decompress((DATA / "b_one_small.img.gz").read_bytes())
    for name in ("img", "canister/stable_memory.bin"):
        (model / name).write_bytes(image)
    (model / "canister/metadata.json").write_text(
        '{"wasm_module_size": 0, "wasm_memory_size": 0, "stable_memory_size": %d}' % len(image))
    (model / "mnt").mkdir()
    (model / "data").write_bytes(b"data" * 40000)
    (model / "names.toml").write_text('3 = { name = "three" }\n')
    (model / "words.did").write_text("type t = record { a : nat };\n")
    for words in ("checkpoint img base.ckpt", "checkpoint img whole.ckpt"):
        assert call(words.split(), model).returncode == 0, words
    (model / "img").write_bytes(image + b"\1" * 65536)
    assert call("checkpoint --base base.ckpt img delta".split(), model).returncode == 0
    (model / "img").write_bytes(image)
    (model / "other").write_bytes(image)
    assert call("snapshot create other s".split(), model).returncode == 0
    return model / "img"


def make_victim(top):
    victim = top / "victim"
    (victim / "dir").mkdir(parents=True)
    (victim / "dir/file").write_bytes(SECRET)
    (victim / "secret").write_bytes(SECRET * 10)
    shutil.copy(top / "model/img", victim / "image")
    with open(victim / "image", "r+b") as image:
        image.seek(-len(SECRET), os.SEEK_END)
        image.write(SECRET)
    (victim / "foreign").write_bytes(SECRET)
    if ROOT:
        os.chown(victim / "foreign", STRANGER, STRANGER)
    for path in victim.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return victim


def state(directory):
    """All that can be seen of what is there, but for when it was read."""
    seen = {}
    for path in [directory, *sorted(directory.rglob("*"))]:
        st = path.lstat()
        seen[str(path)] = (st.st_mode, st.st_uid, st.st_size, st.st_mtime_ns,
                           path.read_bytes() if stat.S_ISREG(st.st_mode) else None)
    return seen


def is_there(path, before):
    try:
        now = path.lstat()
    except FileNotFoundError:
        return False
    return (now.st_ino, stat.S_IFMT(now.st_mode)) == (before.st_ino, stat.S_IFMT(before.st_mode))


def planted_is_there(path, before, kind):
    """What bears a record of ours, but belongs to another image, may be set aside under a name
    beside its own."""
    if kind != "another image's directory":
        return is_there(path, before)
    return any(is_there(other, before) for other in path.parent.iterdir())


def shows_secret(shared, planted, answer):
    if SECRET in answer:
        return "the answer"
    for path in shared.rglob("*"):
        if path != planted and not path.is_symlink() and path.is_file() and SECRET in path.read_bytes():
            return str(path)
    return None


def may_replace(place, kind):
    """A plain file of the caller's own may be what a verb is there to replace or to remove, and an
    empty directory beside an image what it makes use of."""
    if kind == "directory":
        return place in ("img.scratch", "img.snap")
    return kind in ("other bytes", "no bytes", "an image", "a stranger's file",
                    "second name of a stranger's file", "another image's record")


def try_all(top, place, kind, plant, problems):
    watched = state(VICTIM)
    for words in VERBS:
        if not re.search(PLACES[place], words):
            continue
        shared = set_up(top)
        path = shared / place
        if path.exists():
            path.unlink()
        path.parent.mkdir(exist_ok=True)
        plant(path)
        before = path.lstat()
        where = f"{kind} as {place}: {words}"
        try:
            done = call(words.split(), shared)
            if words.startswith("mount") and done.returncode == 0:
                call(["umount", "mnt"], shared)
        except subprocess.TimeoutExpired:
            problems.append(f"{where}: hangs")
            shutil.rmtree(shared)
            continue
        if done.returncode < 0 or done.returncode > 100:
            problems.append(f"{where}: ended with {done.returncode}: {done.stdout[-500:]}")
        if state(VICTIM) != watched:
            problems.append(f"{where}: changed what lies elsewhere")
            break
        if not may_replace(place, kind) and not planted_is_there(path, before, kind):
            problems.append(f"{where}: took the planted thing away")
        if leak := shows_secret(shared, path, done.stdout):
            # Root may show root what the stranger's own file holds.
            if "stranger's" not in kind:
                problems.append(f"{where}: {leak} shows the secret")
        if kind == "full directory" and not (path / "kept").exists():
            problems.append(f"{where}: removed what it did not make")
        shutil.rmtree(shared)


def main():
    global IMAGE, VICTIM
    problems, count = [], 0
    with tempfile.TemporaryDirectory() as name:
        top = pathlib.Path(name).resolve()
        IMAGE = make_model(top)
        VICTIM = make_victim(top)
        for place in PLACES:
            for kind, plant in KINDS.items():
                try_all(top, place, kind, plant, problems)
                count += 1
    for problem in problems:
        print(problem)
    print(f"{count} plantings, {len(problems)} problems")
    return 1 if problems or count < 50 else 0


sys.exit(main())
