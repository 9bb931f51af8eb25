// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cache of messages for each open endpoint, so that a burst does not call the
 * allocator, which clears and charges memory, for each message. The memory is
 * freed after a second without traffic, after ten seconds in any case, under
 * memory pressure, and at the last close.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "internal.h"
#include "spare.h"

/* How often to check for traffic, and when to free idle memory. */
#define SPARE_LOOK	(HZ / 4)
#define SPARE_TIME	HZ
/* A few messages a second must not keep the memory of many. */
#define SPARE_MAX_TIME	(10 * HZ)

/* Caches that hold memory. The lock nests inside the endpoints' locks. */
static LIST_HEAD(spares);
static DEFINE_SPINLOCK(spares_lock);

/* Move all memory to @pool. Context: the endpoint's lock held. */
static void spare_take(struct vrpmsg_spare *spare, struct vrpmsg_pool *pool)
{
	struct vrpmsg_msg *next = xchg(&spare->tx_next, NULL);

	lockdep_assert_held(spare->lock);
	if (next)
		vrpmsg_pool_put(pool, next);
	vrpmsg_pool_splice(pool, &spare->rx);
	vrpmsg_pool_splice(pool, &spare->tx);
}

static void spare_age(struct work_struct *work)
{
	struct vrpmsg_spare *spare =
		container_of(to_delayed_work(work), struct vrpmsg_spare, age);
	struct vrpmsg_pool pool = {};

	spin_lock(spare->lock);
	if (time_before(jiffies, spare->used + SPARE_TIME) &&
	    time_before(jiffies, spare->since + SPARE_MAX_TIME)) {
		schedule_delayed_work(&spare->age, SPARE_LOOK);
	} else {
		spare_take(spare, &pool);
		spare->kept = false;
		spin_lock(&spares_lock);
		list_del(&spare->node);
		spin_unlock(&spares_lock);
	}
	spin_unlock(spare->lock);
	/* There may be too many for this per-CPU work. */
	vrpmsg_pool_free_later(&pool);
}

/**
 * vrpmsg_spare_new - allocate the cache of an endpoint that is opened
 * @lock: the endpoint's lock
 *
 * Return: an empty cache, or NULL.
 */
struct vrpmsg_spare *vrpmsg_spare_new(spinlock_t *lock)
{
	struct vrpmsg_spare *spare;

	spare = kzalloc(sizeof(*spare), VRPMSG_GFP_LOCKED);
	if (!spare)
		return NULL;
	spare->lock = lock;
	INIT_DELAYED_WORK(&spare->age, spare_age);
	return spare;
}

/* Free a cache that is not, or no longer, shared. @spare may be NULL. */
void vrpmsg_spare_free(struct vrpmsg_spare *spare)
{
	struct vrpmsg_pool pool = {};

	if (!spare)
		return;
	cancel_delayed_work_sync(&spare->age);
	spin_lock(spare->lock);
	spare_take(spare, &pool);
	if (spare->kept) {
		spin_lock(&spares_lock);
		list_del(&spare->node);
		spin_unlock(&spares_lock);
	}
	spin_unlock(spare->lock);
	vrpmsg_pool_free(&pool);
	kfree(spare);
}

static void spare_keep(struct vrpmsg_spare *spare)
{
	if (spare->kept)
		return;
	spare->kept = true;
	spare->since = jiffies;
	spin_lock(&spares_lock);
	list_add(&spare->node, &spares);
	spin_unlock(&spares_lock);
	schedule_delayed_work(&spare->age, SPARE_TIME);
}

/**
 * vrpmsg_spare_put - keep memory for later messages
 * @spare: of the endpoint
 * @to: @spare->rx or @spare->tx
 * @from: the memory; left unchanged if it exceeds the limit, for the caller to
 *	free
 * @limit: maximum size of @to, in bytes
 *
 * Context: The endpoint's lock held.
 */
void vrpmsg_spare_put(struct vrpmsg_spare *spare, struct vrpmsg_pool *to,
		      struct vrpmsg_pool *from, size_t limit)
{
	lockdep_assert_held(spare->lock);
	spare->used = jiffies;
	if (!from->bytes || to->bytes + from->bytes > limit)
		return;
	vrpmsg_pool_splice(to, from);
	spare_keep(spare);
}

/* The same for one message. Returns false if the caller must free it. */
bool vrpmsg_spare_put_msg(struct vrpmsg_spare *spare, struct vrpmsg_pool *to,
			  struct vrpmsg_msg *msg, size_t limit)
{
	lockdep_assert_held(spare->lock);
	spare->used = jiffies;
	if (to->bytes + vrpmsg_msg_size(msg) > limit)
		return false;
	vrpmsg_pool_put(to, msg);
	spare_keep(spare);
	return true;
}

/**
 * vrpmsg_spare_next - get memory for a message to the guest
 * @spare: cache of the endpoint
 * @len: length of the payload, in bytes
 *
 * Context: The endpoint's lock not held.
 * Return: the message, or NULL.
 */
struct vrpmsg_msg *vrpmsg_spare_next(struct vrpmsg_spare *spare, size_t len)
{
	struct vrpmsg_msg *msg;

	if (!READ_ONCE(spare->tx_next))
		return NULL;
	msg = xchg(&spare->tx_next, NULL);
	if (!msg)
		return NULL;
	if (vrpmsg_msg_fits(msg, len)) {
		msg->len = len;
		return msg;
	}
	/* The size of messages has changed. */
	spin_lock(spare->lock);
	vrpmsg_pool_put(&spare->tx, msg);
	msg = vrpmsg_pool_get(&spare->tx, len);
	spin_unlock(spare->lock);
	return msg;
}

/*
 * Prepare a message for the next write(), which probably has the same length.
 * Context: the endpoint's lock held.
 */
void vrpmsg_spare_set_next(struct vrpmsg_spare *spare, size_t len)
{
	lockdep_assert_held(spare->lock);
	if (READ_ONCE(spare->tx_next))
		return;
	/* Set with the lock held. Pairs with xchg() in vrpmsg_spare_next(). */
	smp_store_release(&spare->tx_next, vrpmsg_pool_get(&spare->tx, len));
}

/* Objects for the shrinker: messages of the size that Linux guests send. */
#define SPARE_OBJECT	512

static unsigned long spare_count(struct shrinker *shrinker,
				 struct shrink_control *sc)
{
	struct vrpmsg_spare *spare;
	unsigned long bytes = 0;

	spin_lock(&spares_lock);
	list_for_each_entry(spare, &spares, node)
		bytes +=
			READ_ONCE(spare->rx.bytes) + READ_ONCE(spare->tx.bytes);
	spin_unlock(&spares_lock);
	return bytes / SPARE_OBJECT ?: SHRINK_EMPTY;
}

static unsigned long spare_scan(struct shrinker *shrinker,
				struct shrink_control *sc)
{
	unsigned long freed = 0;
	struct vrpmsg_pool pool = {};
	struct vrpmsg_spare *spare;

	spin_lock(&spares_lock);
	list_for_each_entry(spare, &spares, node) {
		if (pool.bytes / SPARE_OBJECT >= sc->nr_to_scan)
			break;
		/* Reverse lock order: trylock. A busy endpoint needs it. */
		if (spin_trylock(spare->lock)) {
			spare_take(spare, &pool);
			spin_unlock(spare->lock);
		}
	}
	spin_unlock(&spares_lock);
	freed = pool.bytes / SPARE_OBJECT;
	vrpmsg_pool_free(&pool);
	return freed ?: SHRINK_STOP;
}

static struct shrinker *spare_shrinker;

int vrpmsg_spare_register(void)
{
	spare_shrinker =
		vrpmsg_shrinker_new("vhost_rpmsg", spare_count, spare_scan);
	return spare_shrinker ? 0 : -ENOMEM;
}

void vrpmsg_spare_unregister(void)
{
	vrpmsg_shrinker_free(spare_shrinker);
}
