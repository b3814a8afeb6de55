// SPDX-License-Identifier: MIT
/*
 * Reads keys, and gives each to the view on top, or acts on it where the view does not know it. See
 * browser.h.
 */
#include "tools/browse/frame.h"
#include "tools/browse/views.h"

static void find(struct browser *b, bool again)
{
	char text[sizeof(b->needle)] = "";
	struct err err = {""};
	int rc;

	if (!b->top->ops->find) {
		browser_say(b, "there is nothing to be searched here");
		return;
	}
	if (again && b->needle[0])
		strcpy(text, b->needle);
	else if (!browser_ask(b, "find:", text, sizeof(text)) || !text[0])
		return;
	strcpy(b->needle, text);
	rc = b->top->ops->find(b->top, text, &err);
	if (rc == -ENOENT)
		browser_say(b, "'%s' does not come from here on", text);
	else if (rc < 0)
		browser_fail(b, &err);
}

static bool is_back(int code)
{
	return code == 'q' || code == SCREEN_ESCAPE || code == SCREEN_LEFT ||
	       code == SCREEN_BACKSPACE;
}

static void common_key(struct browser *b, int code)
{
	if (code == '/' || code == 'n')
		find(b, code == 'n');
	else if (code == '?')
		view_help_open(b, b->top->ops, common_keys);
	else if (code == SCREEN_ANEW)
		screen_show_anew();
	else if (code == 'Q' || code == SCREEN_INTERRUPT || code == SCREEN_GONE)
		b->done = true;
	else if (code == 'q' || (is_back(code) && b->top->below))
		view_pop(b);
}

/* What the parts below have said on stderr, which is not on the screen. */
static void take_errors(struct browser *b)
{
	char line[sizeof(b->message.text)];
	off_t end = b->errors_fd < 0 ? 0 : lseek(b->errors_fd, 0, SEEK_END);
	ssize_t n;

	if (end <= b->errors_len)
		return;
	n = pread(b->errors_fd, line, sizeof(line) - 1, b->errors_len);
	b->errors_len = end;
	if (n <= 0)
		return;
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	if (!b->message.text[0])
		browser_say(b, "%s", strncmp(line, "canisterfs: ", 12) == 0 ? line + 12 : line);
}

void browser_run(struct browser *b)
{
	while (!b->done) {
		struct screen_key key;

		take_errors(b);
		frame_draw(b);
		key = screen_read(-1);
		b->message.text[0] = 0;
		if (key.code == SCREEN_GONE || !b->top->ops->key(b->top, key))
			common_key(b, key.code);
	}
	while (b->top)
		view_pop(b);
}
