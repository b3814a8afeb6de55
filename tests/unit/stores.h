/* SPDX-License-Identifier: MIT */
/*
 * Stores for tests: one in plain memory, and one around another store that fails, tears and
 * remembers as it is told. Neither has a lock: one thread, but for the memory store's reads and
 * writes.
 */
#ifndef CANISTERFS_TESTS_STORES_H
#define CANISTERFS_TESTS_STORES_H

#include "memmgr/store.h"
#include "tests/unit/test.h"

/* ---- memory: exactly as long as it says, so that ASan sees every step beside it ---- */

/* A copy of `len` bytes; NULL: zeros. */
struct store *mem_store_new(const void *bytes, uint64_t len);
/* The content; moves at resize. */
uint8_t *mem_store_bytes(struct store *s);
/* A resize beyond this gives -ENOSPC; 1 GiB unless told. */
void mem_store_limit(struct store *s, uint64_t max_len);

/* ---- faulty ---- */

enum faulty_call {
	FAULTY_READ = 1,
	FAULTY_WRITE = 2,
	FAULTY_ZERO = 4,
	FAULTY_RESIZE = 8,
	FAULTY_SYNC = 16,
	FAULTY_NEXT_DATA = 32,
	FAULTY_CHANGE = FAULTY_WRITE | FAULTY_ZERO | FAULTY_RESIZE,
	FAULTY_ANY = 63,
};

/* Around `under`, which stays the caller's; writable as that is. Does nothing special at first. */
struct store *faulty_store_new(struct store *under);

/* Calls of these kinds so far, failed ones included. */
unsigned faulty_count(struct store *s, unsigned calls);

/* Counting calls of these kinds from now on, from 0: the nth fails with rc (-errno), once. */
void faulty_fail(struct store *s, unsigned calls, unsigned nth, int rc);
/* The same, but the call has its effect all the same: as when syncing fails behind a write. */
void faulty_fail_late(struct store *s, unsigned calls, unsigned nth, int rc);
/* The nth changing call (write, zero, resize) from now on and every call of any kind after it fail
 * with -EIO: power is cut. When that nth one is a write, its first torn_len bytes still arrive. */
void faulty_cut(struct store *s, unsigned nth, size_t torn_len);
/* Ends both: all calls work again. */
void faulty_heal(struct store *s);

/*
 * From now on every change and sync that succeeds is remembered, with all its bytes. What follows
 * gives new memory stores, and leaves the record as it is.
 */
void faulty_record(struct store *s);
/* Changes and syncs since faulty_record. */
size_t faulty_steps(struct store *s);
/* What a killed process leaves behind: the first n steps, and of step n, when that is a write, the
 * part before its `torn_blocks`th 4 KiB boundary. */
struct store *faulty_after_kill(struct store *s, size_t n, unsigned torn_blocks);
/*
 * What a power cut can leave behind when n steps are done and the next has begun: of each 4 KiB
 * block any version since the last sync or durable write of it, and of the length any since the
 * last sync; where the length was cut and that cut is on disk, so is the loss of what lay behind.
 */
struct store *faulty_after_power_cut(struct store *s, size_t n, struct rng *rng);

#endif
