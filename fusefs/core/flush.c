// SPDX-License-Identifier: MIT
/*
 * Makes the kernel write back what it has in its cache, forget it, or believe another length. It
 * waits for the workers meanwhile: so this is called by other threads, which hold no lock.
 *
 * Were a thread of ours to wait inside the kernel when the daemon is killed, it would keep the
 * connection open and wait for ever, and with it everybody who uses the mount. So a child does it,
 * which lets go of the connection and all other files first. Its requests are known by its pid
 * (file.c): its fsync syncs nothing here, and what it opens to be dropped is dropped by the kernel.
 *
 * A fork takes longer than most errands, so the child can be kept for the next one. Its end is the
 * end of the socket: it dies with the daemon.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fusefs/core/fs.h"

struct errand {
	bool unlocked; /* without the inode's lock, which somebody holds who waits for us */
	bool keeps;    /* the child, for the next errand */
	bool drops;    /* the kernel forgets what it has written back */
	size_t count;
	struct stop {
		char path[PATH_MAX];
		int64_t len; /* to be told to the kernel; -1: none */
		bool unlocked;
		bool last; /* the child answers */
	} * stop;
};

static void errand_add(struct fs *fs, struct errand *e, const char *name, int64_t len)
{
	struct stop *more = realloc(e->stop, (e->count + 1) * sizeof(*more));

	if (!more)
		return;
	e->stop = more;
	more[e->count].len = len;
	if (snprintf(more[e->count].path, PATH_MAX, "%s/%s", fs->cfg->mountpoint, name) < PATH_MAX)
		e->count++;
}

/* ---- the child: system calls alone ---- */

static void visit(const struct stop *stop)
{
	int fd;

	if (stop->len >= 0)
		(void)!truncate(stop->path, stop->len);
	fd = open(stop->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (stop->unlocked)
		(void)!sync_file_range(fd, 0, 0,
				       SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
					       SYNC_FILE_RANGE_WAIT_AFTER);
	else
		fdatasync(fd);
	close(fd);
}

static bool answer(int orders)
{
	return send(orders, "", 1, MSG_NOSIGNAL) == 1;
}

static void walk(int connection, int orders)
{
	struct stop stop;
	ssize_t n;

	close(connection);
	if (orders > 3)
		close_range(3, (unsigned)orders - 1, 0);
	close_range((unsigned)orders + 1, ~0U, 0);
	do {
		n = recv(orders, &stop, sizeof(stop), 0);
		if (n == sizeof(stop))
			visit(&stop);
	} while ((n == sizeof(stop) && (!stop.last || answer(orders))) ||
		 (n < 0 && errno == EINTR));
	_exit(0);
}

/* ---- the daemon; errand_lock held ---- */

static void child_end(struct fs *fs)
{
	if (fs->errand_pid == 0)
		return;
	close(fs->errand_orders);
	while (waitpid(fs->errand_pid, NULL, 0) < 0 && errno == EINTR)
		;
	fs->errand_pid = 0;
}

static bool child_begin(struct fs *fs)
{
	int ends[2];
	pid_t pid;

	if (fs->errand_pid > 0)
		return true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	pid = fork();
	if (pid == 0)
		walk(fuse_session_fd(fs->session), ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return false;
	}
	fs->errand_orders = ends[0];
	fs->errand_pid = pid;
	return true;
}

/* False: the child is gone. */
static bool send_off(struct fs *fs, const struct errand *e)
{
	char byte;
	ssize_t n;

	for (size_t i = 0; i < e->count; i++) {
		e->stop[i].unlocked = e->unlocked;
		e->stop[i].last = i + 1 == e->count;
		do
			n = send(fs->errand_orders, &e->stop[i], sizeof(e->stop[i]), MSG_NOSIGNAL);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return false;
	}
	do
		n = recv(fs->errand_orders, &byte, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* The child of an errand before may have been killed since. */
static void run_errand(struct fs *fs, const struct errand *e)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->errand_lock);
	bool done = e->count == 0;

	fs->errand_drops = e->drops;
	for (unsigned tries = 0; !done && tries < 2 && child_begin(fs); tries++) {
		done = send_off(fs, e);
		if (!done || !e->keeps)
			child_end(fs);
	}
}

void fs_flush_rests(struct fs *fs)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->errand_lock);

	child_end(fs);
}

/* ---- errands ---- */

void fs_flush(struct fs *fs, bool all)
{
	struct errand e = {.drops = all};

	pthread_mutex_lock(&fs->tree_lock);
	for (struct node *n = fs->root.next; n != &fs->root; n = n->next)
		if (n->lookups > 0 && (all || n->writers > 0))
			errand_add(fs, &e, n->name, -1);
	pthread_mutex_unlock(&fs->tree_lock);
	run_errand(fs, &e);
	free(e.stop);
}

/* Without the inode's lock: a writer may wait for us, who has it. */
static int flush_named(struct fs *fs, const char *name, bool keeps)
{
	struct errand e = {.unlocked = true, .keeps = keeps};

	if (name)
		errand_add(fs, &e, name, -1);
	run_errand(fs, &e);
	free(e.stop);
	return e.count > 0 ? 0 : -EINVAL;
}

int fs_flush_file(struct fs *fs, struct node *node)
{
	auto_free char *name = NULL;

	pthread_mutex_lock(&fs->tree_lock);
	name = node->name ? strdup(node->name) : NULL;
	pthread_mutex_unlock(&fs->tree_lock);
	return flush_named(fs, name, false);
}

void fs_flush_memory(struct fs *fs, unsigned mm_id)
{
	char name[8];

	snprintf(name, sizeof(name), "%u", mm_id);
	if (node_is_written(fs, mm_id))
		(void)!flush_named(fs, name, true);
}

static uint64_t len_of(struct fs *fs, unsigned mm_id)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	const struct node *node = node_find_memory(fs, mm_id);

	return node ? node->size_len : 0;
}

void fs_tell_sizes(struct fs *fs, const bool *changed)
{
	struct errand e = {.drops = true};

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		char name[8];

		if (!changed[id])
			continue;
		snprintf(name, sizeof(name), "%u", id);
		fuse_lowlevel_notify_inval_entry(fs->session, FUSE_ROOT_ID, name, strlen(name));
		errand_add(fs, &e, name, (int64_t)len_of(fs, id));
	}
	run_errand(fs, &e);
	free(e.stop);
}

bool fs_is_errand(fuse_req_t req)
{
	return fs_of(req)->errand_pid == fuse_req_ctx(req)->pid;
}
