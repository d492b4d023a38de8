/* What the kernel forbids even root, for messages about what did not go. */
#ifndef SLABREC_SAMPLER_LOCKDOWN_H
#define SLABREC_SAMPLER_LOCKDOWN_H

struct lockdown_words {
	char text[96];
};

/* " (the kernel is locked down: none [integrity] confidentiality)" where it is, else "". */
struct lockdown_words lockdown_words(void);

#endif
