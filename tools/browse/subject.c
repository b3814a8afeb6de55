// SPDX-License-Identifier: MIT
/* See subject.h. */
#include "tools/browse/subject.h"

#include "tools/browse/task.h"

int subject_of_store(struct store *store, const char *label, struct subject **out, struct err *err)
{
	struct subject *s = calloc(1, sizeof(*s));
	int rc;

	if (!s || !(s->label = strdup(label))) {
		free(s);
		store_close(store);
		return err_set(err, -ENOMEM, "out of memory");
	}
	s->users = 1;
	s->under = window_whole(store, NULL);
	rc = task_store_open(store, &s->store, err);
	if (!rc)
		rc = mm_probe(s->store, &s->kind, &s->why);
	if (rc && s->why.text[0])
		err_set(err, rc, "%s", s->why.text);
	if (rc) {
		subject_drop(s);
		return rc;
	}
	/* What has no memories has bytes and findings all the same. */
	if (s->kind == MM_MANAGED && mm_open(s->store, &s->mm, &s->why) < 0)
		s->mm = NULL;
	*out = s;
	return 0;
}

int subject_open(const char *path, struct subject **out, struct err *err)
{
	struct store *store;
	int rc = image_open_store(path, false, &store, err);

	return rc ? rc : subject_of_store(store, path, out, err);
}

struct subject *subject_hold(struct subject *s)
{
	s->users++;
	return s;
}

void subject_drop(struct subject *s)
{
	if (!s || --s->users > 0)
		return;
	mm_drop(s->mm);
	store_close(s->store);
	free(s->label);
	free(s);
}
