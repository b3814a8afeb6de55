// SPDX-License-Identifier: MIT
/*
 * Owns the codec that is a program: for each value a line of hex digits on its standard input, and
 * a line with one JSON value on its standard output. One process for all values, started by the
 * shell when the first one comes.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "tools/codec/codec.h"
#include "tools/input/input.h"

extern char **environ;

enum {
	MAX_ANSWER_LEN = 1 << 28,
	PATIENCE_MS = 30000, /* for one line */
};

struct process {
	pid_t pid; /* 0: not started */
	int in, out;
	struct buf answers; /* read, and not yet taken from `taken` on */
	size_t taken;
};

static int set_arg(struct codec *c, const char *arg, struct err *err)
{
	struct process *p;

	if (!arg || !*arg)
		return err_set(err, -EINVAL, "exec: needs a command behind its colon");
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(err, -ENOMEM, "no memory for a command");
	p->in = p->out = -1;
	c->state = p;
	return 0;
}

struct pipes {
	int in[2], out[2];
};

static void close_pipes(struct pipes *p)
{
	cleanup_close(&p->in[0]);
	cleanup_close(&p->in[1]);
	cleanup_close(&p->out[0]);
	cleanup_close(&p->out[1]);
}

static int spawn(const char *command, struct pipes *p, pid_t *pid, struct err *err)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t ignored;
	int rc;

	if (pipe2(p->in, O_CLOEXEC) < 0 || pipe2(p->out, O_CLOEXEC) < 0)
		return err_sys(err, -errno, "no pipe to '%s'", command);
	sigemptyset(&ignored);
	sigaddset(&ignored, SIGPIPE);
	sigaddset(&ignored, SIGXFSZ);
	posix_spawnattr_init(&attr);
	/* This program ignores them; the command shall not. */
	posix_spawnattr_setsigdefault(&attr, &ignored);
	/* With a group of its own, all that it starts can be ended. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, p->in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, p->out[1], STDOUT_FILENO);
	rc = posix_spawn(pid, "/bin/sh", &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return rc ? err_sys(err, -rc, "cannot run '%s'", command) : 0;
}

static int start(const char *command, struct process *p, struct err *err)
{
	struct pipes pipes = {{-1, -1}, {-1, -1}};
	int rc = spawn(command, &pipes, &p->pid, err);

	if (rc == 0) {
		p->in = pipes.in[1];
		p->out = pipes.out[0];
		pipes.in[1] = pipes.out[0] = -1;
		fcntl(p->in, F_SETFL, O_NONBLOCK);
	} else {
		p->pid = 0;
	}
	close_pipes(&pipes);
	return rc;
}

/* ---- a line there, a line back ---- */

/* The command is gone, or has closed its output. */
static int ended(const char *command, struct process *p, struct err *err)
{
	int status = 0;

	cleanup_close(&p->in);
	cleanup_close(&p->out);
	p->in = p->out = -1;
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
	return err_set(err, -EILSEQ, "'%s' ended with %s %d before it answered", command,
		       WIFEXITED(status) ? "exit code" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

/* *left is moved on. A command that reads no more is noticed by what it does not answer. */
static int feed(struct process *p, struct ss_bytes *left)
{
	ssize_t n = write(p->in, left->data, left->len);

	if (n < 0 && errno == EPIPE)
		left->len = 0;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n > 0)
		*left = (struct ss_bytes){left->data + n, left->len - (size_t)n};
	return 0;
}

/* 1: there was more; 0: it has ended. */
static int drain(struct process *p)
{
	char *room = buf_room(&p->answers, 65536);
	ssize_t n;

	if (!room)
		return -ENOMEM;
	if (p->answers.len - p->taken > MAX_ANSWER_LEN)
		return -EFBIG;
	n = read(p->out, room, 65536);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	p->answers.len += (size_t)n;
	return n > 0;
}

/* The next line of what was read; NULL: there is none yet. */
static char *take_line(struct process *p, size_t *len)
{
	char *begin = p->answers.data + p->taken;
	char *end = p->answers.data ? memchr(begin, '\n', p->answers.len - p->taken) : NULL;

	if (!end)
		return NULL;
	*len = (size_t)(end - begin);
	p->taken += *len + 1;
	return begin;
}

static void forget_taken(struct process *p)
{
	size_t left = p->answers.len - p->taken;

	if (p->taken > 0)
		memmove(p->answers.data, p->answers.data + p->taken, left);
	p->answers.len = left;
	p->taken = 0;
}

static int poll_both(struct process *p, bool feeding, short *in, short *out)
{
	struct pollfd fds[2] = {{.fd = p->out, .events = POLLIN},
				{.fd = feeding ? p->in : -1, .events = POLLOUT}};
	int n;

	do
		n = poll(fds, 2, PATIENCE_MS);
	while (n < 0 && errno == EINTR);
	*out = fds[0].revents;
	*in = fds[1].revents;
	return n < 0 ? -errno : n > 0 ? 0 : -ETIMEDOUT;
}

/* *line stays until the next question. */
static int ask(const char *command, struct process *p, struct ss_bytes question, char **line,
	       size_t *len, struct err *err)
{
	int rc = 0, more = 1;
	short in, out;

	forget_taken(p);
	while (rc == 0 && (question.len > 0 || !(*line = take_line(p, len)))) {
		rc = poll_both(p, question.len > 0, &in, &out);
		if (rc == 0 && in)
			rc = feed(p, &question);
		if (rc == 0 && out)
			rc = more = drain(p);
		if (rc >= 0 && more == 0)
			return ended(command, p, err);
		rc = MIN(rc, 0);
	}
	if (rc == -ETIMEDOUT)
		return err_set(err, rc,
			       "'%s' has not answered a line for %d seconds; a command that holds "
			       "back its output must be told not to, as by 'stdbuf -oL'",
			       command, PATIENCE_MS / 1000);
	return rc < 0 ? err_sys(err, rc, "talking to '%s'", command) : 0;
}

static int decode(const struct codec *c, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	struct process *p = c->state;
	auto_buf struct buf question = {0};
	auto_free char *text = NULL;
	struct err why = {""};
	size_t len = 0;
	json_t *json;
	char *line;
	int rc = p->pid > 0 ? 0 : start(c->arg, p, err);

	buf_hex(&question, bytes.data, bytes.len);
	buf_add(&question, "\n", 1);
	if (rc == 0 && question.failed)
		rc = err_set(err, -ENOMEM, "no memory for %zu bytes", bytes.len);
	if (rc == 0)
		rc = ask(c->arg, p, (struct ss_bytes){(const uint8_t *)question.data, question.len},
			 &line, &len, err);
	if (rc < 0)
		return rc;
	json = json_read(line, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, JSON_VALUE_MAX_DEPTH, &why);
	if (!json)
		return err_set(err, -EILSEQ, "what '%s' printed is not JSON: %s", c->arg, why.text);
	text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(json);
	if (!text)
		return err_set(err, -ENOMEM, "no memory for an answer of '%s'", c->arg);
	buf_text(out, text);
	return 0;
}

/* Its input ends; what goes on all the same is ended. */
static void end(struct codec *c)
{
	struct process *p = c->state;

	if (!p)
		return;
	cleanup_close(&p->in);
	cleanup_close(&p->out);
	if (p->pid > 0) {
		kill(-p->pid, SIGTERM);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	buf_free(&p->answers);
	free(p);
}

const struct codec_ops codec_exec = {
	.name = "exec",
	.help = "what a command makes of lines of hex digits: exec:CMD",
	.decode = decode,
	.set_arg = set_arg,
	.end = end,
};
