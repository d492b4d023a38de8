/*
 * Raw tracepoints of kmem with a BPF program of our own on each, which lets through only objects of the recorded caches: it asks the
 * allocator's own books (struct page, struct slab) which cache an object belongs to, so that also kfree() and kmalloc() are filtered
 * in the kernel, by name and exactly, also where a cache is destroyed and made again. The programs are nobody else's: no other user
 * of the tracepoint is touched. What they let through goes as a sample into the rings of perf events.
 *
 * Since 6.1 the kernel skips a program that is hit while it runs: an interrupt then, and all the frees of RCU that its end may run,
 * would not be seen. So each tracepoint has two programs, one after the other: the second takes what the first was kept from. Only
 * where several interrupts come just as the second begins does it take a hit once more.
 */
#ifndef SLABREC_SAMPLER_SLAB_BPF_H
#define SLABREC_SAMPLER_SLAB_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/kernel_image.h"
#include "sampler/probe_table.h"
#include "sampler/process_filter.h"
#include "sampler/slab_cache.h"
#include "sampler/stack_walk.h"
#include "trace/error.h"

/* Raw tracepoints of one recording. */
#define SLAB_BPF_MAX 8u

/* What a program sends: struct perf_raw of a sample. Frees send it up to and without call_site. */
struct slab_bpf_record {
	uint64_t object;
	uint16_t cache; /* index among the recorded caches */
	uint16_t is_second; /* sent by the second program: it may, very rarely, repeat what the first has sent */
	int32_t node;	    /* asked for; -1 any */
	uint64_t call_site;
	uint64_t bytes_req;
	uint64_t gfp;
	uint64_t user_key; /* allocations: what stands for the user part; where the user stack comes along, the place to learn it for; 0 neither */
	uint64_t chain_key; /* allocations: what stands for the kernel's part of the call chain; 0 nothing does */
	/* The user part, as far as the record goes, where it has a key and no call chain. */
	uint64_t user_chain[STACK_WALK_USER_MAX];
};
#define SLAB_BPF_FREE_BYTES 16u
#define SLAB_BPF_ALLOC_BYTES offsetof(struct slab_bpf_record, user_chain)

/* Where the kernel keeps which cache a page belongs to. */
struct slab_layout {
	uint64_t direct_map; /* first address of the memory's direct map: page_offset_base */
	uint64_t memory_map; /* of struct page: vmemmap_base */
	uint32_t slab_cache_offset_bytes; /* of slab.slab_cache, formerly page.slab_cache */
	uint32_t name_offset_bytes;	  /* of kmem_cache.name */
};

/* Shared with the programs. */
struct slab_bpf_slot {
	uint64_t is_on;
	uint64_t refused; /* could not be sent, and is not counted by perf */
	uint64_t elsewhere; /* on a CPU, or by a task, that is not recorded */
	uint64_t tested;    /* only while the layout is tried */
	uint64_t known;
	struct stack_walk_start start;
	uint64_t spared[2]; /* hits that a program was kept from and the other took */
	uint64_t reserved[6];
};

/* The perf events that samples go to, by what these add to them. */
enum slab_bpf_output {
	SLAB_BPF_PLAIN,
	SLAB_BPF_CHAIN,
	SLAB_BPF_STACK, /* user registers and stack */
	SLAB_BPF_CHAIN_STACK,
	SLAB_BPF_OUTPUTS
};

struct slab_bpf {
	struct slab_layout layout;
	struct stack_walk walk; /* on: samples of allocations may come without call chain */
	int32_t tid; /* allocations of this task only; 0 all */
	struct user_recall recall; /* open with has_stacks */
	bool has_stacks; /* allocations go to the events that add user stacks, as far as slab_bpf_grant_copies() lets them */
	struct process_filter *processes; /* borrowed; allocations of these only; NULL all */
	uint32_t alignment_mask; /* low bits that no recorded object's address has; 0: not known */
	int peeker; /* program that reads a word of kernel memory */
	int names;  /* map: name -> index + 1 */
	int shared; /* map: struct slab_bpf_slot [SLAB_BPF_MAX] */
	int sent;   /* map: uint64_t [CPU][SLAB_BPF_MAX], samples sent, with those the ring had no room for */
	volatile uint64_t *sent_counts; /* the same, mapped */
	int copies; /* map: uint64_t [CPU], copies of user stacks that may still be taken */
	volatile uint64_t *copy_counts; /* the same, mapped */
	uint32_t cpus;
	int turns;  /* map of each CPU: raw tracepoint -> struct turn */
	volatile struct slab_bpf_slot *slots; /* the same, mapped */
	size_t count;
	struct {
		int outputs[SLAB_BPF_OUTPUTS]; /* maps: CPU -> perf event */
		int programs[2];
		int links[2];
		uint64_t idle_misses[2]; /* of the programs, before they were on */
		uint64_t missed[2];	 /* while they were on, once they are off */
	} probes[SLAB_BPF_MAX];
};

struct slab_bpf_options {
	const struct slab_cache_list *all;
	const struct kernel_image *kernel;
	/* As the kernel's types tell; 0: not known, candidates are tried. */
	uint32_t slab_cache_offset_bytes;
	uint32_t name_offset_bytes;
	bool has_walk; /* walks the stack itself where it can */
	bool has_user_chains;
};

/*
 * Finds the layout and checks it on what the kernel is doing: believed where the pages of objects name caches of slabinfo. -ENOTSUP
 * with the reason where BPF cannot be the filter here (no BPF, lockdown, another architecture, an unknown layout). slab_bpf_close()
 * is due in any case.
 */
int slab_bpf_open(struct slab_bpf *bpf, const struct slab_bpf_options *options, struct error *err);
void slab_bpf_close(struct slab_bpf *bpf);

/*
 * The first shape of the raw tracepoint that this kernel takes, tried on what it does; NULL: none. format is of kmem/NAME/format.
 * Before slab_bpf_select().
 */
const struct raw_tracepoint *slab_bpf_shape(const struct slab_bpf *bpf, const char *name, const char *format);

/* From now on only objects of these caches are let through. -ENOTSUP: the filter cannot tell one of the names. */
int slab_bpf_select(struct slab_bpf *bpf, const struct slab_cache_list *selected, struct error *err);

/*
 * Prepares a raw tracepoint, with the limits that were set in bpf; its number, from 0, comes back. stack_period: one in so many samples goes to the events with call
 * chains; 0: none.
 */
int slab_bpf_add(struct slab_bpf *bpf, const struct raw_tracepoint *raw, uint32_t stack_period, struct error *err);

/* Samples of this CPU go to this PERF_COUNT_SW_BPF_OUTPUT event, which must be of the same CPU. */
int slab_bpf_set_output(struct slab_bpf *bpf, int number, int cpu, enum slab_bpf_output output, int perf_fd, struct error *err);

/* Lets copies of user stacks be taken, up to most on each CPU, count more at most in all. Returns how many more. */
uint64_t slab_bpf_grant_copies(struct slab_bpf *bpf, uint64_t most, uint64_t count);

/* Attached while off, so that turning on cannot fail. */
int slab_bpf_attach(struct slab_bpf *bpf, int number, const char *tracepoint, struct error *err);
void slab_bpf_turn(struct slab_bpf *bpf, int number, bool on);

/* From call chains that were taken; is_good: the walk's keys are right, else nothing is walked any more. */
void slab_bpf_learn(struct slab_bpf *bpf, const uint64_t *kernel, size_t count, bool is_good);

/* Samples sent on the CPU, with those that the ring had no room for. */
uint64_t slab_bpf_sent(const struct slab_bpf *bpf, int number, int cpu);

/*
 * The most hits that went without a sample: those that both programs were kept from, where the kernel tells, and those refused. It tells of
 * each program alone, of hits of all caches.
 */
uint64_t slab_bpf_missed(const struct slab_bpf *bpf, int number);

#endif
