/* The kernel marks the level it is at with brackets. */
#include "sampler/lockdown.h"

#include <stdio.h>
#include <string.h>

#include "sampler/text_file.h"

struct lockdown_words lockdown_words(void)
{
	struct lockdown_words words = {0};
	char levels[56];

	if (!text_file_line("/sys/kernel/security/lockdown", levels, sizeof(levels)) && !strstr(levels, "[none]"))
		snprintf(words.text, sizeof(words.text), " (the kernel is locked down: %s)", levels);
	return words;
}
