/*
 * Which object is at which address now: pairs allocations with their frees. Pure. It also remembers what it ended, so that the
 * second witness of a free is not taken for another free.
 */
#ifndef SLABREC_SAMPLER_LIVE_TABLE_H
#define SLABREC_SAMPLER_LIVE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/u64_map.h"

/* One address that has been an object of a recorded cache. */
struct live_object {
	uint64_t address;
	uint64_t serial;  /* in the trace; 0: freed, or older than the recording */
	uint64_t time_ns; /* of the allocation; once freed, of the free; of one that is pending, of the request */
	uint32_t sp;	  /* low half of the stack pointer of the allocating call; 0 not known */
	uint32_t caller_path; /* kernel's part of the stack of the function that called the allocating one, as a number; 0 not known */
	int32_t tid;	  /* of the allocation; once freed, of the free */
	uint16_t cache;	  /* index of the recorder */
	uint8_t function;  /* that allocated it: row of the probe table + 1; 0 not known */
	uint8_t witnesses : 2; /* freed: enum live_witness bits that told of it */
	bool is_pending : 1;   /* handed to kfree_rcu(), not seen to be freed */
};

enum live_witness {
	LIVE_WITNESS_KPROBE = 1,
	LIVE_WITNESS_TRACEPOINT = 2,
};

struct live_table {
	struct live_object *objects; /* owned; places, some unused */
	size_t object_count;
	size_t object_capacity;
	uint32_t *unused; /* owned; places in objects */
	size_t unused_count;
	size_t unused_capacity;
	uint32_t *by_address; /* owned; hashed by address: places + 1, 0 free */
	size_t by_address_capacity; /* a power of two, or 0; at most three quarters are used */
	size_t by_address_count;
	struct u64_map pages; /* page number + 1 -> what is known of it, of pages that belong to a recorded cache */
	size_t live_count;    /* without the pending ones */
	size_t pending_count;
	uint64_t pending_given_up; /* pending for so long that their end was not seen: not in the table any more */
	void (*give_up)(void *context, uint64_t serial); /* told of each of them; NULL nobody */
	void *give_up_context;
	uint64_t swept_ns;
};

void live_table_release(struct live_table *table);

/* What an allocation event meant. */
enum live_birth {
	LIVE_BIRTH_NEW,
	LIVE_BIRTH_REUSED,    /* an object was believed live there: its free was missed */
	LIVE_BIRTH_DUPLICATE, /* an outer function telling of the same allocation */
};

/*
 * Tells what this allocation, with this number for the kernel's part of its stack (0 not known), would be; its serial does not
 * matter. *old_serial: for REUSED the object that must have ended; for NEW one that was pending and is over now, unseen; else it is left
 * alone.
 */
enum live_birth live_table_check_birth(const struct live_table *table, const struct live_object *object, uint32_t path,
				       uint64_t *old_serial);

/* True where the task has just been told to have allocated this address, and not to have freed it. */
bool live_table_is_told(const struct live_table *table, uint64_t address, int32_t tid, uint64_t time_ns);

/* Puts the object in, in place of whatever was at its address. -ENOMEM. */
int live_table_add(struct live_table *table, const struct live_object *object);

/* What a free event meant. */
enum live_death {
	LIVE_DEATH_MATCHED,   /* *serial ended */
	LIVE_DEATH_COMPLETED, /* *serial was pending and has ended now */
	LIVE_DEATH_CONFIRMED, /* the other witness of a free that was told already */
	LIVE_DEATH_REPEATED,  /* the same witness once more: the sample with or without the call chain */
	LIVE_DEATH_OLDER_COMPLETED, /* an older object whose request was told has ended now */
	LIVE_DEATH_OLDER,     /* nothing known at this address, but the page or the event names a recorded cache */
	LIVE_DEATH_UNKNOWN,   /* another cache's object, or an older one */
};

struct live_free {
	uint64_t address;
	uint64_t time_ns;
	int32_t tid;
	enum live_witness witness;
	bool is_request; /* of kfree_rcu(): MATCHED then means that the object is pending now */
	bool is_late;	 /* told when the object was gone: its page may be another cache's by then */
	bool is_of_any_cache; /* of a probe that has no filter: an object of this cache is no likelier than another's */
	bool has_cache;	 /* the event itself names the cache: an index of the recorder */
	uint16_t cache;
};

/* *serial for MATCHED and COMPLETED, *cache also for OLDER. */
enum live_death live_table_free(struct live_table *table, const struct live_free *event, uint64_t *serial,
				uint16_t *cache);

/* Hands out the live objects, pending ones not among them, in the order of their serials. -ENOMEM. */
int live_table_each(const struct live_table *table, void (*take)(void *context, const struct live_object *object),
		    void *context);

#endif
