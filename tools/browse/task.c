// SPDX-License-Identifier: MIT
/* See task.h. The lock guards the one task there is. */
#include "tools/browse/task.h"

#include <inttypes.h>
#include <pthread.h>
#include <time.h>

#include "tools/browse/screen.h"
#include "tools/codec/buf.h"

enum {
	QUIET_MS = 300, /* work shorter than this shows nothing */
	EVERY_MS = 100,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	const char *what; /* NULL: there is none */
	uint64_t done_len, total_len, start_ms, shown_ms;
	bool cancelled;
} task;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void task_begin(const char *what, uint64_t total_len)
{
	pthread_mutex_lock(&lock);
	task.what = what;
	task.total_len = total_len;
	task.done_len = 0;
	task.cancelled = false;
	task.start_ms = task.shown_ms = now_ms();
	pthread_mutex_unlock(&lock);
}

static void show(void)
{
	uint64_t done = task.total_len ? MIN(task.done_len, task.total_len) : task.done_len;
	auto_buf struct buf line = {0};

	buf_printf(&line, " %s", task.what);
	if (task.total_len)
		buf_printf(&line, " %3" PRIu64 " %%",
			   (uint64_t)((double)done * 100 / (double)task.total_len));
	buf_printf(&line, ", %s   Esc stops", text_size(done).s);
	buf_add(&line, "", 1);
	if (!line.failed)
		screen_put_padded(screen_rows() - 1, 0, screen_columns(), STYLE_BAR, line.data);
	screen_show();
}

static bool is_stop(int code)
{
	return code == SCREEN_ESCAPE || code == 'q' || code == SCREEN_INTERRUPT ||
	       code == SCREEN_GONE;
}

static void look(void)
{
	uint64_t now = now_ms();
	struct screen_key key;

	if (now - task.start_ms < QUIET_MS || now - task.shown_ms < EVERY_MS)
		return;
	task.shown_ms = now;
	show();
	/* Other keys are lost: they were meant for what is not there yet. */
	while ((key = screen_read(0)).code != SCREEN_NONE)
		task.cancelled = task.cancelled || is_stop(key.code);
}

int task_step(uint64_t len)
{
	bool cancelled;

	pthread_mutex_lock(&lock);
	task.done_len += len;
	if (task.what)
		look();
	cancelled = task.what && task.cancelled;
	pthread_mutex_unlock(&lock);
	return cancelled ? -ECANCELED : 0;
}

bool task_end(void)
{
	bool cancelled;

	pthread_mutex_lock(&lock);
	cancelled = task.cancelled;
	task.what = NULL;
	pthread_mutex_unlock(&lock);
	return !cancelled;
}

/* ---- the store ---- */

struct watched {
	struct store s;
	struct store *under;
};

static struct store *under_of(struct store *s)
{
	return ((struct watched *)s)->under;
}

static int watched_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	if (task_step(len) < 0)
		return err_set(err, -ECANCELED, "stopped");
	return store_read(under_of(s), buf, len, off, err);
}

static int watched_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			     struct err *err)
{
	return store_next_data(under_of(s), off, start, end, err);
}

static void watched_close(struct store *s)
{
	store_close(under_of(s));
	free(s);
}

static const struct store_ops watched_ops = {
	.name = "watched image",
	.read_at = watched_read_at,
	.next_data = watched_next_data,
	.close = watched_close,
};

int task_store_open(struct store *under, struct store **out, struct err *err)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w) {
		store_close(under);
		return err_set(err, -ENOMEM, "out of memory");
	}
	w->s = (struct store){.ops = &watched_ops, .len = under->len};
	w->under = under;
	*out = &w->s;
	return 0;
}
