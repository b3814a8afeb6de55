/* SPDX-License-Identifier: MIT */
/*
 * What every unit test includes: cmocka, assertions that print an errno by its name, random
 * numbers that can be repeated, and a directory that goes away.
 */
#ifndef CANISTERFS_TESTS_TEST_H
#define CANISTERFS_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memmgr/util.h"

/* `err` is what the call said, or NULL. */
void assert_rc_at(int expected, int rc, const struct err *err, const char *call, const char *file,
		  int line);

/* rc is 0 or -errno; EX is a positive errno: assert_errno(ENOSPC, mm_grow(...)). */
#define assert_ok(rc)        assert_rc_at(0, (rc), NULL, #rc, __FILE__, __LINE__)
#define assert_errno(EX, rc) assert_rc_at(-(EX), (rc), NULL, #rc, __FILE__, __LINE__)
/* The same, and print the sentence when they fail. `err` is a struct err *. */
#define assert_ok_err(rc, err)        assert_rc_at(0, (rc), (err), #rc, __FILE__, __LINE__)
#define assert_errno_err(EX, rc, err) assert_rc_at(-(EX), (rc), (err), #rc, __FILE__, __LINE__)

/* cmocka's own compares byte by byte, and tests compare gigabytes: asked only when they differ. */
#undef assert_memory_equal
#define assert_memory_equal(a, b, len)                                                             \
	do {                                                                                       \
		if (memcmp((a), (b), (len)) != 0)                                                  \
			_assert_memory_equal((const char *)(a), (const char *)(b), (len),          \
					     __FILE__, __LINE__);                                  \
	} while (0)

/* Fails unless `text` holds `part`. */
#define assert_says(text, part) assert_non_null(strstr((text), (part)))

/*
 * Random numbers (splitmix64). Every run has another seed, which is printed; CANISTERFS_TEST_SEED
 * gives one, to have a run again. CANISTERFS_TEST_ROUNDS multiplies what a random test does.
 */
struct rng {
	uint64_t state;
};
struct rng rng_start(const char *test);
uint64_t rng_next(struct rng *rng);
/* 0 to limit - 1. */
uint64_t rng_below(struct rng *rng, uint64_t limit);
/* True once in `n` times. */
bool rng_one_in(struct rng *rng, uint64_t n);
void rng_fill(struct rng *rng, void *buf, size_t len);
unsigned test_rounds(unsigned standard);

/* A new directory; the caller frees the path. The second removes it with all in it, and frees. */
char *test_dir_make(void);
void test_dir_remove(char *dir);
/* "dir/name", to be freed. */
char *test_path(const char *dir, const char *name);

/*
 * Runs fn in a child process: for what cannot be undone (a lock's holder, a limit, a kill). In
 * there, no cmocka assertion works: fn returns 0, or the line it failed at by CHILD_CHECK. Returns
 * the wait status.
 */
int child_run(int (*fn)(const char *dir), const char *dir);
#define CHILD_CHECK(condition)                                                                     \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return child_failed_at(__FILE__, __LINE__);                                \
	} while (0)
int child_failed_at(const char *file, int line);
#define assert_child_ok(status) assert_int_equal((status), 0)

/* For the rest of the process, a system call whose argument has any of these bits fails with
 * `error`. False: not possible here. */
bool deny_syscall(int number, unsigned argument, uint32_t bits, int error);
/* Its argument is exactly `value`. */
bool deny_syscall_value(int number, unsigned argument, uint32_t value, int error);

#endif
