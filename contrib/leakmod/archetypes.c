// SPDX-License-Identifier: GPL-2.0
/*
 * archetypes: worlds of call paths that behave in known ways for as long as they are told, one of which may leak, so that what a report
 * accuses can be compared with the truth. For test kernels (5.10 to 6.12); tests/vm/build-module builds it.
 *
 * In /sys/kernel/debug/archetypes:
 *   run   write "INDEX LEAK SEED WARM_MS RUN_MS [CHANCE [LESS]]": world INDEX (0 to 31) begins; what it had before is freed. Its objects come from a cache
 *         of its own, archetypes_INDEX, which is there from then on. All confusers live in it, and the LEAK: none, every, tenth,
 *         hundredth, bursts or slow. What is older than a recording lives from the start; what begins within one, begins after WARM_MS
 *         and before RUN_MS more; the world goes on for another minute.
 *         What is chosen by SEED is the same for each CHANCE; what happens by chance then is another. LESS: of so many objects that the
 *         leak would lose it loses one, the others are freed: the leak is mended, as far as that.
 *   truth for each world "INDEX LEAK SEED LIVE": objects of the leak that are lost
 *
 * Sites are the functions archetypes_NAME_alloc. Rates, lifetimes and moments come from the seed. Everything is done every few ms by a
 * worker.
 */
#include <linux/debugfs.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#define WORLDS 32
#define OBJECT_BYTES 200
#define SLOTS 256 /* of the wheel of deaths, a tick each */
#define TICK_MS 8
#define PER_S (1000 / TICK_MS)
#define LONGER 60 /* seconds that a world goes on, so that a recording ends before it */
#define NEVER (~0u)

enum kind {
	/* leaks */
	EVERY,
	TENTH,
	HUNDREDTH,
	BURSTS,
	SLOW,
	/* confusers */
	BUSY,	 /* short lives */
	FILLING, /* a cache that fills */
	POOL,	 /* grows to what is needed most, then goes round */
	INIT,	 /* allocated once */
	BATCH,	 /* freed together, every few seconds */
	RAMP,	 /* ever more, short lives */
	RCU,	 /* freed after a grace period */
	WORKER,	 /* freed by another worker */
	SESSIONS, /* some seconds of life, steady */
	KINDS,
};

static const char *const leaks[] = {"every", "tenth", "hundredth", "bursts", "slow"};
#define NO_LEAK KINDS

struct object {
	struct object *next;
	u32 rounds; /* of the wheel, until it dies */
	u32 kind;
	struct rcu_head rcu;
};

struct world {
	struct kmem_cache *cache;
	struct object *wheel[SLOTS];
	struct object *kept;  /* never freed but by us */
	struct object *pool;  /* free ones of POOL */
	struct object *batch; /* waits for its time */
	struct object *handed; /* to the other worker; under handed_lock */
	spinlock_t handed_lock;
	struct delayed_work work, freeing;
	struct rnd_state random;
	u64 seed;
	unsigned long began; /* jiffies */
	u32 leak;
	u32 tick, warm, run; /* in ticks */
	u32 owed[KINDS];     /* births, in 1/65536 */
	u32 rate[KINDS];     /* births a second, in 1/256 */
	u32 mean[KINDS];     /* ticks of life */
	u32 next_burst, batch_every, init_at, fills_in, pool_in_use;
	u32 lost;
	u32 less; /* 1: the leak loses all that it would */
	bool is_running;
};

static struct world *worlds[WORLDS];
static struct workqueue_struct *queue;
static struct dentry *directory;
static DEFINE_MUTEX(run_mutex);

/* ---- the sites: each allocates and frees by functions of its own ---- */

#define SITE(name)                                                                              \
	static noinline __noclone struct object *archetypes_##name##_alloc(struct world *world) \
	{                                                                                       \
		struct object *object = kmem_cache_alloc(world->cache, GFP_KERNEL);             \
												\
		barrier();                                                                      \
		return object;                                                                  \
	}                                                                                       \
	static noinline __noclone void archetypes_##name##_free(struct world *world, struct object *object) \
	{                                                                                       \
		kmem_cache_free(world->cache, object);                                          \
		barrier();                                                                      \
	}

SITE(every)
SITE(tenth)
SITE(hundredth)
SITE(bursts)
SITE(slow)
SITE(busy)
SITE(filling)
SITE(pool)
SITE(init)
SITE(batch)
SITE(ramp)
SITE(worker)
SITE(sessions)

static noinline __noclone struct object *archetypes_rcu_alloc(struct world *world)
{
	struct object *object = kmem_cache_alloc(world->cache, GFP_KERNEL);

	barrier();
	return object;
}

static noinline __noclone void archetypes_rcu_free(struct world *world, struct object *object)
{
	kfree_rcu(object, rcu);
	barrier();
}

static const struct {
	struct object *(*alloc)(struct world *world);
	void (*free)(struct world *world, struct object *object);
} sites[KINDS] = {
	[EVERY] = {archetypes_every_alloc, archetypes_every_free},
	[TENTH] = {archetypes_tenth_alloc, archetypes_tenth_free},
	[HUNDREDTH] = {archetypes_hundredth_alloc, archetypes_hundredth_free},
	[BURSTS] = {archetypes_bursts_alloc, archetypes_bursts_free},
	[SLOW] = {archetypes_slow_alloc, archetypes_slow_free},
	[BUSY] = {archetypes_busy_alloc, archetypes_busy_free},
	[FILLING] = {archetypes_filling_alloc, archetypes_filling_free},
	[POOL] = {archetypes_pool_alloc, archetypes_pool_free},
	[INIT] = {archetypes_init_alloc, archetypes_init_free},
	[BATCH] = {archetypes_batch_alloc, archetypes_batch_free},
	[RAMP] = {archetypes_ramp_alloc, archetypes_ramp_free},
	[RCU] = {archetypes_rcu_alloc, archetypes_rcu_free},
	[WORKER] = {archetypes_worker_alloc, archetypes_worker_free},
	[SESSIONS] = {archetypes_sessions_alloc, archetypes_sessions_free},
};

/* ---- chance ---- */

static u32 below(struct world *world, u32 limit)
{
	return limit ? prandom_u32_state(&world->random) % limit : 0;
}

static u32 between(struct world *world, u32 least, u32 most)
{
	return least + below(world, most - least + 1);
}

/* By an exponential distribution: the logarithm of an even one, by lines between powers of two; 1 at least. */
static u32 exponential(struct world *world, u32 mean)
{
	u32 even = prandom_u32_state(&world->random) | 1;
	u32 power = ilog2(even);
	/* -log2(even / 2^32), in 1/65536 */
	u64 bits = ((u64)(32 - power) << 16) - (((u64)even << 16 >> power) - 65536);

	return (u32)max_t(u64, 1, (u64)mean * bits * 45426 >> 32); /* ln 2 in 1/65536 */
}

/* ---- lives ---- */

static void keep(struct object **list, struct object *object)
{
	object->next = *list;
	*list = object;
}

static struct object *born(struct world *world, enum kind kind)
{
	struct object *object = sites[kind].alloc(world);

	if (object)
		object->kind = kind;
	return object;
}

/* life in ticks; NEVER: it is lost. */
static void live(struct world *world, enum kind kind, u32 life)
{
	struct object *object = born(world, kind);

	if (!object)
		return;
	if (life == NEVER && kind == world->leak && below(world, world->less))
		life = exponential(world, PER_S / 10);
	if (life == NEVER) {
		keep(&world->kept, object);
		world->lost += kind == world->leak;
		return;
	}
	object->rounds = life / SLOTS;
	keep(&world->wheel[(world->tick + life) % SLOTS], object);
}

static void give_back(struct world *world, struct object *object)
{
	unsigned long flags;

	if (object->kind != WORKER) {
		sites[object->kind].free(world, object);
		return;
	}
	spin_lock_irqsave(&world->handed_lock, flags);
	keep(&world->handed, object);
	spin_unlock_irqrestore(&world->handed_lock, flags);
}

static void free_list(struct world *world, struct object **list)
{
	while (*list) {
		struct object *object = *list;

		*list = object->next;
		sites[object->kind].free(world, object);
	}
}

/* Those of this tick die, others of the slot live another round. */
static void die(struct world *world)
{
	struct object **slot = &world->wheel[world->tick % SLOTS], *all = *slot, *object;

	*slot = NULL;
	while (all) {
		object = all;
		all = object->next;
		if (object->rounds--)
			keep(slot, object);
		else if (object->kind == POOL) {
			keep(&world->pool, object);
			world->pool_in_use--;
		} else
			give_back(world, object);
	}
}

/* How many are born in this tick at so many a second (in 1/256): by chance, on average right. */
static u32 births(struct world *world, enum kind kind, u32 rate)
{
	u32 count;

	world->owed[kind] += (u32)((u64)rate * 256 * between(world, 0, 2000) / 1000 / PER_S);
	count = world->owed[kind] >> 16;
	world->owed[kind] &= 65535;
	return count;
}

/* Ticks since what begins within the recording began; 0 before. */
static u32 since(const struct world *world)
{
	return world->tick > world->warm ? world->tick - world->warm : 0;
}

static u32 rate_now(const struct world *world, enum kind kind)
{
	if (kind == FILLING) {
		/* Misses become rarer as it fills: 1 / (1 + t)^3. */
		u64 part = ((u64)since(world) << 8) / world->fills_in + 256;

		return since(world) ? (u32)(((u64)world->rate[kind] << 24) / (part * part * part)) : 0;
	}
	if (kind == RAMP)
		return (u32)(world->rate[kind] * (u64)since(world) / world->run);
	return world->rate[kind];
}

static u32 life_of(struct world *world, enum kind kind)
{
	switch (kind) {
	case EVERY:
	case SLOW:
	case FILLING:
		return NEVER;
	case TENTH:
		return below(world, 10) ? exponential(world, world->mean[kind]) : NEVER;
	case HUNDREDTH:
		return below(world, 100) ? exponential(world, world->mean[kind]) : NEVER;
	default:
		return exponential(world, world->mean[kind]);
	}
}

/* Takes from the pool, which grows only where it is empty. */
static void use_pool(struct world *world)
{
	struct object *object = world->pool;
	u32 life = exponential(world, world->mean[POOL]);

	if (object)
		world->pool = object->next;
	else
		object = born(world, POOL);
	if (!object)
		return;
	world->pool_in_use++;
	object->rounds = life / SLOTS;
	keep(&world->wheel[(world->tick + life) % SLOTS], object);
}

static void do_steady(struct world *world)
{
	static const enum kind kinds[] = {EVERY, TENTH, HUNDREDTH, SLOW, BUSY, FILLING, RAMP, RCU, WORKER, SESSIONS};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		enum kind kind = kinds[i];
		u32 count;

		if (kind <= SLOW && kind != world->leak)
			continue;
		for (count = births(world, kind, rate_now(world, kind)); count; count--)
			live(world, kind, life_of(world, kind));
	}
}

static void do_others(struct world *world)
{
	struct object *object;
	u32 count;

	for (count = births(world, BATCH, world->rate[BATCH]); count; count--) {
		object = born(world, BATCH);
		if (object)
			keep(&world->batch, object);
	}
	if (world->tick % world->batch_every == 0)
		free_list(world, &world->batch);
	for (count = since(world) ? births(world, POOL, world->rate[POOL]) : 0; count; count--)
		use_pool(world);
	if (world->tick == world->init_at)
		for (count = world->rate[INIT] >> 8; count; count--)
			live(world, INIT, NEVER);
	if (world->leak == BURSTS && world->tick >= world->next_burst) {
		world->next_burst = world->tick + world->mean[BURSTS] / 2 + exponential(world, world->mean[BURSTS] / 2);
		for (count = between(world, world->rate[BURSTS] >> 9, 3 * (world->rate[BURSTS] >> 9)); count; count--)
			live(world, BURSTS, below(world, 2) ? NEVER : exponential(world, 2));
	}
}

static void world_frees(struct work_struct *work)
{
	struct world *world = container_of(to_delayed_work(work), struct world, freeing);
	struct object *handed;
	unsigned long flags;

	spin_lock_irqsave(&world->handed_lock, flags);
	handed = world->handed;
	world->handed = NULL;
	spin_unlock_irqrestore(&world->handed_lock, flags);
	free_list(world, &handed);
	if (READ_ONCE(world->is_running))
		queue_delayed_work(queue, &world->freeing, msecs_to_jiffies(300));
}

/* Time goes on by the clock: ticks that were missed are made up for. */
static void world_turns(struct work_struct *work)
{
	struct world *world = container_of(to_delayed_work(work), struct world, work);
	u32 now, end = world->warm + world->run + LONGER * PER_S;

	if (!world->tick)
		world->began = jiffies;
	now = 1 + jiffies_to_msecs(jiffies - world->began) / TICK_MS;
	while (world->tick < now && world->tick < end) {
		world->tick++;
		die(world);
		do_steady(world);
		do_others(world);
		cond_resched();
	}
	if (world->tick < end && READ_ONCE(world->is_running))
		queue_delayed_work(queue, &world->work, msecs_to_jiffies(TICK_MS));
}

/* ---- running ---- */

/* Rates in 1/256 a second, lives in ticks. */
static void choose(struct world *world)
{
	u32 count;

	world->rate[EVERY] = between(world, 4 << 8, 16 << 8);
	world->rate[TENTH] = between(world, 30 << 8, 60 << 8);
	world->mean[TENTH] = between(world, 1, PER_S / 4);
	world->rate[HUNDREDTH] = between(world, 80 << 8, 120 << 8);
	world->mean[HUNDREDTH] = between(world, 1, PER_S / 4);
	world->rate[BURSTS] = between(world, 20 << 8, 40 << 8);
	world->mean[BURSTS] = between(world, 3 * PER_S, 6 * PER_S);
	world->rate[SLOW] = between(world, 256 / 4, 256 / 2);
	world->rate[BUSY] = between(world, 40 << 8, 80 << 8);
	world->mean[BUSY] = between(world, 1, PER_S / 10);
	world->rate[FILLING] = between(world, 20 << 8, 60 << 8);
	world->fills_in = between(world, 6 * PER_S, 20 * PER_S);
	world->rate[POOL] = between(world, 20 << 8, 40 << 8);
	world->mean[POOL] = between(world, PER_S, 2 * PER_S);
	world->rate[INIT] = between(world, 200 << 8, 500 << 8);
	world->init_at = world->warm + below(world, world->run * 2 / 3);
	world->rate[BATCH] = between(world, 20 << 8, 40 << 8);
	world->batch_every = between(world, 2 * PER_S, 5 * PER_S);
	world->rate[RAMP] = between(world, 40 << 8, 80 << 8);
	world->mean[RAMP] = between(world, PER_S / 10, PER_S / 2);
	world->rate[RCU] = between(world, 10 << 8, 20 << 8);
	world->mean[RCU] = between(world, 1, PER_S / 10);
	world->rate[WORKER] = between(world, 10 << 8, 30 << 8);
	world->mean[WORKER] = between(world, 1, PER_S / 2);
	world->rate[SESSIONS] = between(world, 4 << 8, 10 << 8);
	world->mean[SESSIONS] = between(world, 4 * PER_S, 10 * PER_S);
	/* As many as there are in the steady state. */
	for (count = world->rate[SESSIONS] / PER_S * world->mean[SESSIONS] >> 8; count; count--)
		live(world, SESSIONS, exponential(world, world->mean[SESSIONS]));
}

static void empty(struct world *world)
{
	unsigned int i;

	WRITE_ONCE(world->is_running, false);
	cancel_delayed_work_sync(&world->work);
	cancel_delayed_work_sync(&world->freeing);
	for (i = 0; i < SLOTS; i++)
		free_list(world, &world->wheel[i]);
	free_list(world, &world->kept);
	free_list(world, &world->pool);
	free_list(world, &world->batch);
	free_list(world, &world->handed);
}

/* A constructor keeps a cache from being merged with another. */
static void construct(void *object)
{
	memset(object, 0, OBJECT_BYTES);
}

static struct world *make_world(unsigned int index)
{
	struct world *world = vzalloc(sizeof(*world));
	char name[32];

	if (!world)
		return NULL;
	snprintf(name, sizeof(name), "archetypes_%u", index);
	world->cache = kmem_cache_create(name, OBJECT_BYTES, 0, 0, construct);
	if (!world->cache) {
		vfree(world);
		return NULL;
	}
	spin_lock_init(&world->handed_lock);
	INIT_DELAYED_WORK(&world->work, world_turns);
	INIT_DELAYED_WORK(&world->freeing, world_frees);
	return world;
}

static int start(unsigned int index, u32 leak, u64 seed, u32 warm_ms, u32 run_ms, u64 chance, u32 less)
{
	struct world *world = worlds[index];

	if (!world)
		world = worlds[index] = make_world(index);
	if (!world)
		return -ENOMEM;
	empty(world);
	memset(world->owed, 0, sizeof(world->owed));
	prandom_seed_state(&world->random, seed * 0x9e3779b97f4a7c15ull + 1);
	world->seed = seed;
	world->leak = leak;
	world->tick = world->lost = world->pool_in_use = 0;
	world->warm = warm_ms / TICK_MS;
	world->run = run_ms / TICK_MS;
	world->next_burst = 0;
	world->less = less;
	choose(world);
	if (chance)
		prandom_seed_state(&world->random, (seed ^ chance << 32) * 0x9e3779b97f4a7c15ull + 1);
	WRITE_ONCE(world->is_running, true);
	queue_delayed_work(queue, &world->work, 1);
	queue_delayed_work(queue, &world->freeing, 1);
	return 0;
}

static ssize_t run_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char text[96], name[24];
	unsigned int index;
	u32 leak, warm_ms, run_ms, less = 1;
	u64 seed, chance = 0;
	int ret = -EINVAL;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, size))
		return -EFAULT;
	text[size] = '\0';
	if (sscanf(text, "%u %23s %llu %u %u %llu %u", &index, name, &seed, &warm_ms, &run_ms, &chance, &less) < 5 || index >= WORLDS ||
	    warm_ms > 3600000 || run_ms > 3600000 || run_ms < 1000 || !less)
		return -EINVAL;
	for (leak = 0; leak < ARRAY_SIZE(leaks) && strcmp(leaks[leak], name); leak++)
		;
	if (leak == ARRAY_SIZE(leaks) && !strcmp(name, "none"))
		leak = NO_LEAK;
	else if (leak == ARRAY_SIZE(leaks))
		return -ENOENT;
	mutex_lock(&run_mutex);
	ret = start(index, leak, seed, warm_ms, run_ms, chance, less);
	mutex_unlock(&run_mutex);
	return ret ? ret : (ssize_t)size;
}

static int truth_show(struct seq_file *out, void *unused)
{
	unsigned int i;

	mutex_lock(&run_mutex);
	for (i = 0; i < WORLDS; i++)
		if (worlds[i])
			seq_printf(out, "%u %s %llu %u\n", i, worlds[i]->leak == NO_LEAK ? "none" : leaks[worlds[i]->leak],
				   worlds[i]->seed, READ_ONCE(worlds[i]->lost));
	mutex_unlock(&run_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(truth);

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.write = run_write,
};

static int __init archetypes_init(void)
{
	queue = alloc_workqueue("archetypes", WQ_UNBOUND, 0);
	if (!queue)
		return -ENOMEM;
	directory = debugfs_create_dir("archetypes", NULL);
	debugfs_create_file("run", 0200, directory, NULL, &run_fops);
	debugfs_create_file("truth", 0400, directory, NULL, &truth_fops);
	return 0;
}

/* kfree_rcu() gathers objects for up to five seconds; the caches cannot go before. */
static void __exit archetypes_exit(void)
{
	unsigned int i;

	debugfs_remove_recursive(directory);
	for (i = 0; i < WORLDS; i++)
		if (worlds[i])
			empty(worlds[i]);
	schedule_timeout_uninterruptible(6 * HZ);
	rcu_barrier();
	for (i = 0; i < WORLDS; i++) {
		if (!worlds[i])
			continue;
		kmem_cache_destroy(worlds[i]->cache);
		vfree(worlds[i]);
	}
	destroy_workqueue(queue);
}

module_init(archetypes_init);
module_exit(archetypes_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Call paths that leak and others that do not, for testing leak reports");
