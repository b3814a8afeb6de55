// SPDX-License-Identifier: MIT
/*
 * Who answers a request about records: the worker that has it, at once, if the structure is open
 * and nobody else is at it; or else a thread, one request after the other.
 */
#include <time.h>

#include "fusefs/records/record_task.h"

enum { TRIES_MAX = 8 };

/* Whether this begins to look at something, and does not go on with what was found before. */
static bool is_first_look(const struct record_task *t)
{
	return t->dir && t->dir != records_root(fs_of(t->req)) &&
	       (t->act == ACT_LOOKUP || t->off == 0);
}

/* What a program has written and holds open may be in the kernel's cache alone. */
static int fetch(struct fs *fs, const struct record_view *v, unsigned mm_id)
{
	int partner = v->mm_id == mm_id ? v->partner : -1;
	bool both = partner >= 0 && node_is_written(fs, (unsigned)partner);

	if (!both && !node_is_written(fs, mm_id))
		return 0;
	if (v->hurry)
		return -EAGAIN;
	if (both)
		fs_flush_memory(fs, (unsigned)partner);
	fs_flush_memory(fs, mm_id);
	return 0;
}

/* view_lock held. */
static int try_to_act(struct fs *fs, struct record_task *t, bool hurry, struct err *err)
{
	struct record_view *v = &fs->records->view;
	unsigned tries = 0;
	int rc = 0;

	v->hurry = hurry;
	fs->records->used = true;
	if (is_first_look(t) && fetch(fs, v, t->mm_id))
		return -EAGAIN;
	if (*v->ending)
		return -EINTR;
	/* What changes while it is read looks like damage. */
	do {
		rc = record_act(fs, t, err);
		if (rc && hurry && record_view_is_late(v))
			return -EAGAIN;
	} while (rc && !hurry && record_view_is_late(v) && ++tries < TRIES_MAX);
	if (rc && err->text[0] && !(t->dir && t->dir == records_root(fs)))
		(void)!err_prefix(err, rc, "the records of memory %u", t->mm_id);
	/* The kernel knows the record; it is gone. */
	return rc == -ENOENT && t->act >= ACT_STAT ? -ESTALE : rc;
}

/* Whoever comes while another is at it, or would take long, goes to the thread. */
static bool act_at_once(struct fs *fs, struct record_task *t)
{
	struct err err = {""};
	int rc;

	if (pthread_mutex_trylock(&fs->records->view_lock) != 0)
		return false;
	rc = try_to_act(fs, t, true, &err);
	pthread_mutex_unlock(&fs->records->view_lock);
	if (rc && rc != -EAGAIN)
		fs_reply(t->req, rc, &err);
	return rc != -EAGAIN;
}

/* The thread's; view_lock held, or nobody else is there. */
static void put_away(struct fs *fs)
{
	record_view_close(&fs->records->view);
	fs_flush_rests(fs);
	fs->records->open = false;
}

/* What is open takes memory for nothing when nobody has asked for a second. */
static void rest(struct fs *fs)
{
	struct records *r = fs->records;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	if (!r->open)
		pthread_cond_wait(&r->come, &r->lock);
	else if (pthread_cond_timedwait(&r->come, &r->lock, &until) == ETIMEDOUT &&
		 pthread_mutex_trylock(&r->view_lock) == 0) {
		if (!r->used)
			put_away(fs);
		r->used = false;
		pthread_mutex_unlock(&r->view_lock);
	}
}

/* NULL: the end. */
static struct record_task *next_task(struct fs *fs)
{
	struct records *r = fs->records;
	auto_unlock pthread_mutex_t *held = lock(&r->lock);
	struct record_task *t;

	while (!r->first && !r->ending)
		rest(fs);
	t = r->first;
	if (t)
		r->first = t->next;
	if (!r->first)
		r->last = &r->first;
	return t;
}

static void *serve(void *arg)
{
	struct fs *fs = arg;
	struct records *r = fs->records;
	struct record_task *t;

	while ((t = next_task(fs))) {
		struct err err = {""};
		int rc;

		r->open = true;
		pthread_mutex_lock(&r->view_lock);
		rc = try_to_act(fs, t, false, &err);
		pthread_mutex_unlock(&r->view_lock);
		if (rc && r->ending)
			fuse_reply_none(t->req);
		else if (rc)
			fs_reply(t->req, rc, &err);
		free(t);
	}
	put_away(fs);
	return NULL;
}

/* The thread begins with the first task, which no fork comes after. */
static void hand_over(struct fs *fs, const struct record_task *task)
{
	struct records *r = fs->records;
	struct record_task *t = malloc(sizeof(*t));
	auto_unlock pthread_mutex_t *held = lock(&r->lock);

	if (t && !r->started)
		r->started = pthread_create(&r->thread, NULL, serve, fs) == 0;
	if (!t || !r->started) {
		free(t);
		fs_reply(task->req, -ENOMEM, NULL);
		return;
	}
	*t = *task;
	t->next = NULL;
	*r->last = t;
	r->last = &t->next;
	pthread_cond_signal(&r->come);
}

void record_take(struct record_task *t)
{
	struct fs *fs = fs_of(t->req);

	if (!act_at_once(fs, t))
		hand_over(fs, t);
}

void records_stop(struct fs *fs)
{
	fs->records->ending = true;
}

void records_end(struct fs *fs)
{
	struct records *r = fs->records;

	records_stop(fs);
	pthread_mutex_lock(&r->lock);
	pthread_cond_signal(&r->come);
	pthread_mutex_unlock(&r->lock);
	if (r->started)
		pthread_join(r->thread, NULL);
}
