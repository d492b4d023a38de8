/* How user call chains are to be had. */
#ifndef SLABREC_SAMPLER_USER_STACKS_H
#define SLABREC_SAMPLER_USER_STACKS_H

enum user_stacks {
	USER_STACKS_DWARF, /* by what files say of their frames, as far as there is time for it; else by frame pointers */
	USER_STACKS_FP,
	USER_STACKS_NONE
};

/* As --user-stack spells it. */
static inline const char *user_stacks_name(enum user_stacks stacks)
{
	static const char *const names[] = {"dwarf", "fp", "none"};

	return names[stacks];
}

#endif
