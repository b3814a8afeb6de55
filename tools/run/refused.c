// SPDX-License-Identifier: MIT
/* Owns the file in which the refused verbs of a trial stand, a line each. */
#include "tools/run/refused.h"

#include <fcntl.h>

static int path_in(const char *dir, char **out, struct err *err)
{
	if (asprintf(out, "%s/refused", dir) >= 0)
		return 0;
	*out = NULL;
	return err_set(err, -ENOMEM, "out of memory");
}

int refused_watch(const char *dir, struct err *err)
{
	return setenv("CANISTERFS_TRIAL", dir, 1) < 0 ? err_set(err, -ENOMEM, "out of memory") : 0;
}

/* `check` reads, unless it is to repair. */
static bool has_failed(const struct verb *v, int exit_code)
{
	if (v->failed_exit == CHECK_FAILED)
		return exit_code & (CHECK_FAILED | CHECK_USAGE);
	return !v->reads && exit_code != 0;
}

static void print_line(FILE *to, int argc, char **argv)
{
	fputs("canisterfs", to);
	for (int i = 0; i < argc; i++)
		for (const char *p = (putc(' ', to), argv[i]); *p; p++)
			putc(*p == '\n' ? ' ' : *p, to);
	putc('\n', to);
}

void refused_note(const struct verb *v, int exit_code, int argc, char **argv)
{
	const char *dir = getenv("CANISTERFS_TRIAL");
	auto_free char *path = NULL;
	FILE *to;
	int fd;

	if (!dir || !has_failed(v, exit_code) || path_in(dir, &path, NULL))
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	to = fd < 0 ? NULL : fdopen(fd, "a");
	if (!to)
		return;
	print_line(to, argc, argv);
	fclose(to);
}

static int add(char ***list, size_t *count, const char *line, struct err *err)
{
	char **more = reallocarray(*list, *count + 2, sizeof(*more));

	if (!more)
		return err_set(err, -ENOMEM, "out of memory");
	*list = more;
	more[*count] = strdup(line);
	more[*count + 1] = NULL;
	return more[(*count)++] ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int refused_read(const char *dir, char ***out, struct err *err)
{
	auto_free char *path = NULL, *line = NULL;
	size_t room = 0, count = 0;
	FILE *from = NULL;
	int rc = path_in(dir, &path, err);

	*out = NULL;
	if (!rc)
		from = fopen(path, "re");
	if (!rc && !from && errno != ENOENT)
		rc = err_sys(err, -errno, "%s", path);
	while (!rc && from && getline(&line, &room, from) > 0) {
		line[strcspn(line, "\n")] = 0;
		rc = add(out, &count, line, err);
	}
	if (from)
		fclose(from);
	return rc;
}

void refused_free(char **lines)
{
	for (char **line = lines; line && *line; line++)
		free(*line);
	free(lines);
}
