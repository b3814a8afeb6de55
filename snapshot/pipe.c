// SPDX-License-Identifier: MIT
/*
 * Owns the ring of jobs and the threads. There is no thread that hands out or takes in: whoever
 * finishes a job takes in all that are finished in a row, so that no core waits for another one's
 * turn. All fields below `lock` are guarded by it; next runs under it, work and done do not.
 */
#include "snapshot/pipe.h"

#include <pthread.h>
#include <sched.h>

enum { RING_PER_JOB = 4 };

struct slot {
	bool finished;
	void *job;
};

struct pipe {
	const struct pipe_ops *ops;
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct slot *ring;
	size_t ring_len;
	uint64_t handed, taken; /* jobs so far; the ring holds those in between */
	bool taking;            /* a thread is in `done` */
	bool ended;
	int rc;
	struct err err;
};

unsigned pipe_jobs(unsigned wanted)
{
	cpu_set_t cpus;

	if (wanted == 0 && sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		wanted = (unsigned)CPU_COUNT(&cpus);
	return MIN(MAX(wanted, 1), PIPE_MAX_JOBS);
}

static void fail(struct pipe *p, int rc, const struct err *err)
{
	if (p->rc == 0) {
		p->rc = rc;
		p->err = *err;
	}
	p->ended = true;
	pthread_cond_broadcast(&p->room);
}

/* NULL: there is nothing more to do. */
static struct slot *hand_out(struct pipe *p)
{
	struct err err = {""};
	struct slot *slot;
	int rc;

	while (!p->ended && p->handed - p->taken == p->ring_len)
		pthread_cond_wait(&p->room, &p->lock);
	if (p->ended)
		return NULL;
	slot = &p->ring[p->handed % p->ring_len];
	rc = p->ops->next(p->ctx, slot->job, &err);
	if (rc <= 0) {
		p->ended = true;
		pthread_cond_broadcast(&p->room);
		if (rc < 0)
			fail(p, rc, &err);
		return NULL;
	}
	p->handed++;
	return slot;
}

static void take_in(struct pipe *p)
{
	struct err err = {""};

	if (p->taking)
		return;
	p->taking = true;
	while (p->rc == 0 && p->taken < p->handed && p->ring[p->taken % p->ring_len].finished) {
		struct slot *slot = &p->ring[p->taken % p->ring_len];
		int rc;

		pthread_mutex_unlock(&p->lock);
		rc = p->ops->done(p->ctx, slot->job, &err);
		pthread_mutex_lock(&p->lock);
		slot->finished = false;
		p->taken++;
		pthread_cond_broadcast(&p->room);
		if (rc < 0)
			fail(p, rc, &err);
	}
	p->taking = false;
}

static void work(struct pipe *p, void *worker)
{
	struct slot *slot;

	pthread_mutex_lock(&p->lock);
	while ((slot = hand_out(p))) {
		struct err err = {""};
		int rc;

		pthread_mutex_unlock(&p->lock);
		rc = p->ops->work(p->ctx, worker, slot->job, &err);
		pthread_mutex_lock(&p->lock);
		slot->finished = true;
		if (rc < 0)
			fail(p, rc, &err);
		take_in(p);
	}
	pthread_mutex_unlock(&p->lock);
}

static void *thread(void *arg)
{
	struct pipe *p = arg;
	void *worker = NULL;
	int rc = p->ops->worker_new ? p->ops->worker_new(p->ctx, &worker) : 0;

	if (rc < 0) {
		struct err err = {""};

		err_sys(&err, rc, "cannot start");
		pthread_mutex_lock(&p->lock);
		fail(p, rc, &err);
		pthread_mutex_unlock(&p->lock);
	} else {
		work(p, worker);
	}
	if (p->ops->worker_free)
		p->ops->worker_free(worker);
	return NULL;
}

static bool make_ring(struct pipe *p, unsigned jobs)
{
	p->ring_len = jobs * RING_PER_JOB;
	p->ring = calloc(p->ring_len, sizeof(*p->ring));
	for (size_t i = 0; p->ring && i < p->ring_len; i++) {
		p->ring[i].job = calloc(1, p->ops->job_len);
		if (!p->ring[i].job)
			return false;
	}
	return p->ring;
}

static void free_ring(struct pipe *p)
{
	for (size_t i = 0; p->ring && i < p->ring_len; i++)
		free(p->ring[i].job);
	free(p->ring);
}

/* With fewer threads than wanted it takes longer, and no more. */
static void run_threads(struct pipe *p, unsigned jobs)
{
	pthread_t threads[PIPE_MAX_JOBS];
	unsigned count = 0;

	while (count + 1 < jobs && pthread_create(&threads[count], NULL, thread, p) == 0)
		count++;
	thread(p);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

int pipe_run(const struct pipe_ops *ops, void *ctx, unsigned jobs, struct err *err)
{
	struct pipe p = {.ops = ops, .ctx = ctx};

	jobs = pipe_jobs(jobs);
	pthread_mutex_init(&p.lock, NULL);
	pthread_cond_init(&p.room, NULL);
	if (make_ring(&p, jobs))
		run_threads(&p, jobs);
	else
		p.rc = err_sys(&p.err, -ENOMEM, "cannot start");
	free_ring(&p);
	pthread_cond_destroy(&p.room);
	pthread_mutex_destroy(&p.lock);
	return p.rc < 0 ? err_set(err, p.rc, "%s", p.err.text) : 0;
}
