// SPDX-License-Identifier: MIT
/* Owns the helpers of test.h. Single-threaded. */
#include "tests/unit/test.h"

#include <ftw.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>

static const char *rc_name(int rc)
{
	const char *name = rc == 0 ? "0" : strerrorname_np(-rc);

	return name ? name : "no errno";
}

void assert_rc_at(int expected, int rc, const struct err *err, const char *call, const char *file,
		  int line)
{
	if (rc == expected)
		return;
	print_error("%s\n  gave %s (%d), not %s%s%s\n", call, rc_name(rc), rc, rc_name(expected),
		    err && rc < 0 ? ": " : "", err && rc < 0 ? err->text : "");
	_fail(file, line);
}

struct rng rng_start(const char *test)
{
	const char *text = getenv("CANISTERFS_TEST_SEED");
	struct rng rng = {0};
	uint32_t chosen;

	if (text) {
		rng.state = strtoull(text, NULL, 0);
	} else {
		if (getrandom(&chosen, sizeof(chosen), 0) != sizeof(chosen))
			fail_msg("no random seed");
		rng.state = chosen;
	}
	print_message("%s: CANISTERFS_TEST_SEED=%" PRIu64 "\n", test, rng.state);
	return rng;
}

uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t rng_below(struct rng *rng, uint64_t limit)
{
	return rng_next(rng) % limit;
}

bool rng_one_in(struct rng *rng, uint64_t n)
{
	return rng_below(rng, n) == 0;
}

void rng_fill(struct rng *rng, void *buf, size_t len)
{
	uint8_t *bytes = buf;

	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = rng_next(rng);

		memcpy(bytes + i, &word, MIN(8, len - i));
	}
}

unsigned test_rounds(unsigned standard)
{
	const char *text = getenv("CANISTERFS_TEST_ROUNDS");
	unsigned long times = text ? strtoul(text, NULL, 10) : 1;

	return (unsigned)(standard * MAX(times, 1));
}

char *test_dir_make(void)
{
	const char *parent = getenv("TMPDIR");
	char *dir = test_path(parent && *parent ? parent : "/tmp", "canisterfs-test-XXXXXX");

	assert_non_null(mkdtemp(dir));
	return dir;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

void test_dir_remove(char *dir)
{
	enum { OPEN_DIRS = 8 };

	nftw(dir, remove_one, OPEN_DIRS, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

char *test_path(const char *dir, const char *name)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

int child_run(int (*fn)(const char *dir), const char *dir)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(dir) != 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

int child_failed_at(const char *file, int line)
{
	fprintf(stderr, "%s:%d: failed in the child\n", file, line);
	return line;
}

static bool deny(int number, unsigned argument, uint16_t test, uint32_t value, int error)
{
	enum { DATA_ARGS = offsetof(struct seccomp_data, args) };
	/* The low half of the argument: 32 bits hold all that is looked at here. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA_ARGS + argument * 8),
		BPF_JUMP(BPF_JMP | test | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ARRAY_LEN(code), .filter = code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool deny_syscall(int number, unsigned argument, uint32_t bits, int error)
{
	return deny(number, argument, BPF_JSET, bits, error);
}

bool deny_syscall_value(int number, unsigned argument, uint32_t value, int error)
{
	return deny(number, argument, BPF_JEQ, value, error);
}
