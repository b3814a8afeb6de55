/* SPDX-License-Identifier: MIT */
/*
 * A canister snapshot as `dfx canister snapshot download` and `icp canister snapshot download`
 * leave it: a directory with the stable memory in stable_memory.bin and its length in
 * metadata.json. The two are kept in step:
 *
 *     growing     the file first, synced, then the number
 *     shrinking   the number first, then the file
 *
 * so that a crash leaves a file that is too long, which an upload refuses, and never one that is
 * too short, whose rest would be uploaded as zeros. The file is what counts when it is opened
 * again. Source: formats, canister snapshot directories.
 */
#ifndef CANISTERFS_CANISTER_DIR_H
#define CANISTERFS_CANISTER_DIR_H

#include "memmgr/store.h"

#define CANISTER_STABLE   "stable_memory.bin"
#define CANISTER_HEAP     "wasm_memory.bin"
#define CANISTER_MODULE   "wasm_module.bin"
#define CANISTER_METADATA "metadata.json"

/* A directory with a metadata.json; nothing is said of what is in that. */
bool canister_dir_is(const char *path);

/*
 * The stable memory as a store. -EWOULDBLOCK: locked by an upload, a download or another
 * canisterfs. -EINVAL: not such a directory, or an incomplete download. Writable, it holds the
 * directory's lock until it is closed.
 */
int MUST_CHECK canister_dir_open(const char *path, bool writable, struct store **out,
				 struct err *err);

/* What is odd about the directory, in one sentence for free(); NULL: nothing. */
char *canister_dir_note(const char *path, bool writable);

/*
 * Another stable memory in the place of the one that is there: begin locks the directory and says
 * where the new file belongs; commit gives it that name, and metadata.json its length.
 */
struct canister_swap {
	char *dir;
	char *stable_path;
	int lock_fd;
};
#define CANISTER_SWAP_NONE ((struct canister_swap){.lock_fd = -1})
/* `held`: the caller has the lock already, by a store that is open for writing. */
int MUST_CHECK canister_swap_begin(const char *path, bool held, struct canister_swap *out,
				   struct err *err);
/* `file` was opened on stable_path and is `len` bytes long. */
int MUST_CHECK canister_swap_commit(struct canister_swap *swap, struct new_file *file, uint64_t len,
				    struct err *err);
/* Unlocks; harmless on CANISTER_SWAP_NONE. */
void canister_swap_drop(struct canister_swap *swap);

/* ---- for canister_store.c ---- */

/* What the network allows a canister. Source: formats, limits and costs. */
#define CANISTER_STABLE_MAX_LEN (UINT64_C(500) << 30)

/* *fd stays -1 where there is nothing to lock and only reading is meant. */
int MUST_CHECK canister_dir_lock(const char *dir, bool writable, int *fd, struct err *err);
/* The store of the file alone, after a look at whether it is whole. */
int MUST_CHECK canister_dir_stable(const char *dir, bool writable, struct store **out,
				   struct err *err);
/* Writes nothing where metadata.json has the number already. */
int MUST_CHECK canister_dir_set_len(const char *dir, uint64_t stable_len, struct err *err);

#endif
