// SPDX-License-Identifier: MIT
/*
 * See waste_walk.h. The calling thread walks and delivers; the others measure. Between them is a
 * ring of slots: the walk fills them in order, any thread takes the next one that is not taken, and
 * the oldest is delivered when it is done. `lock` guards all of struct pool but what lies in a slot
 * that is taken and not done, which is its taker's.
 */
#include "tools/waste/waste_walk.h"

#include <fts.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include "tools/image/canister_dir.h"
#include "tools/image/mounted.h"
#include "tools/waste/seen_files.h"

enum { MAX_JOBS = 64, SLOTS_PER_JOB = 16 };

struct slot {
	char *path;
	bool found; /* not named, but met in a directory */
	bool done;  /* `row` is what it is to be */
	struct waste_row row;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t filled, done;
	struct slot *slot;
	size_t slot_count;
	uint64_t head, taken, tail; /* delivered, given to a thread, filled: so many since ever */
	bool end;
	waste_fn *fn;
	void *ctx;
	struct seen_files seen; /* the walk's alone */
};

static void *measure_slots(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct slot *slot;

		while (p->taken == p->tail && !p->end)
			pthread_cond_wait(&p->filled, &p->lock);
		if (p->taken == p->tail)
			break;
		slot = &p->slot[p->taken++ % p->slot_count];
		if (slot->done)
			continue;
		pthread_mutex_unlock(&p->lock);
		waste_measure(slot->path, slot->found, &slot->row);
		pthread_mutex_lock(&p->lock);
		slot->done = true;
		pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* The oldest one, when it is done. */
static void deliver(struct pool *p)
{
	struct slot *slot = &p->slot[p->head % p->slot_count];

	pthread_mutex_lock(&p->lock);
	while (!slot->done)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
	p->fn(p->ctx, &slot->row);
	waste_row_free(&slot->row);
	p->head++;
}

/* Takes `path` over. `link_len`: UINT64_MAX, or the length of a file that was counted already. */
static void put(struct pool *p, char *path, bool found, uint64_t link_len)
{
	struct slot *slot = &p->slot[p->tail % p->slot_count];
	bool link = link_len != UINT64_MAX;

	if (p->tail - p->head == p->slot_count)
		deliver(p);
	pthread_mutex_lock(&p->lock);
	*slot = (struct slot){.path = path, .found = found, .done = link};
	if (link)
		slot->row = (struct waste_row){path, WASTE_LINK, .image_len = link_len};
	p->tail++;
	pthread_cond_signal(&p->filled);
	pthread_mutex_unlock(&p->lock);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* What stands beside images and is none, whatever its bytes are. */
static bool is_ours(const char *name)
{
	const char *undo = strstr(name, ".undo");

	return name[0] == '.' || (undo && (!undo[5] || undo[5] == '-')) ||
	       strstr(name, ".checkout-");
}

/* Where an image keeps its snapshots or the scratch files of its mount. */
static bool is_beside_image(const FTSENT *e)
{
	static const char *const suffixes[] = {".snap", ".scratch"};

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		size_t len = strlen(suffixes[i]);
		auto_free char *image = NULL;

		if (e->fts_namelen <= len ||
		    strcmp(e->fts_name + e->fts_namelen - len, suffixes[i]) != 0)
			continue;
		image = strndup(e->fts_path, e->fts_pathlen - len);
		if (image && access(image, F_OK) == 0)
			return true;
	}
	return false;
}

/* The whole directory is one image: a canister snapshot, or where an image is mounted. */
static bool is_image(const FTSENT *e)
{
	return canister_dir_is(e->fts_path) || mounted_is(e->fts_path);
}

static int put_file(struct pool *p, const FTSENT *e, struct err *err)
{
	bool found = e->fts_level > FTS_ROOTLEVEL, again = false;
	char *path;
	int rc = 0;

	if (e->fts_info == FTS_F && (!found || e->fts_statp->st_nlink > 1))
		rc = seen_files_add(&p->seen, e->fts_statp, &again, err);
	path = rc ? NULL : strdup(e->fts_path);
	if (!path)
		return rc ? rc : err_set(err, -ENOMEM, "out of memory");
	put(p, path, found, again ? (uint64_t)e->fts_statp->st_size : UINT64_MAX);
	return 0;
}

static int put_entry(struct pool *p, FTS *fts, FTSENT *e, struct err *err)
{
	bool found = e->fts_level > FTS_ROOTLEVEL;

	switch (e->fts_info) {
	case FTS_D:
		if (found && (e->fts_name[0] == '.' || is_beside_image(e))) {
			fts_set(fts, e, FTS_SKIP);
			return 0;
		}
		if (!is_image(e))
			return 0;
		fts_set(fts, e, FTS_SKIP);
		break;
	case FTS_DP:
	case FTS_DC:
		return 0;
	default:
		if (found && (is_ours(e->fts_name) || e->fts_info == FTS_DEFAULT ||
			      e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE))
			return 0;
		break;
	}
	return put_file(p, e, err);
}

static int walk(struct pool *p, const struct cmd_list *paths, struct err *err)
{
	FTS *fts = fts_open((char *const *)paths->item, FTS_COMFOLLOW | FTS_PHYSICAL | FTS_NOCHDIR,
			    by_name);
	FTSENT *e;
	int rc = 0;

	if (!fts)
		return err_sys(err, -errno, "cannot walk");
	while (!rc && (e = fts_read(fts)))
		rc = put_entry(p, fts, e, err);
	fts_close(fts);
	while (p->head < p->tail)
		deliver(p);
	return rc;
}

int waste_walk(const struct cmd_list *paths, unsigned jobs, waste_fn *fn, void *ctx,
	       struct err *err)
{
	unsigned want = MIN(jobs ? jobs : (unsigned)get_nprocs(), (unsigned)MAX_JOBS);
	struct pool p = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.filled = PTHREAD_COND_INITIALIZER,
		.done = PTHREAD_COND_INITIALIZER,
		.slot_count = (size_t)want * SLOTS_PER_JOB,
		.fn = fn,
		.ctx = ctx,
	};
	auto_free struct slot *slots = calloc(p.slot_count, sizeof(*slots));
	pthread_t thread[MAX_JOBS];
	unsigned started = 0;
	int rc;

	if (!slots)
		return err_set(err, -ENOMEM, "out of memory");
	p.slot = slots;
	while (started < want && pthread_create(&thread[started], NULL, measure_slots, &p) == 0)
		started++;
	rc = started > 0 ? walk(&p, paths, err) : err_set(err, -EAGAIN, "cannot start a thread");
	pthread_mutex_lock(&p.lock);
	p.end = true;
	pthread_cond_broadcast(&p.filled);
	pthread_mutex_unlock(&p.lock);
	while (started > 0)
		pthread_join(thread[--started], NULL);
	seen_files_free(&p.seen);
	return rc;
}
