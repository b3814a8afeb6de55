// SPDX-License-Identifier: MIT
/* Collects findings. See findings.h. The knowledge is memmgr's. */
#include "tools/records/findings.h"

#include "tools/records/records_choice.h"

static const char *const severity_words[] = {"note", "warning", "error"};

void findings_free(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->finding[i].text);
	free(f->finding);
	*f = (struct findings){NULL};
}

static void take_finding(void *ctx, const struct mm_finding *f)
{
	struct findings *look = ctx;
	struct finding *grown = look->finding;
	char *text = strdup(f->text);

	if (look->count == look->room) {
		look->room = look->room ? 2 * look->room : 16;
		grown = reallocarray(grown, look->room, sizeof(*grown));
	}
	if (!grown || !text) {
		free(text);
		look->failed = true;
		return;
	}
	look->finding = grown;
	grown[look->count++] =
		(struct finding){severity_words[f->severity], f->id, f->mm_id, f->repairable, text};
}

/* Inside the memories, as far as the manager can be opened: what keeps it from that was told. The
 * store is not writable meanwhile, so that opening mends nothing. */
static int look_inside(struct store *store, const struct names *names, struct findings *look,
		       struct err *err)
{
	bool writable = store->writable;
	auto_mm struct mm *mm = NULL;
	int rc;

	store->writable = false;
	rc = mm_open(store, &mm, NULL) < 0 ? 0
					   : ss_check(mm, NULL, records_name_options, (void *)names,
						      take_finding, look, &look->result, err);
	store->writable = writable;
	return rc;
}

/* A raw image has no manager, but can be a structure as a whole. */
static int look_at_raw(struct store *store, const struct names *names, struct findings *look,
		       int rc, struct err *err)
{
	struct ss_content content;
	struct err why = {""};

	if (ss_recognise(store, &content, &why) < 0 || !ss_kind_has_records(content.kind))
		return rc;
	return ss_check(NULL, store, records_name_options, (void *)names, take_finding, look,
			&look->result, err);
}

int findings_look(struct store *store, const struct names *names, bool shallow,
		  struct findings *out, struct err *err)
{
	int rc = mm_check(store, take_finding, out, &out->result, err);

	if (rc == -EINVAL && !shallow)
		rc = look_at_raw(store, names, out, rc, err);
	else if (!rc && !shallow)
		rc = look_inside(store, names, out, err);
	if (!rc && out->failed)
		rc = err_set(err, -ENOMEM, "out of memory");
	return rc;
}
