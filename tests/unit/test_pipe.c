// SPDX-License-Identifier: MIT
/* Jobs come out in the order they went in, whoever was faster; failures end everything. */
#include <stdatomic.h>
#include <time.h>

#include "snapshot/pipe.h"
#include "tests/unit/test.h"

struct job {
	unsigned number;
	unsigned result;
};

struct run {
	unsigned jobs;          /* to hand out */
	unsigned handed, taken; /* without a lock: the pipe promises one at a time */
	unsigned fail_next, fail_work, fail_done; /* at this job; 0: never */
	unsigned fail_worker;
	atomic_uint workers, alive;
	atomic_uint alien; /* calls of work with another worker than its own */
};

static int worker_new(void *ctx, void **worker)
{
	struct run *r = ctx;

	*worker = NULL;
	if (atomic_fetch_add(&r->workers, 1) + 1 == r->fail_worker)
		return -ENOMEM;
	atomic_fetch_add(&r->alive, 1);
	*worker = r;
	return 0;
}

static void worker_free(void *worker)
{
	struct run *r = worker;

	if (r)
		atomic_fetch_sub(&r->alive, 1);
}

static int next(void *ctx, void *job_, struct err *err)
{
	struct run *r = ctx;
	struct job *job = job_;

	if (r->handed == r->jobs)
		return 0;
	job->number = ++r->handed;
	return job->number == r->fail_next ? err_set(err, -EIO, "next %u", job->number) : 1;
}

static int work(void *ctx, void *worker, void *job_, struct err *err)
{
	struct run *r = ctx;
	struct job *job = job_;
	struct timespec nap = {.tv_nsec = job->number % 7 * 20000};

	/* Not by an assertion: cmocka's leave a function by longjmp, and this is another thread. */
	if (worker != r)
		atomic_fetch_add(&r->alien, 1);
	nanosleep(&nap, NULL);
	job->result = job->number * 3;
	return job->number == r->fail_work ? err_set(err, -EUCLEAN, "work %u", job->number) : 0;
}

static int done(void *ctx, void *job_, struct err *err)
{
	struct run *r = ctx;
	struct job *job = job_;

	assert_int_equal(job->number, r->taken + 1);
	assert_int_equal(job->result, job->number * 3);
	r->taken++;
	return job->number == r->fail_done ? err_set(err, -ENOSPC, "done %u", job->number) : 0;
}

static const struct pipe_ops ops = {sizeof(struct job), worker_new, worker_free, next, work, done};

static void jobs_come_out_in_order(void **state)
{
	(void)state;
	for (unsigned jobs = 1; jobs <= 9; jobs += 4)
		for (unsigned count = 0; count < 300; count += 99) {
			struct run r = {.jobs = count};
			struct err err = {""};

			assert_ok_err(pipe_run(&ops, &r, jobs, &err), &err);
			assert_int_equal(r.taken, count);
			assert_int_equal(r.alive, 0);
			assert_int_equal(r.alien, 0);
		}
}

static void the_first_failure_is_the_answer(void **state)
{
	(void)state;
	for (unsigned jobs = 1; jobs <= 5; jobs += 2) {
		struct run a = {.jobs = 500, .fail_next = 40}, b = {.jobs = 500, .fail_work = 41},
			   c = {.jobs = 500, .fail_done = 42}, d = {.jobs = 500, .fail_worker = 1};
		struct err err;

		assert_errno(EIO, pipe_run(&ops, &a, jobs, &err));
		assert_string_equal(err.text, "next 40");
		assert_errno(EUCLEAN, pipe_run(&ops, &b, jobs, &err));
		assert_string_equal(err.text, "work 41");
		assert_errno(ENOSPC, pipe_run(&ops, &c, jobs, &err));
		assert_string_equal(err.text, "done 42");
		assert_int_equal(c.taken, 42);
		assert_errno(ENOMEM, pipe_run(&ops, &d, jobs, NULL));
		assert_true(a.handed < 100 && b.handed < 100 && c.handed < 100);
		assert_int_equal(a.alive + b.alive + c.alive + d.alive, 0);
	}
}

static void the_number_of_threads_is_bounded(void **state)
{
	(void)state;
	assert_true(pipe_jobs(0) >= 1);
	assert_int_equal(pipe_jobs(3), 3);
	assert_int_equal(pipe_jobs(100000), PIPE_MAX_JOBS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_come_out_in_order),
		cmocka_unit_test(the_first_failure_is_the_answer),
		cmocka_unit_test(the_number_of_threads_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
