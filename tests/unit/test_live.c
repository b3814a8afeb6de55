// SPDX-License-Identifier: MIT
/*
 * Live snapshots against a model that holds every version in full: at random, over reopening, over
 * kills at any moment, with many threads.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/live_model.h"

/* NULL when everything is as the model has it. */
static const char *compare(struct store *s, const struct model *m)
{
	static char text[512];
	struct snap_live *live = snap_live_of(s);
	auto_free struct snap_live_info *list = NULL;
	const char *diff = differs(s, &m->now);
	size_t count;

	if (*diff) {
		snprintf(text, sizeof(text), "the image: %s", diff);
		return text;
	}
	if (snap_live_list(live, &list, &count, NULL) || count != m->count) {
		snprintf(text, sizeof(text), "%zu snapshots, %u expected", count, m->count);
		return text;
	}
	for (unsigned i = 0; i < m->count; i++) {
		struct store *view;

		if (strcmp(list[i].name, name_of(m->name[i])) != 0 || list[i].stale)
			return "another order, or stale";
		if (snap_live_view(live, list[i].name, &view, NULL))
			return "no view";
		diff = differs(view, &m->kept[i]);
		store_close(view);
		if (*diff) {
			snprintf(text, sizeof(text), "snapshot %u of %u, '%s': %s", i, m->count,
				 list[i].name, diff);
			return text;
		}
	}
	return NULL;
}

struct fixture {
	char *dir, *path;
	struct store *s;
};

static int make_image(struct fixture *f)
{
	int fd;

	f->dir = test_dir_make();
	f->path = test_path(f->dir, "image");
	fd = open(f->path, O_CREAT | O_RDWR, 0644);
	if (fd < 0 || ftruncate(fd, 0))
		return -1;
	close(fd);
	return live_open_at(f->path, &f->s, NULL);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	return make_image(f);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	free(f->path);
	test_dir_remove(f->dir);
	free(f);
	return 0;
}

/* ---- tests ---- */

static void every_snapshot_stays_what_it_was(void **state)
{
	struct fixture *f = *state;
	struct rng rng = rng_start("live");
	struct model *m = calloc(1, sizeof(*m));
	unsigned rounds = test_rounds(800);

	for (unsigned i = 0; i < rounds; i++) {
		struct op op = choose(&rng, m);
		struct err err = {""};
		const char *diff;

		assert_ok_err(live_apply(&f->s, f->path, &op, &err), &err);
		model_apply(m, &op);
		diff = compare(f->s, m);
		if (diff)
			fail_msg("step %u, kind %d: %s", i, op.what, diff);
	}
	free(m);
}

/* What qemu makes of it, as long as nobody has the image open. */
static void qemu_reads_the_chain(void **state)
{
	struct fixture *f = *state;
	struct rng rng = rng_start("qemu");
	struct model *m = calloc(1, sizeof(*m));
	auto_free char *out = test_path(f->dir, "out");

	if (system("qemu-img --version >/dev/null 2>&1") != 0)
		skip();
	for (unsigned i = 0; i < 300; i++) {
		struct op op = choose(&rng, m);

		assert_ok(live_apply(&f->s, f->path, &op, NULL));
		model_apply(m, &op);
		if (i % 20 != 19)
			continue;
		store_close(f->s);
		for (unsigned k = 0; k < m->count; k++) {
			auto_free char *cmd = NULL;
			struct store *raw;
			struct version v = m->kept[k];

			assert_true(asprintf(&cmd,
					     "qemu-img check -q '%s.snap/%s.qcow2' && qemu-img "
					     "convert -O raw '%s.snap/%s.qcow2' '%s'",
					     f->path, name_of(m->name[k]), f->path,
					     name_of(m->name[k]), out) > 0);
			/* Its disks are whole sectors. */
			v.len = div_up(v.len, 512) * 512;
			assert_int_equal(system(cmd), 0);
			assert_ok(file_store_open(out, false, &raw, NULL));
			assert_string_equal(differs(raw, &v), "");
			store_close(raw);
		}
		assert_ok(live_open_at(f->path, &f->s, NULL));
	}
	free(m);
}

struct progress {
	_Atomic unsigned begun, done;
};

/* Does as the seed says until it is killed. */
static void run_until_killed(const char *path, struct rng rng, struct model *m, unsigned from,
			     struct progress *p)
{
	struct store *s;

	if (live_open_at(path, &s, NULL))
		_exit(3);
	for (unsigned i = from;; i++) {
		struct op op = choose(&rng, m);
		struct err err = {""};

		p->begun = i + 1;
		if (live_apply(&s, path, &op, &err)) {
			fprintf(stderr, "%s\n", err.text);
			_exit(4);
		}
		model_apply(m, &op);
		p->done = i + 1;
	}
}

static void wait_nsec(long nsec)
{
	struct timespec t = {0, nsec};

	nanosleep(&t, NULL);
}

/* A write that was cut short may have arrived in part. */
static void forgive(struct store *s, const struct op *op, struct version *v)
{
	uint64_t off = op->off, end = op->off + op->len;

	if (op->what == WRITE || op->what == ZERO)
		assert_ok(store_read(s, v->bytes + off, end - off, HEAD_LEN + off, NULL));
}

static void a_kill_loses_nothing(void **state)
{
#ifdef __SANITIZE_THREAD__
	skip(); /* its child would need a runtime of its own */
#endif
	struct fixture *f = *state;
	struct rng rng = rng_start("kill");
	struct model *m = calloc(1, sizeof(*m)), *next = calloc(1, sizeof(*m));
	struct progress *p =
		mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned rounds = test_rounds(40), step = 0;

	store_close(f->s);
	f->s = NULL;
	for (unsigned round = 0; round < rounds; round++) {
		unsigned last = step + 1 + (unsigned)rng_below(&rng, 12);
		long pause = (long)rng_below(&rng, 300000);
		struct err err = {""};
		const char *diff = NULL;
		struct op op;
		pid_t pid;
		int status;

		p->begun = p->done = step;
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			run_until_killed(f->path, rng, m, step, p);
		/* In the operation `last`, or soon after, however long the ones before take. */
		while (p->begun < last && waitpid(pid, &status, WNOHANG) == 0)
			wait_nsec(20000);
		wait_nsec(pause);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		for (; step < p->done; step++) {
			op = choose(&rng, m);
			model_apply(m, &op);
		}
		assert_ok_err(live_open_at(f->path, &f->s, &err), &err);
		if (p->begun > p->done) {
			struct rng ahead = rng;

			op = choose(&ahead, m);
			*next = *m;
			model_apply(next, &op);
			diff = compare(f->s, next);
			forgive(f->s, &op, &m->now);
			if (!diff || (op.what == WRITE && !compare(f->s, m)))
				diff = NULL;
			if (!diff && compare(f->s, m))
				*m = *next;
		}
		diff = compare(f->s, m);
		if (diff)
			fail_msg("round %u, step %u, kind %d: %s", round, step, op.what, diff);
		store_close(f->s);
		f->s = NULL;
	}
	munmap(p, sizeof(*p));
	free(m);
	free(next);
}

static void an_image_that_somebody_else_wrote_has_stale_snapshots(void **state)
{
	struct fixture *f = *state;
	auto_free struct snap_live_info *list = NULL;
	struct snap_live *live = snap_live_of(f->s);
	struct store *view;
	size_t count;
	int fd;

	assert_ok(store_resize(f->s, 3 * CLUSTER, NULL));
	assert_ok(snap_live_create(live, "one", NULL));
	assert_ok(store_write(f->s, "new", 3, 0, 0, NULL));
	store_close(f->s);
	fd = open(f->path, O_RDWR);
	assert_int_equal(pwrite(fd, "alien", 5, CLUSTER), 5);
	close(fd);
	assert_ok(live_open_at(f->path, &f->s, NULL));
	live = snap_live_of(f->s);
	assert_ok(snap_live_list(live, &list, &count, NULL));
	assert_int_equal(count, 1);
	assert_true(list[0].stale);
	assert_errno(ESTALE, snap_live_view(live, "one", &view, NULL));
	assert_errno(ESTALE, snap_live_rollback(live, "one", NULL));
	assert_errno(EEXIST, snap_live_create(live, "one", NULL));
	assert_ok(snap_live_drop(live, "one", NULL));
	assert_ok(snap_live_create(live, "one", NULL));
	assert_ok(snap_live_view(live, "one", &view, NULL));
	store_close(view);
}

static void a_snapshot_that_was_not_made_to_its_end_is_dropped(void **state)
{
	struct fixture *f = *state;
	auto_free char *dir = NULL, *torn = NULL;
	struct store *view;
	int fd;

	assert_ok(store_resize(f->s, 3 * CLUSTER, NULL));
	assert_ok(snap_live_create(snap_live_of(f->s), "one", NULL));
	assert_ok(store_write(f->s, "new", 3, 0, 0, NULL));
	store_close(f->s);
	assert_true(asprintf(&torn, "%s.snap/.2.qcow2", f->path) > 0);
	fd = open(torn, O_CREAT | O_WRONLY, 0644);
	assert_int_equal(write(fd, "QFI", 3), 3);
	close(fd);
	assert_ok(live_open_at(f->path, &f->s, NULL));
	assert_ok(snap_live_view(snap_live_of(f->s), "one", &view, NULL));
	store_close(view);
	assert_int_equal(access(torn, F_OK), -1);
}

static void names_that_cannot_be_are_refused(void **state)
{
	struct fixture *f = *state;
	struct snap_live *live = snap_live_of(f->s);
	char name[400];

	memset(name, 'x', sizeof(name));
	name[201] = 0;
	assert_errno(EINVAL, snap_live_create(live, "", NULL));
	assert_errno(EINVAL, snap_live_create(live, ".x", NULL));
	assert_errno(EINVAL, snap_live_create(live, "a/b", NULL));
	assert_errno(EINVAL, snap_live_create(live, "a\nb", NULL));
	assert_errno(ENAMETOOLONG, snap_live_create(live, name, NULL));
	assert_ok(snap_live_create(live, "a", NULL));
	assert_ok(snap_live_create(live, "b", NULL));
	assert_errno(EEXIST, snap_live_create(live, "a", NULL));
	assert_errno(EEXIST, snap_live_rename(live, "a", "b", NULL));
	assert_errno(ENOENT, snap_live_drop(live, "c", NULL));
}

static void a_dropped_snapshot_fails_cleanly(void **state)
{
	struct fixture *f = *state;
	struct snap_live *live = snap_live_of(f->s);
	struct store *view;
	char byte;

	assert_ok(store_resize(f->s, CLUSTER, NULL));
	assert_ok(snap_live_create(live, "a", NULL));
	assert_ok(snap_live_view(live, "a", &view, NULL));
	assert_ok(store_read(view, &byte, 1, 0, NULL));
	assert_ok(snap_live_drop(live, "a", NULL));
	assert_errno(ESTALE, store_read(view, &byte, 1, 0, NULL));
	store_close(view);
}

/* ---- threads ---- */

struct crowd {
	struct store *s;
	pthread_rwlock_t gate;
	_Atomic bool stop;
	_Atomic unsigned bad;
};

static void gate_close(void *ctx)
{
	pthread_rwlock_wrlock(ctx);
}

static void gate_open(void *ctx)
{
	pthread_rwlock_unlock(ctx);
}

/* The first pair lies behind the manager's header. */
enum { PAIR_CLUSTERS = 32, FIRST_PAIR = HEAD_LEN };

/* Writes one number into two clusters at once, as the gate sees it: a snapshot has both or none. */
static void *write_pairs(void *arg)
{
	struct crowd *c = arg;
	static _Atomic unsigned writers;
	uint64_t own_off = writers++ % 2 * 16;
	uint32_t n = 0;

	while (!c->stop) {
		uint64_t off = FIRST_PAIR + n % PAIR_CLUSTERS * CLUSTER + own_off +
			       n / PAIR_CLUSTERS % 4 * 4;
		bool bad;

		n++;

		pthread_rwlock_rdlock(&c->gate);
		bad = store_write(c->s, &n, sizeof(n), off, 0, NULL) ||
		      store_write(c->s, &n, sizeof(n), off + PAIR_CLUSTERS * CLUSTER, 0, NULL);
		pthread_rwlock_unlock(&c->gate);
		c->bad += bad;
	}
	return NULL;
}

static void check_pairs(struct crowd *c, struct store *view, uint8_t *first)
{
	for (unsigned i = 0; i < PAIR_CLUSTERS; i++) {
		uint8_t a[32], b[32];

		uint64_t off = FIRST_PAIR + i * CLUSTER;

		if (store_read(view, a, sizeof(a), off, NULL) ||
		    store_read(view, b, sizeof(b), off + PAIR_CLUSTERS * CLUSTER, NULL) ||
		    memcmp(a, b, sizeof(a)) != 0 || memcmp(a, first + i * 32, 32) != 0)
			c->bad++;
	}
}

static void *read_view(void *arg)
{
	struct crowd *c = arg;
	auto_free uint8_t *first = malloc(PAIR_CLUSTERS * 32);
	struct store *view;

	while (!c->stop) {
		if (snap_live_view(snap_live_of(c->s), "stays", &view, NULL))
			continue;
		for (unsigned i = 0; i < PAIR_CLUSTERS; i++)
			c->bad += store_read(view, first + i * 32, 32, FIRST_PAIR + i * CLUSTER,
					     NULL) != 0;
		for (unsigned i = 0; i < 20; i++)
			check_pairs(c, view, first);
		store_close(view);
	}
	return NULL;
}

static void snapshots_are_taken_and_dropped_while_all_write_and_read(void **state)
{
	struct fixture *f = *state;
	struct snap_live *live = snap_live_of(f->s);
	struct crowd c = {.s = f->s};
	struct snap_gate gate = {gate_close, gate_open, &c.gate, NULL};
	pthread_rwlockattr_t attr;
	pthread_t threads[4];

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&c.gate, &attr);
	assert_ok(store_resize(f->s, FIRST_PAIR + 2 * PAIR_CLUSTERS * CLUSTER, NULL));
	snap_live_set_gate(live, &gate);
	pthread_create(&threads[0], NULL, write_pairs, &c);
	pthread_create(&threads[1], NULL, write_pairs, &c);
	assert_ok(snap_live_create(live, "stays", NULL));
	pthread_create(&threads[2], NULL, read_view, &c);
	pthread_create(&threads[3], NULL, read_view, &c);
	for (unsigned i = 0; i < test_rounds(12); i++) {
		assert_ok(snap_live_create(live, "x", NULL));
		wait_nsec(2000000);
		assert_ok(snap_live_create(live, "y", NULL));
		wait_nsec(2000000);
		assert_ok(snap_live_drop(live, i % 2 ? "x" : "y", NULL));
		wait_nsec(2000000);
		assert_ok(snap_live_drop(live, i % 2 ? "y" : "x", NULL));
	}
	c.stop = true;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	pthread_rwlock_destroy(&c.gate);
	assert_int_equal(c.bad, 0);
	snap_live_set_gate(live, &(struct snap_gate){gate_close, gate_open, &c.gate, NULL});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define LIVE_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		LIVE_TEST(every_snapshot_stays_what_it_was),
		LIVE_TEST(qemu_reads_the_chain),
		LIVE_TEST(a_kill_loses_nothing),
		LIVE_TEST(an_image_that_somebody_else_wrote_has_stale_snapshots),
		LIVE_TEST(a_snapshot_that_was_not_made_to_its_end_is_dropped),
		LIVE_TEST(names_that_cannot_be_are_refused),
		LIVE_TEST(a_dropped_snapshot_fails_cleanly),
		LIVE_TEST(snapshots_are_taken_and_dropped_while_all_write_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
