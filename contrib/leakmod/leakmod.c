// SPDX-License-Identifier: GPL-2.0
/*
 * leakmod: takes and gives back slab objects by every function that the kernel has for it, as many as it is told, so that what a
 * recorder found can be compared with the truth. For test kernels (5.10 to 6.12); tests/vm/build-module builds it.
 *
 * In /sys/kernel/debug/leakmod:
 *   run         write "OPERATION KEEP CHURN": allocates KEEP + CHURN objects and frees CHURN of them again
 *   operations  their names
 *   truth       of all that was run since it was last read, a line for each allocating function: OPERATION FUNCTION CACHE LIVE FREED
 *               PENDING, and "OPERATION =COUNTER - VALUE 0 0" for what a recorder has to count
 *
 * A new operation is a row of the table at the end. What is kept is freed when the module is unloaded.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

/* Another build of the module: the same functions elsewhere. */
#ifdef LEAKMOD_SHIFTED
asm(".text\n.skip 208, 0x90\n");
#endif

#define KERNEL_HAS(major, minor) (LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0))

/* Of the 1 KiB class; another size for caches of our own, that no other cache has. */
#define KMALLOC_BYTES 1000
#define CACHE_BYTES 1352
#define AGAIN_BYTES 1416
#define TWIN_BYTES 1544
#define ORACLE_BYTES 1608
#define HUGE_BYTES (KMALLOC_MAX_SIZE / 2)
#define KEPT_MAX (1u << 18)
#define MANY_MAX 600
#define MANY 100
#define SITES_MAX 3

#if KERNEL_HAS(5, 14)
#define ACCOUNTED_CACHE "kmalloc-cg-1k"
#else
#define ACCOUNTED_CACHE "kmalloc-1k"
#endif

/* What becomes of the objects that a function allocates: KEEP + CHURN of them, but for NONE. */
enum fate {
	LIVES, /* KEEP are live at the end, CHURN are freed */
	DIES,  /* all are freed */
	PENDS, /* KEEP are live, CHURN wait for a grace period */
	NONE,  /* it allocates nothing */
	COUNTS, /* no function: a counter of the recorder, raised by KEEP + CHURN */
};

struct site {
	const char *function;
	const char *cache;
	enum fate fate;
};

struct operation {
	const char *name;
	struct site sites[SITES_MAX];
	/* One of each; or run, which does all of it. */
	void *(*alloc)(void);
	int (*alloc_many)(void **objects, unsigned int count);
	void (*free)(void *object);
	void (*free_many)(void **objects, unsigned int count);
	int (*run)(unsigned long keep, unsigned long churn);
	unsigned int many; /* objects at a time; 0: MANY */
	unsigned long kept, churned; /* since the truth was read */
};

/* Memory of our own comes from vmalloc(), so that it is no object of any cache. */
static void **kept_objects;
static atomic_t kept_count;
static struct kmem_cache *cache, *again, *twin_a, *twin_b, *huge, *oracle;
static char *template;
static size_t variable_bytes = KMALLOC_BYTES;
static unsigned long last_rcu_free; /* jiffies */
static DEFINE_MUTEX(run_mutex);
static struct dentry *directory;

static int keep_object(void *object)
{
	unsigned int place = (unsigned int)atomic_inc_return(&kept_count) - 1;

	if (place >= KEPT_MAX)
		return -ENOSPC;
	kept_objects[place] = object;
	return 0;
}

/* ---- allocating functions: one of its own for each operation, so that its name in a stack tells which it was ---- */

#define ALLOC(name, expression)                                       \
	static noinline __noclone void *leakmod_##name##_alloc(void) \
	{                                                             \
		return expression;                                    \
	}

ALLOC(kmem_cache, kmem_cache_alloc(cache, GFP_KERNEL))
ALLOC(kmem_cache_node, kmem_cache_alloc_node(cache, GFP_KERNEL, 0))
#if KERNEL_HAS(5, 18)
ALLOC(kmem_cache_lru, kmem_cache_alloc_lru(cache, NULL, GFP_KERNEL))
#endif
ALLOC(kfree_of_cache, kmem_cache_alloc(cache, GFP_KERNEL))
ALLOC(free_bulk, kmem_cache_alloc(cache, GFP_KERNEL))
ALLOC(free_bulk_long, kmem_cache_alloc(cache, GFP_KERNEL))
ALLOC(kmalloc, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(kmalloc_variable, kmalloc(READ_ONCE(variable_bytes), GFP_KERNEL))
ALLOC(kmalloc_node, kmalloc_node(KMALLOC_BYTES, GFP_KERNEL, 0))
ALLOC(kmalloc_node_variable, kmalloc_node(READ_ONCE(variable_bytes), GFP_KERNEL, 0))
ALLOC(kcalloc, kcalloc(READ_ONCE(variable_bytes) / 8, 8, GFP_KERNEL))
ALLOC(kmalloc_accounted, kmalloc(KMALLOC_BYTES, GFP_KERNEL_ACCOUNT))
ALLOC(kmalloc_accounted_variable, kmalloc(READ_ONCE(variable_bytes), GFP_KERNEL_ACCOUNT))
ALLOC(kmalloc_reclaimable, kmalloc(KMALLOC_BYTES, GFP_KERNEL | __GFP_RECLAIMABLE))
ALLOC(kmalloc_reclaimable_variable, kmalloc(READ_ONCE(variable_bytes), GFP_KERNEL | __GFP_RECLAIMABLE))
ALLOC(kmalloc_dma_variable, kmalloc(READ_ONCE(variable_bytes), GFP_KERNEL | GFP_DMA))
ALLOC(kmalloc_dma, kmalloc(KMALLOC_BYTES, GFP_KERNEL | GFP_DMA))
ALLOC(kmemdup, kmemdup(template, READ_ONCE(variable_bytes), GFP_KERNEL))
ALLOC(kstrdup, kstrdup(template, GFP_KERNEL))
ALLOC(kasprintf, kasprintf(GFP_KERNEL, "%s", template))
ALLOC(kvmalloc, kvmalloc(READ_ONCE(variable_bytes), GFP_KERNEL))
ALLOC(kfree_sensitive, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(kfree_null, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(kfree_bulk, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(kfree_rcu, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(kfree_rcu_offset, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(kvfree_rcu, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(kfree_rcu_pending, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(call_rcu, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(task_frees, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(worker_frees, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(timer_frees, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(hrtimer_frees, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(irq_work_frees, kmem_cache_alloc(cache, GFP_KERNEL))
ALLOC(other_cpu_frees, kmem_cache_alloc(cache, GFP_KERNEL))
ALLOC(again_before, kmem_cache_alloc(again, GFP_KERNEL))
ALLOC(again_after, kmem_cache_alloc(again, GFP_KERNEL))
ALLOC(twin_a, kmem_cache_alloc(twin_a, GFP_KERNEL))
ALLOC(twin_b, kmem_cache_alloc(twin_b, GFP_KERNEL))
ALLOC(filling, kmem_cache_alloc(huge, GFP_NOWAIT | __GFP_NOWARN))
ALLOC(failing, kmem_cache_alloc(huge, GFP_NOWAIT | __GFP_NOWARN))
ALLOC(too_large, kmalloc(2 * KMALLOC_MAX_SIZE + READ_ONCE(variable_bytes), GFP_KERNEL | __GFP_NOWARN))
ALLOC(oracle_first, kmem_cache_alloc(oracle, GFP_KERNEL))
ALLOC(oracle_second, kmem_cache_alloc(oracle, GFP_KERNEL))
ALLOC(migrating, kmalloc(READ_ONCE(variable_bytes), GFP_KERNEL))
ALLOC(interrupted, kmalloc(KMALLOC_BYTES, GFP_KERNEL))
ALLOC(interrupting, kmalloc(READ_ONCE(variable_bytes), GFP_ATOMIC))

#define REALLOC(name)                                                                     \
	static noinline __noclone void *leakmod_krealloc_##name(void *old, size_t bytes) \
	{                                                                                 \
		return krealloc(old, bytes, GFP_KERNEL);                                  \
	}

REALLOC(first)
REALLOC(in_place)
REALLOC(moved)

#define ALLOC_MANY(name)                                                                              \
	static noinline __noclone int leakmod_##name##_alloc(void **objects, unsigned int count)     \
	{                                                                                             \
		return kmem_cache_alloc_bulk(cache, GFP_KERNEL, count, objects) == (int)count ? 0 : -ENOMEM; \
	}

ALLOC_MANY(alloc_bulk)
ALLOC_MANY(alloc_bulk_100)
ALLOC_MANY(both_bulk)

/* ---- freeing functions ---- */

static void free_by_kfree(void *object)
{
	kfree(object);
}

static void free_by_kvfree(void *object)
{
	kvfree(object);
}

static void free_by_cache(void *object)
{
	kmem_cache_free(cache, object);
}

static void free_by_twin_a(void *object)
{
	kmem_cache_free(twin_a, object);
}

static void free_by_twin_b(void *object)
{
	kmem_cache_free(twin_b, object);
}

static void free_sensitive(void *object)
{
	kfree_sensitive(object);
}

static void free_and_null(void *object)
{
	kfree(NULL);
	kfree(object);
	kfree(ZERO_SIZE_PTR);
}

static void free_many_by_cache(void **objects, unsigned int count)
{
	kmem_cache_free_bulk(cache, count, objects);
}

static void free_many_by_kfree(void **objects, unsigned int count)
{
	kfree_bulk(count, objects);
}

struct head_first {
	struct rcu_head head;
};

struct head_later {
	char before[512];
	struct rcu_head head;
};

static void free_by_rcu(void *object)
{
	struct head_first *dying = object;

	last_rcu_free = jiffies;
	kfree_rcu(dying, head);
}

static void free_by_rcu_offset(void *object)
{
	struct head_later *dying = object;

	last_rcu_free = jiffies;
	kfree_rcu(dying, head);
}

static void free_by_rcu_without_head(void *object)
{
	last_rcu_free = jiffies;
#ifdef kvfree_rcu_mightsleep
	kvfree_rcu_mightsleep(object);
#else
	kvfree_rcu(object);
#endif
}

static void free_head(struct rcu_head *head)
{
	kfree(container_of(head, struct head_later, head));
}

static void free_by_callback(void *object)
{
	call_rcu(&((struct head_later *)object)->head, free_head);
}

/* Objects handed to somebody else, who frees them. */
struct handover {
	void **objects;
	unsigned int count;
	void (*free)(void *object);
	struct completion done;
	struct work_struct work;
	struct irq_work irq_work;
	struct timer_list timer;
	struct hrtimer hrtimer;
};

static void free_handed_over(struct handover *handover)
{
	for (unsigned int i = 0; i < handover->count; i++)
		handover->free(handover->objects[i]);
}

static void init_handover(struct handover *handover, void **objects, unsigned int count, void (*free)(void *object))
{
	handover->objects = objects;
	handover->count = count;
	handover->free = free;
	init_completion(&handover->done);
}

static int task_frees(void *context)
{
	struct handover *handover = context;

	free_handed_over(handover);
	complete(&handover->done);
	return 0;
}

static void free_many_by_task(void **objects, unsigned int count)
{
	struct handover handover;

	init_handover(&handover, objects, count, free_by_kfree);
	if (IS_ERR(kthread_run(task_frees, &handover, "leakmod_free")))
		free_handed_over(&handover);
	else
		wait_for_completion(&handover.done);
}

static void worker_frees(struct work_struct *work)
{
	free_handed_over(container_of(work, struct handover, work));
}

static void free_many_by_worker(void **objects, unsigned int count)
{
	struct handover handover;

	init_handover(&handover, objects, count, free_by_kfree);
	INIT_WORK_ONSTACK(&handover.work, worker_frees);
	schedule_work(&handover.work);
	flush_work(&handover.work);
	destroy_work_on_stack(&handover.work);
}

static void timer_frees(struct timer_list *timer)
{
	struct handover *handover = container_of(timer, struct handover, timer);

	free_handed_over(handover);
	complete(&handover->done);
}

static void free_many_by_timer(void **objects, unsigned int count)
{
	struct handover handover;

	init_handover(&handover, objects, count, free_by_kfree);
	timer_setup_on_stack(&handover.timer, timer_frees, 0);
	mod_timer(&handover.timer, jiffies + 1);
	wait_for_completion(&handover.done);
	del_timer_sync(&handover.timer);
	destroy_timer_on_stack(&handover.timer);
}

static enum hrtimer_restart hrtimer_frees(struct hrtimer *timer)
{
	struct handover *handover = container_of(timer, struct handover, hrtimer);

	free_handed_over(handover);
	complete(&handover->done);
	return HRTIMER_NORESTART;
}

static void free_many_by_hrtimer(void **objects, unsigned int count)
{
	struct handover handover;

	init_handover(&handover, objects, count, free_by_kfree);
	hrtimer_init_on_stack(&handover.hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	handover.hrtimer.function = hrtimer_frees;
	hrtimer_start(&handover.hrtimer, ns_to_ktime(50000), HRTIMER_MODE_REL_HARD);
	wait_for_completion(&handover.done);
	hrtimer_cancel(&handover.hrtimer);
	destroy_hrtimer_on_stack(&handover.hrtimer);
}

static void irq_work_frees(struct irq_work *work)
{
	free_handed_over(container_of(work, struct handover, irq_work));
}

static void free_many_by_irq_work(void **objects, unsigned int count)
{
	struct handover handover;

	init_handover(&handover, objects, count, free_by_cache);
	init_irq_work(&handover.irq_work, irq_work_frees);
	irq_work_queue(&handover.irq_work);
	irq_work_sync(&handover.irq_work);
}

static void other_cpu_frees(void *context)
{
	free_handed_over(context);
}

static void free_many_by_other_cpu(void **objects, unsigned int count)
{
	struct handover handover;
	int cpu = get_cpu();
	int other = (int)cpumask_any_but(cpu_online_mask, (unsigned int)cpu);

	init_handover(&handover, objects, count, free_by_cache);
	if (other >= (int)nr_cpu_ids || smp_call_function_single(other, other_cpu_frees, &handover, 1))
		free_handed_over(&handover);
	put_cpu();
}

/* ---- running ---- */

static int alloc_some(const struct operation *operation, void **objects, unsigned int count)
{
	unsigned int i;

	if (operation->alloc_many)
		return operation->alloc_many(objects, count);
	for (i = 0; i < count; i++) {
		objects[i] = operation->alloc();
		if (!objects[i])
			break;
	}
	if (i == count)
		return 0;
	while (i--)
		kfree(objects[i]);
	return -ENOMEM;
}

static void free_some(const struct operation *operation, void **objects, unsigned int count)
{
	if (operation->free_many) {
		operation->free_many(objects, count);
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		operation->free(objects[i]);
}

static int alloc_and_free(const struct operation *operation, unsigned long keep, unsigned long churn)
{
	static void *objects[MANY_MAX]; /* under run_mutex */
	unsigned int many = operation->many ? operation->many : MANY;
	unsigned int count;
	int ret = 0;

	for (; keep && !ret; keep -= count) {
		count = min_t(unsigned long, keep, many);
		ret = alloc_some(operation, objects, count);
		for (unsigned int i = 0; i < count && !ret; i++)
			ret = keep_object(objects[i]);
	}
	for (; churn && !ret; churn -= count) {
		count = min_t(unsigned long, churn, many);
		ret = alloc_some(operation, objects, count);
		if (!ret)
			free_some(operation, objects, count);
		cond_resched();
	}
	return ret;
}

/* In place as long as the class is the same, larger or smaller; then into the 2 KiB class. */
static int run_krealloc(unsigned long keep, unsigned long churn)
{
	int ret = 0;

	for (unsigned long i = 0; i < keep + churn && !ret; i++) {
		void *object = leakmod_krealloc_first(NULL, 600);

		if (object)
			object = leakmod_krealloc_in_place(object, KMALLOC_BYTES);
		if (object)
			object = leakmod_krealloc_in_place(object, 700);
		if (object)
			object = leakmod_krealloc_moved(object, 2 * KMALLOC_BYTES);
		if (!object)
			return -ENOMEM;
		if (i < keep)
			ret = keep_object(object);
		else
			leakmod_krealloc_in_place(object, 0);
	}
	return ret;
}

static struct kmem_cache *new_again(void)
{
	return kmem_cache_create("leakmod_again", AGAIN_BYTES, 0, 0, NULL);
}

/* The cache is emptied and destroyed, and another of the same name takes its place. */
static int run_cache_again(unsigned long keep, unsigned long churn)
{
	static int first, end; /* places of what was kept the last time: it goes first, or the cache cannot be destroyed */
	static struct operation before = {.alloc = leakmod_again_before_alloc, .free = free_by_kfree};
	static struct operation after = {.alloc = leakmod_again_after_alloc, .free = free_by_kfree};
	int ret = alloc_and_free(&before, 0, keep + churn);

	if (ret)
		return ret;
	for (; first < end; first++) {
		kfree(kept_objects[first]);
		kept_objects[first] = NULL;
	}
	kmem_cache_destroy(again);
	again = new_again();
	if (!again)
		return -ENOMEM;
	first = atomic_read(&kept_count);
	ret = alloc_and_free(&after, keep, churn);
	end = atomic_read(&kept_count);
	return ret;
}

/* Two caches that the kernel has merged. */
static int run_merged(unsigned long keep, unsigned long churn)
{
	static struct operation a = {.alloc = leakmod_twin_a_alloc, .free = free_by_twin_a};
	static struct operation b = {.alloc = leakmod_twin_b_alloc, .free = free_by_twin_b};
	int ret = alloc_and_free(&a, keep, churn);

	return ret ? ret : alloc_and_free(&b, keep, churn);
}

/* Takes all of the DMA zone that there is in such pieces; from then on each allocation fails. The first failure is one of KEEP. */
static int run_failing(unsigned long keep, unsigned long churn)
{
	void *objects[64];
	unsigned int count = 0;
	int ret = 0;

	while (count < ARRAY_SIZE(objects)) {
		objects[count] = leakmod_filling_alloc();
		if (!objects[count])
			break;
		count++;
	}
	if (count == ARRAY_SIZE(objects) || !keep)
		ret = -EINVAL;
	for (unsigned long i = 1; i < keep + churn && !ret; i++) {
		void *object = leakmod_failing_alloc();

		if (object) {
			kmem_cache_free(huge, object);
			ret = -EAGAIN;
		}
	}
	while (count--)
		kmem_cache_free(huge, objects[count]);
	kmem_cache_shrink(huge); /* a cache keeps some of its slabs, and others need the zone too */
	return ret;
}

/* Larger than any cache or page: fails before it comes to one. */
static int run_too_large(unsigned long keep, unsigned long churn)
{
	for (unsigned long i = 0; i < keep + churn; i++)
		if (leakmod_too_large_alloc())
			return -EINVAL;
	return 0;
}

struct migrant {
	unsigned long keep, churn;
	struct completion done;
	int ret;
};

static int migrant_works(void *context)
{
	struct migrant *migrant = context;

	for (unsigned long i = 0; i < migrant->keep + migrant->churn && !migrant->ret; i++) {
		void *object = leakmod_migrating_alloc();

		if (!object)
			migrant->ret = -ENOMEM;
		else if (i < migrant->keep)
			migrant->ret = keep_object(object);
		else
			kfree(object);
		cond_resched();
	}
	complete(&migrant->done);
	return 0;
}

/* Tasks that are moved from CPU to CPU while they allocate. */
static int run_migrating(unsigned long keep, unsigned long churn)
{
	static struct migrant migrants[8]; /* under run_mutex */
	struct task_struct *tasks[ARRAY_SIZE(migrants)];
	unsigned int alive = 0, cpu = 0;
	int ret = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(migrants); i++) {
		migrants[i] = (struct migrant){.keep = keep / ARRAY_SIZE(migrants) + (i < keep % ARRAY_SIZE(migrants)),
					       .churn = churn / ARRAY_SIZE(migrants) + (i < churn % ARRAY_SIZE(migrants))};
		init_completion(&migrants[i].done);
		tasks[i] = kthread_create(migrant_works, &migrants[i], "leakmod_%u", i);
		if (IS_ERR(tasks[i])) {
			complete(&migrants[i].done);
			ret = PTR_ERR(tasks[i]);
			tasks[i] = NULL;
			continue;
		}
		get_task_struct(tasks[i]);
		wake_up_process(tasks[i]);
	}
	do {
		alive = 0;
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		for (unsigned int i = 0; i < ARRAY_SIZE(migrants); i++) {
			if (!tasks[i] || completion_done(&migrants[i].done))
				continue;
			alive++;
			set_cpus_allowed_ptr(tasks[i], cpumask_of(cpu));
		}
		usleep_range(50, 100);
	} while (alive);
	for (unsigned int i = 0; i < ARRAY_SIZE(migrants); i++) {
		ret = ret ? ret : migrants[i].ret;
		if (tasks[i])
			put_task_struct(tasks[i]);
	}
	return ret;
}

/*
 * An interrupt that comes upon a task which allocates: it frees what the task has handed to it and allocates and frees objects of its
 * own, with luck while a probe of the task's is being handled.
 */
static struct {
	struct hrtimer timer;
	void *handed[256]; /* a ring; the task writes at head, the interrupt reads at tail */
	unsigned int head, tail;
	unsigned long keep, todo;
	void *mine;
	struct completion done;
	int ret;
} interrupt;

static enum hrtimer_restart interrupt_works(struct hrtimer *timer)
{
	void *object = NULL;

	for (unsigned int i = 0; i < 4 && interrupt.tail != smp_load_acquire(&interrupt.head); i++) {
		kfree(interrupt.handed[interrupt.tail % ARRAY_SIZE(interrupt.handed)]);
		smp_store_release(&interrupt.tail, interrupt.tail + 1);
	}
	kfree(interrupt.mine);
	interrupt.mine = NULL;
	if (interrupt.todo) {
		object = leakmod_interrupting_alloc();
		if (!object)
			interrupt.ret = -ENOMEM;
		if (interrupt.keep) {
			interrupt.keep--;
			interrupt.ret = keep_object(object);
		} else {
			interrupt.mine = object;
		}
		interrupt.todo--;
	} else {
		complete(&interrupt.done);
		return HRTIMER_NORESTART;
	}
	hrtimer_forward_now(timer, ns_to_ktime(150000));
	return HRTIMER_RESTART;
}

static int run_interrupted(unsigned long keep, unsigned long churn)
{
	int ret = 0;

	interrupt.head = interrupt.tail = 0;
	interrupt.keep = keep;
	interrupt.todo = keep + churn;
	interrupt.mine = NULL;
	interrupt.ret = 0;
	init_completion(&interrupt.done);
	hrtimer_init(&interrupt.timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	interrupt.timer.function = interrupt_works;
	hrtimer_start(&interrupt.timer, ns_to_ktime(150000), HRTIMER_MODE_REL_HARD);
	for (unsigned long i = 0; i < keep + churn && !ret; i++) {
		void *object = leakmod_interrupted_alloc();

		if (!object)
			ret = -ENOMEM;
		else if (i < keep)
			ret = keep_object(object);
		else if (i % 2 || interrupt.head - smp_load_acquire(&interrupt.tail) == ARRAY_SIZE(interrupt.handed))
			kfree(object);
		else {
			interrupt.handed[interrupt.head % ARRAY_SIZE(interrupt.handed)] = object;
			smp_store_release(&interrupt.head, interrupt.head + 1);
		}
		cond_resched();
	}
	wait_for_completion(&interrupt.done);
	hrtimer_cancel(&interrupt.timer);
	for (; interrupt.tail != interrupt.head; interrupt.tail++)
		kfree(interrupt.handed[interrupt.tail % ARRAY_SIZE(interrupt.handed)]);
	return ret ? ret : interrupt.ret;
}

/*
 * A reader that stays in its critical section for CHURN ms: no grace period ends before. For the end of a recording: what is handed
 * to kfree_rcu() then stays pending.
 */
static DECLARE_COMPLETION(reader_started);

static int reader_stays(void *context)
{
	unsigned long end;

	rcu_read_lock();
	end = jiffies + msecs_to_jiffies((unsigned long)context);
	complete(&reader_started);
	while (time_before(jiffies, end))
		cpu_relax();
	rcu_read_unlock();
	return 0;
}

static int run_reader(unsigned long keep, unsigned long churn)
{
	struct task_struct *task;

	reinit_completion(&reader_started);
	task = kthread_run(reader_stays, (void *)churn, "leakmod_reader");
	if (IS_ERR(task))
		return PTR_ERR(task);
	wait_for_completion(&reader_started);
	return 0;
}

/* Returns when all that was handed to kfree_rcu() and call_rcu() is freed: such objects are gathered for up to five seconds. */
static int run_settle(unsigned long keep, unsigned long churn)
{
#if KERNEL_HAS(6, 12)
	kvfree_rcu_barrier();
#else
	unsigned long gathered = KERNEL_HAS(6, 1) ? 5 * HZ : HZ / 50;

	while (time_before(jiffies, last_rcu_free + gathered + HZ / 2))
		msleep(20);
	rcu_barrier();
	msleep(100);
#endif
	rcu_barrier();
	return 0;
}

#if KERNEL_HAS(6, 11)
static kmem_buckets *buckets;
ALLOC(buckets, kmem_buckets_alloc(buckets, READ_ONCE(variable_bytes), GFP_KERNEL))
#endif

/* ---- the table ---- */

#define LIVE(name, from) {{"leakmod_" #name "_alloc", from, LIVES}}
#define OWN "leakmod"
#define KMALLOC "kmalloc-1k"

static struct operation operations[] = {
	/* RCU first: what is freed after a grace period is done when the others are. */
	{"kfree_rcu", LIVE(kfree_rcu, KMALLOC), .alloc = leakmod_kfree_rcu_alloc, .free = free_by_rcu},
	{"kfree_rcu_offset", LIVE(kfree_rcu_offset, KMALLOC), .alloc = leakmod_kfree_rcu_offset_alloc, .free = free_by_rcu_offset},
	{"kvfree_rcu", LIVE(kvfree_rcu, KMALLOC), .alloc = leakmod_kvfree_rcu_alloc, .free = free_by_rcu_without_head},
	{"call_rcu", LIVE(call_rcu, KMALLOC), .alloc = leakmod_call_rcu_alloc, .free = free_by_callback},

	{"kmem_cache", LIVE(kmem_cache, OWN), .alloc = leakmod_kmem_cache_alloc, .free = free_by_cache},
	{"kmem_cache_node", LIVE(kmem_cache_node, OWN), .alloc = leakmod_kmem_cache_node_alloc, .free = free_by_cache},
#if KERNEL_HAS(5, 18)
	{"kmem_cache_lru", LIVE(kmem_cache_lru, OWN), .alloc = leakmod_kmem_cache_lru_alloc, .free = free_by_cache},
#endif
	{"kfree_of_cache", LIVE(kfree_of_cache, OWN), .alloc = leakmod_kfree_of_cache_alloc, .free = free_by_kfree},
	{"alloc_bulk", LIVE(alloc_bulk, OWN), .alloc_many = leakmod_alloc_bulk_alloc, .free = free_by_cache, .many = 16},
	{"alloc_bulk_100", LIVE(alloc_bulk_100, OWN), .alloc_many = leakmod_alloc_bulk_100_alloc, .free = free_by_cache},
	{"free_bulk", LIVE(free_bulk, OWN), .alloc = leakmod_free_bulk_alloc, .free_many = free_many_by_cache},
	{"free_bulk_long", LIVE(free_bulk_long, OWN), .alloc = leakmod_free_bulk_long_alloc, .free_many = free_many_by_cache,
	 .many = 600},
	{"both_bulk", LIVE(both_bulk, OWN), .alloc_many = leakmod_both_bulk_alloc, .free_many = free_many_by_cache, .many = 16},

	{"kmalloc", LIVE(kmalloc, KMALLOC), .alloc = leakmod_kmalloc_alloc, .free = free_by_kfree},
	{"kmalloc_variable", LIVE(kmalloc_variable, KMALLOC), .alloc = leakmod_kmalloc_variable_alloc, .free = free_by_kfree},
	{"kmalloc_node", LIVE(kmalloc_node, KMALLOC), .alloc = leakmod_kmalloc_node_alloc, .free = free_by_kfree},
	{"kmalloc_node_variable", LIVE(kmalloc_node_variable, KMALLOC), .alloc = leakmod_kmalloc_node_variable_alloc,
	 .free = free_by_kfree},
	{"kcalloc", LIVE(kcalloc, KMALLOC), .alloc = leakmod_kcalloc_alloc, .free = free_by_kfree},
	{"kmalloc_accounted", LIVE(kmalloc_accounted, ACCOUNTED_CACHE), .alloc = leakmod_kmalloc_accounted_alloc,
	 .free = free_by_kfree},
	{"kmalloc_accounted_variable", LIVE(kmalloc_accounted_variable, ACCOUNTED_CACHE),
	 .alloc = leakmod_kmalloc_accounted_variable_alloc, .free = free_by_kfree},
	{"kmalloc_reclaimable", LIVE(kmalloc_reclaimable, "kmalloc-rcl-1k"), .alloc = leakmod_kmalloc_reclaimable_alloc,
	 .free = free_by_kfree},
	{"kmalloc_reclaimable_variable", LIVE(kmalloc_reclaimable_variable, "kmalloc-rcl-1k"),
	 .alloc = leakmod_kmalloc_reclaimable_variable_alloc, .free = free_by_kfree},
	{"kmalloc_dma_variable", LIVE(kmalloc_dma_variable, "dma-kmalloc-1k"), .alloc = leakmod_kmalloc_dma_variable_alloc,
	 .free = free_by_kfree},
	{"kmalloc_dma", LIVE(kmalloc_dma, "dma-kmalloc-1k"), .alloc = leakmod_kmalloc_dma_alloc, .free = free_by_kfree},
	{"kmemdup", LIVE(kmemdup, KMALLOC), .alloc = leakmod_kmemdup_alloc, .free = free_by_kfree},
	{"kstrdup", LIVE(kstrdup, KMALLOC), .alloc = leakmod_kstrdup_alloc, .free = free_by_kfree},
	{"kasprintf", LIVE(kasprintf, KMALLOC), .alloc = leakmod_kasprintf_alloc, .free = free_by_kfree},
	{"kvmalloc", LIVE(kvmalloc, KMALLOC), .alloc = leakmod_kvmalloc_alloc, .free = free_by_kvfree},
	{"krealloc", {{"leakmod_krealloc_first", KMALLOC, DIES}, {"leakmod_krealloc_in_place", KMALLOC, NONE},
		      {"leakmod_krealloc_moved", "kmalloc-2k", LIVES}}, .run = run_krealloc},
	{"kfree_sensitive", LIVE(kfree_sensitive, KMALLOC), .alloc = leakmod_kfree_sensitive_alloc, .free = free_sensitive},
	{"kfree_null", LIVE(kfree_null, KMALLOC), .alloc = leakmod_kfree_null_alloc, .free = free_and_null},
	{"kfree_bulk", LIVE(kfree_bulk, KMALLOC), .alloc = leakmod_kfree_bulk_alloc, .free_many = free_many_by_kfree},
#if KERNEL_HAS(6, 11)
	{"buckets", LIVE(buckets, "leakmod_set-1k"), .alloc = leakmod_buckets_alloc, .free = free_by_kfree},
#endif

	{"task_frees", LIVE(task_frees, KMALLOC), .alloc = leakmod_task_frees_alloc, .free_many = free_many_by_task},
	{"worker_frees", LIVE(worker_frees, KMALLOC), .alloc = leakmod_worker_frees_alloc, .free_many = free_many_by_worker},
	{"timer_frees", LIVE(timer_frees, KMALLOC), .alloc = leakmod_timer_frees_alloc, .free_many = free_many_by_timer},
	{"hrtimer_frees", LIVE(hrtimer_frees, KMALLOC), .alloc = leakmod_hrtimer_frees_alloc, .free_many = free_many_by_hrtimer},
	{"irq_work_frees", LIVE(irq_work_frees, OWN), .alloc = leakmod_irq_work_frees_alloc, .free_many = free_many_by_irq_work},
	{"other_cpu_frees", LIVE(other_cpu_frees, OWN), .alloc = leakmod_other_cpu_frees_alloc,
	 .free_many = free_many_by_other_cpu},

	{"cache_again", {{"leakmod_again_before_alloc", "leakmod_again", DIES}, {"leakmod_again_after_alloc", "leakmod_again", LIVES}},
	 .run = run_cache_again},
	{"merged", {{"leakmod_twin_a_alloc", "leakmod_twin_a", LIVES}, {"leakmod_twin_b_alloc", "leakmod_twin_a", LIVES}},
	 .run = run_merged},
	{"failing", {{"leakmod_failing_alloc", "leakmod_huge", NONE}, {"=failed_allocs", "-", COUNTS}}, .run = run_failing},
	/* A cache to be booted with slub_debug=U: the kernel then tells itself who holds its objects. */
	{"oracle_first", LIVE(oracle_first, "leakmod_oracle"), .alloc = leakmod_oracle_first_alloc, .free = free_by_kfree},
	{"oracle_second", LIVE(oracle_second, "leakmod_oracle"), .alloc = leakmod_oracle_second_alloc, .free = free_by_kfree},
	{"too_large", {{"leakmod_too_large_alloc", KMALLOC, NONE}}, .run = run_too_large},
	{"migrating", LIVE(migrating, KMALLOC), .run = run_migrating},
	{"interrupted", {{"leakmod_interrupted_alloc", KMALLOC, LIVES}, {"leakmod_interrupting_alloc", KMALLOC, LIVES}},
	 .run = run_interrupted},

	/* For the order of things rather than for objects. */
	{"settle", .run = run_settle},
	{"reader", .run = run_reader},
	{"kfree_rcu_pending", {{"leakmod_kfree_rcu_pending_alloc", KMALLOC, PENDS}}, .alloc = leakmod_kfree_rcu_pending_alloc,
	 .free = free_by_rcu},
};

static struct operation *find_operation(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(operations); i++)
		if (!strcmp(operations[i].name, name))
			return &operations[i];
	return NULL;
}

static ssize_t run_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char text[96], name[64];
	unsigned long keep, churn;
	struct operation *operation;
	int ret;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, size))
		return -EFAULT;
	text[size] = '\0';
	if (sscanf(text, "%63s %lu %lu", name, &keep, &churn) != 3)
		return -EINVAL;
	operation = find_operation(name);
	if (!operation)
		return -ENOENT;
	mutex_lock(&run_mutex);
	ret = operation->run ? operation->run(keep, churn) : alloc_and_free(operation, keep, churn);
	operation->kept += keep;
	operation->churned += churn;
	mutex_unlock(&run_mutex);
	return ret ? ret : (ssize_t)size;
}

static int operations_show(struct seq_file *out, void *unused)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(operations); i++)
		if (operations[i].sites[0].function)
			seq_printf(out, "%s\n", operations[i].name);
	return 0;
}

static void show_site(struct seq_file *out, const struct operation *operation, const struct site *site)
{
	unsigned long live = 0, freed = 0, pending = 0;

	if (site->fate == LIVES || site->fate == PENDS)
		live = operation->kept;
	if (site->fate == LIVES)
		freed = operation->churned;
	if (site->fate == PENDS)
		pending = operation->churned;
	if (site->fate == DIES)
		freed = operation->kept + operation->churned;
	if (site->fate == COUNTS)
		live = operation->kept + operation->churned;
	seq_printf(out, "%s %s %s %lu %lu %lu\n", operation->name, site->function, site->cache, live, freed, pending);
}

static int truth_show(struct seq_file *out, void *unused)
{
	mutex_lock(&run_mutex);
	for (unsigned int i = 0; i < ARRAY_SIZE(operations); i++)
		for (unsigned int j = 0; j < SITES_MAX && operations[i].sites[j].function; j++)
			if (operations[i].kept || operations[i].churned)
				show_site(out, &operations[i], &operations[i].sites[j]);
	for (unsigned int i = 0; i < ARRAY_SIZE(operations); i++)
		operations[i].kept = operations[i].churned = 0;
	mutex_unlock(&run_mutex);
	return 0;
}

DEFINE_SHOW_ATTRIBUTE(operations);
DEFINE_SHOW_ATTRIBUTE(truth);

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = run_write,
};

/* Frees what was kept: kfree() knows the objects of every cache. */
static void release(void)
{
	unsigned int count = min_t(unsigned int, (unsigned int)atomic_read(&kept_count), KEPT_MAX);

	while (kept_objects && count--)
		kfree(kept_objects[count]);
	rcu_barrier();
	kmem_cache_destroy(oracle);
	kmem_cache_destroy(huge);
	kmem_cache_destroy(twin_b);
	kmem_cache_destroy(twin_a);
	kmem_cache_destroy(again);
	kmem_cache_destroy(cache);
	vfree(kept_objects);
	vfree(template);
}

/* A cache with a constructor is merged with no other. */
static void construct(void *object)
{
}

static int __init leakmod_init(void)
{
	kept_objects = vmalloc(KEPT_MAX * sizeof(*kept_objects));
	template = vmalloc(KMALLOC_BYTES);
	cache = kmem_cache_create("leakmod", CACHE_BYTES, 0, 0, construct);
	again = new_again();
	twin_a = kmem_cache_create("leakmod_twin_a", TWIN_BYTES, 0, 0, NULL);
	twin_b = kmem_cache_create("leakmod_twin_b", TWIN_BYTES, 0, 0, NULL);
	oracle = kmem_cache_create("leakmod_oracle", ORACLE_BYTES, 0, 0, construct);
	huge = kmem_cache_create("leakmod_huge", HUGE_BYTES, 0, SLAB_CACHE_DMA, NULL);
#if KERNEL_HAS(6, 11)
	buckets = kmem_buckets_create("leakmod_set", 0, 0, INT_MAX, NULL);
#endif
	if (!kept_objects || !template || !cache || !again || !twin_a || !twin_b || !oracle || !huge) {
		release();
		return -ENOMEM;
	}
	memset(template, 'x', KMALLOC_BYTES - 1);
	template[KMALLOC_BYTES - 1] = '\0';
	directory = debugfs_create_dir("leakmod", NULL);
	debugfs_create_file("run", 0200, directory, NULL, &run_fops);
	debugfs_create_file("operations", 0400, directory, NULL, &operations_fops);
	debugfs_create_file("truth", 0400, directory, NULL, &truth_fops);
	return 0;
}

static void __exit leakmod_exit(void)
{
	debugfs_remove_recursive(directory);
	release();
}

module_init(leakmod_init);
module_exit(leakmod_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("takes and gives back slab objects in every way, for tests of slabrec");
