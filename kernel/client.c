// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drivers that serve endpoints on named devices.
 *
 * A driver's remove() may wait for a burst, and so for a VMM. It is called
 * without a lock of this module, so that it only delays the task that deletes
 * the device, or unregisters the driver. The task that deletes the device holds
 * generic netlink's lock for reading, but that device has no VMM.
 */
#include <linux/export.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "internal.h"

/**
 * struct client_dev - a device that a client serves
 * @client: the client
 * @rdev: the device, referenced
 * @going: the task that has set this calls the client's remove() and frees this
 * @client_node: in client->devs
 * @dev_node: in rdev->clients
 *
 * All members are protected by clients_lock.
 */
struct client_dev {
	struct vhost_rpmsg_client *client;
	struct vrpmsg_dev *rdev;
	bool going;
	struct list_head client_node;
	struct list_head dev_node;
};

/* Protects clients, new devices, and struct client_dev; held during add(). */
static DEFINE_MUTEX(clients_lock);
static LIST_HEAD(clients);
/* For tasks that wait until remove() has returned in another task. */
static DECLARE_WAIT_QUEUE_HEAD(clients_wait);

static bool client_wants(const struct vhost_rpmsg_client *client,
			 const char *name)
{
	return !client->name || !strcmp(client->name, name);
}

static struct client_dev *client_alloc(struct vhost_rpmsg_client *client,
				       struct vrpmsg_dev *rdev)
{
	struct client_dev *cd = kzalloc(sizeof(*cd), GFP_KERNEL);

	if (!cd)
		return NULL;
	cd->client = client;
	cd->rdev = vrpmsg_dev_get(rdev);
	INIT_LIST_HEAD(&cd->client_node);
	return cd;
}

static void client_free(struct client_dev *cd)
{
	vrpmsg_dev_put(cd->rdev);
	kfree(cd);
}

/* Offer a device to its client. */
static void client_offer(struct client_dev *cd)
{
	lockdep_assert_held(&clients_lock);
	if (cd->client->add(cd->client, cd->rdev)) {
		client_free(cd);
		return;
	}
	list_add_tail(&cd->client_node, &cd->client->devs);
	list_add_tail(&cd->dev_node, &cd->rdev->clients);
}

/* Call the client's remove() for a device, after @cd->going has been set. */
static void client_remove(struct client_dev *cd)
{
	cd->client->remove(cd->client, cd->rdev);
	mutex_lock(&clients_lock);
	list_del(&cd->client_node);
	list_del(&cd->dev_node);
	mutex_unlock(&clients_lock);
	wake_up_all(&clients_wait);
	client_free(cd);
}

/* Wait until all remove() calls for a list have returned. */
static void client_wait(const struct list_head *list)
{
	wait_event(clients_wait, list_empty_careful(list));
	/* Wait for the task that emptied the list to unlock. */
	mutex_lock(&clients_lock);
	mutex_unlock(&clients_lock);
}

/**
 * vrpmsg_clients_register_dev - add a device to the table and offer it to
 * clients
 * @rdev: as for vrpmsg_dev_register()
 * @cfg: likewise; a device without settings is not offered to clients
 *
 * Return: as vrpmsg_dev_register().
 */
int vrpmsg_clients_register_dev(struct vrpmsg_dev *rdev,
				const struct vrpmsg_dev_config *cfg)
{
	struct vhost_rpmsg_client *client;
	struct client_dev *cd, *next;
	LIST_HEAD(wanted);
	int err = 0;

	if (!cfg)
		return vrpmsg_dev_register(rdev, NULL);

	guard(mutex)(&clients_lock);
	/* Do first what can fail. */
	list_for_each_entry(client, &clients, node) {
		if (!client_wants(client, cfg->name))
			continue;
		cd = client_alloc(client, rdev);
		if (!cd) {
			err = -ENOMEM;
			break;
		}
		list_add_tail(&cd->dev_node, &wanted);
	}
	if (!err)
		err = vrpmsg_dev_register(rdev, cfg);
	list_for_each_entry_safe(cd, next, &wanted, dev_node) {
		list_del(&cd->dev_node);
		if (err)
			client_free(cd);
		else
			client_offer(cd);
	}
	return err;
}

static struct client_dev *client_take_one_of_dev(struct vrpmsg_dev *rdev)
{
	struct client_dev *cd;

	guard(mutex)(&clients_lock);
	list_for_each_entry(cd, &rdev->clients, dev_node) {
		if (cd->going)
			continue;
		cd->going = true;
		return cd;
	}
	return NULL;
}

/* Remove a dead device from all clients. None adds endpoints after this. */
void vrpmsg_clients_remove_dev(struct vrpmsg_dev *rdev)
{
	struct client_dev *cd;

	if (!rdev->persistent)
		return;
	while ((cd = client_take_one_of_dev(rdev)))
		client_remove(cd);
	client_wait(&rdev->clients);
}

static struct client_dev *client_take_one(struct vhost_rpmsg_client *client)
{
	struct client_dev *cd;

	guard(mutex)(&clients_lock);
	list_for_each_entry(cd, &client->devs, client_node) {
		if (cd->going)
			continue;
		cd->going = true;
		return cd;
	}
	return NULL;
}

/* Offer all existing devices to a new client. */
static int client_offer_all(struct vhost_rpmsg_client *client)
{
	struct vrpmsg_dev *rdev;
	struct client_dev *cd;
	u32 id = 0;

	lockdep_assert_held(&clients_lock);
	while ((rdev = vrpmsg_dev_get_next(id))) {
		id = rdev->id;
		cd = NULL;
		if (rdev->persistent && client_wants(client, rdev->name)) {
			cd = client_alloc(client, rdev);
			if (!cd) {
				vrpmsg_dev_put(rdev);
				return -ENOMEM;
			}
		}
		vrpmsg_dev_put(rdev);
		if (cd)
			client_offer(cd);
	}
	return 0;
}

/**
 * vhost_rpmsg_register_client - register a driver that serves named devices
 * @client: name and callbacks; must stay valid until it is unregistered
 *
 * add() is called for each existing device before this returns, and for each
 * new device when it is created.
 *
 * Context: Process context; may sleep. Not from add() or remove(), nor with a
 * lock held that these take.
 * Return: 0; -EINVAL: no add() or no remove(); -ENOMEM.
 */
int vhost_rpmsg_register_client(struct vhost_rpmsg_client *client)
{
	int err;

	if (!client->add || !client->remove)
		return -EINVAL;
	INIT_LIST_HEAD(&client->devs);
	mutex_lock(&clients_lock);
	list_add_tail(&client->node, &clients);
	err = client_offer_all(client);
	mutex_unlock(&clients_lock);
	if (err)
		vhost_rpmsg_unregister_client(client);
	return err;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_register_client);

/**
 * vhost_rpmsg_unregister_client - unregister a driver
 * @client: the client; none of its callbacks runs after this returns, nor
 *	ops->release of endpoints for whose calls remove() has waited
 *
 * remove() is called for each of the client's devices, possibly while a guest
 * communicates with its endpoints. A driver's exit() must call this first.
 *
 * Context: as vhost_rpmsg_register_client().
 */
void vhost_rpmsg_unregister_client(struct vhost_rpmsg_client *client)
{
	struct client_dev *cd;

	mutex_lock(&clients_lock);
	list_del(&client->node);
	mutex_unlock(&clients_lock);
	while ((cd = client_take_one(client)))
		client_remove(cd);
	client_wait(&client->devs);
	vrpmsg_ept_wait_releases();
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_unregister_client);
