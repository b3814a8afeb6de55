// SPDX-License-Identifier: MIT
/*
 * Owns the codec that is a program: each value's bytes on its standard input, one JSON value on its
 * standard output. One process a value, by the shell.
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

enum { MAX_OUTPUT = 1 << 28 };

static int set_arg(struct codec *c, const char *arg, struct err *err)
{
	if (!arg || !*arg)
		return err_set(err, -EINVAL, "exec: needs a command behind its colon");
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

static void close_one(int *fd)
{
	cleanup_close(fd);
	*fd = -1;
}

static int start(const char *command, struct pipes *p, pid_t *pid, struct err *err)
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
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, p->in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, p->out[1], STDOUT_FILENO);
	rc = posix_spawn(pid, "/bin/sh", &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	close_one(&p->in[0]);
	close_one(&p->out[1]);
	return rc ? err_sys(err, -rc, "cannot run '%s'", command) : 0;
}

/* A command may answer before it has read all, or read nothing at all. */
static int feed_some(int *fd, struct ss_bytes *bytes)
{
	ssize_t n = write(*fd, bytes->data, bytes->len);

	if (n < 0 && errno != EPIPE && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n >= 0) {
		bytes->data += n;
		bytes->len -= (size_t)n;
	}
	if (bytes->len == 0 || (n < 0 && errno == EPIPE))
		close_one(fd);
	return 0;
}

static int drain_some(int *fd, struct buf *out)
{
	char *room = buf_room(out, 65536);
	ssize_t n;

	if (!room)
		return -ENOMEM;
	if (out->len > MAX_OUTPUT)
		return -EFBIG;
	n = read(*fd, room, 65536);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	out->len += (size_t)n;
	if (n == 0)
		close_one(fd);
	return 0;
}

static int talk(struct pipes *p, struct ss_bytes bytes, struct buf *out)
{
	int rc = 0;

	fcntl(p->in[1], F_SETFL, O_NONBLOCK);
	if (bytes.len == 0)
		close_one(&p->in[1]);
	while (rc == 0 && p->out[0] >= 0) {
		struct pollfd fds[2] = {{.fd = p->out[0], .events = POLLIN},
					{.fd = p->in[1], .events = POLLOUT}};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents && p->in[1] >= 0)
			rc = feed_some(&p->in[1], &bytes);
		if (rc == 0 && fds[0].revents)
			rc = drain_some(&p->out[0], out);
	}
	return rc;
}

static int run(const char *command, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	struct pipes p = {{-1, -1}, {-1, -1}};
	int status = 0;
	pid_t pid;
	int rc = start(command, &p, &pid, err);

	if (rc < 0) {
		close_pipes(&p);
		return rc;
	}
	rc = talk(&p, bytes, out);
	close_pipes(&p);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0)
		return err_sys(err, rc, "talking to '%s'", command);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, -EILSEQ, "'%s' ended with %s %d", command,
			       WIFEXITED(status) ? "exit code" : "signal",
			       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return 0;
}

static int decode(const struct codec *c, struct ss_bytes bytes, struct buf *out, struct err *err)
{
	auto_buf struct buf answer = {0};
	auto_free char *text = NULL;
	struct err why = {""};
	json_t *json;
	int rc = run(c->arg, bytes, &answer, err);

	if (rc < 0)
		return rc;
	json = json_read(answer.data ? answer.data : "", answer.len,
			 JSON_DECODE_ANY | JSON_ALLOW_NUL, JSON_VALUE_MAX_DEPTH, &why);
	if (!json)
		return err_set(err, -EILSEQ, "what '%s' printed is not JSON: %s", c->arg, why.text);
	text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(json);
	if (!text)
		return err_set(err, -ENOMEM, "no memory for an answer of '%s'", c->arg);
	buf_text(out, text);
	return 0;
}

const struct codec_ops codec_exec = {
	.name = "exec",
	.help = "what a command makes of the bytes: exec:CMD",
	.decode = decode,
	.set_arg = set_arg,
};
