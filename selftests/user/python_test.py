#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Test the Python package vhostrpmsg in a VM with the module; prints TAP."""
import asyncio
import errno
import fcntl
import gc
import glob
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import unittest

import vhostrpmsg

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))

import tap                           # noqa: E402
from guest import Guest, wait_for    # noqa: E402

DEV = "python"
REMOTE = 600
USER = 65534
# A driver of the host that adds an endpoint to a device on request.
DRIVER = "/dev/vhost-rpmsg-named"
DRIVER_KO = os.environ.get("VRPMSG_KCLIENT_KO")
NAMED_REGISTER = 0x40206b0e     # of selftests/kernel/kclient/kclient.h


def open_fds():
    """Return the number of open files of this process."""
    return len(os.listdir("/proc/self/fd"))


def sleeps_in_poll(thread):
    with open(f"/proc/self/task/{thread.native_id}/wchan",
              encoding="ascii") as wchan:
        return "poll" in wchan.read()


class Base(unittest.TestCase):
    """Tests with a device; no file may be left open at the end."""

    def setUp(self):
        gc.collect()
        self.fds = open_fds()
        self.ctx = vhostrpmsg.Context()
        self.ctx.add_device(DEV)

    def tearDown(self):
        self.ctx.delete_device(DEV)
        self.ctx.close()
        gc.collect()
        self.assertEqual(self.fds, open_fds())

    def is_stuck(self, ept):
        """Whether messages wait for the guest and none has been sent for a while."""
        before = self.ctx.endpoint(ept.id)
        time.sleep(0.2)
        now = self.ctx.endpoint(ept.id)
        return (now.tx_queued > 0 and
                now.stats["tx-msgs"] == before.stats["tx-msgs"])

    def fails(self, number, call, *args, **kwargs):
        """Expect this errno, and return the exception."""
        with self.assertRaises(OSError) as caught:
            call(*args, **kwargs)
        self.assertEqual(errno.errorcode[number],
                         errno.errorcode[caught.exception.errno])
        return caught.exception


class Devices(Base):
    def test_settings_come_back(self):
        made = self.ctx.add_device("python2", mtu=100, hold_time=2.5,
                                   owner=vhostrpmsg.OWNER_ANY)
        self.assertEqual(
            (made.name, made.state, made.persistent, made.stale, made.mtu,
             made.mtu_fixed, made.hold_time, made.owner, made.endpoints,
             made.stalled_by),
            ("python2", "detached", True, False, 100, True, 2.5,
             vhostrpmsg.OWNER_ANY, 0, None))
        self.ctx.reset_device("python2")
        self.assertEqual(made.stats["rx-msgs"], 0)
        self.ctx.set_device("python2", hold_time=0)
        self.assertEqual(self.ctx.device("python2").hold_time, 0)
        self.assertEqual(self.ctx.device(made.id).mtu, 100)
        self.assertEqual([DEV, "python2"],
                         [dev.name for dev in self.ctx.devices()])
        self.ctx.delete_device(made.id)
        self.fails(errno.ENODEV, self.ctx.device, "python2")

    def test_short_hold_time_is_not_without_limit(self):
        self.ctx.set_device(DEV, hold_time=0.0001)
        self.assertEqual(self.ctx.device(DEV).hold_time, 0.001)

    def test_refusals_say_why(self):
        error = self.fails(errno.EEXIST, self.ctx.add_device, DEV)
        self.assertIsInstance(error, FileExistsError)
        self.assertIn("a device of this name exists (name)", str(error))
        self.fails(errno.EINVAL, self.ctx.add_device, "a/b")
        # C would see the name of another device.
        for call in (self.ctx.device, self.ctx.delete_device,
                     self.ctx.endpoints, vhostrpmsg.Ctrl):
            self.assertRaises(ValueError, call, DEV + "\0x")
        self.assertRaises(ValueError, self.ctx.add_endpoint, DEV, "a\0b")
        self.fails(errno.ENODEV, self.ctx.delete_device, "nosuch")
        self.fails(errno.ENODEV, self.ctx.reset_device, "nosuch")

    def test_needs_privilege(self):
        pid = os.fork()
        if not pid:
            os.setuid(65534)
            try:
                vhostrpmsg.Context().devices()
            except PermissionError:
                os._exit(0)
            os._exit(1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_closed_context(self):
        ctx = vhostrpmsg.Context()
        with ctx:
            ctx.devices()
        self.assertRaises(ValueError, ctx.devices)
        ctx.close()

    def test_wait_running(self):
        with self.assertRaises(TimeoutError):
            self.ctx.wait_running(DEV, 0.1)
        # There is always another event.
        poll = vhostrpmsg.Monitor.poll
        vhostrpmsg.Monitor.poll = lambda self: object()
        try:
            self.assertRaises(TimeoutError, self.ctx.wait_running, DEV, 0.1)
        finally:
            vhostrpmsg.Monitor.poll = poll
        with Guest(DEV):
            self.assertEqual(self.ctx.wait_running(DEV, 10).state, "running")


class Endpoints(Base):
    def test_defaults(self):
        made = self.ctx.add_endpoint(DEV)
        self.assertEqual(
            (made.device, made.name, made.remote, made.remote_kind,
             made.remote_mode, made.addressed, made.announced, made.is_open,
             made.policy, made.closed, made.reset, made.rx_limit, made.tx_limit,
             made.rx_queued),
            (DEV, None, None, "none", "learn", False, False, False, "hold",
             "drop", "keep", 1 << 18, 1 << 18, 0))
        self.assertEqual(made.path, f"/dev/vrpmsg-ep{made.id}")
        self.assertEqual((made.owner, made.descriptor, made.driver),
                         (None, False, False))
        # Only devices have these counters.
        self.assertIn("rx-msgs", made.stats)
        self.assertNotIn("ring-errors", made.stats)
        self.assertIn("ring-errors", self.ctx.device(DEV).stats)

    @unittest.skipUnless(DRIVER_KO, "no driver")
    def test_of_a_driver(self):
        subprocess.run(["insmod", DRIVER_KO], stderr=subprocess.DEVNULL,
                       check=False)
        self.assertTrue(wait_for(lambda: os.path.exists(DRIVER)))
        with open(DRIVER, "r+b", buffering=0) as driver:
            fcntl.ioctl(driver, NAMED_REGISTER, DEV.encode().ljust(32, b"\0"))
            [ept] = self.ctx.endpoints(DEV)
            self.assertEqual(
                (ept.driver, ept.descriptor, ept.owner, ept.name, ept.addr),
                (True, False, None, "named", 300))
            self.fails(errno.EPERM, self.ctx.delete_endpoint, ept.id)
            self.assertRaises(FileNotFoundError, ept.open)
        self.assertEqual([], self.ctx.endpoints(DEV))

    def test_settings_come_back(self):
        made = self.ctx.add_endpoint(
            self.ctx.device(DEV).id, "all", addr=77, remote=5, policy="drop",
            closed="keep", reset="drop", rx_limit=1000, tx_limit=2000,
            announce=True)
        self.assertEqual(
            (made.device, made.name, made.addr, made.remote, made.remote_kind,
             made.policy, made.closed, made.reset, made.rx_limit, made.tx_limit,
             made.announced),
            (DEV, "all", 77, 5, "fixed", "drop", "keep", "drop", 1000, 2000,
             True))
        self.ctx.withdraw(made)
        self.ctx.set_endpoint(made, remote="follow", policy="hold",
                              rx_limit=3000)
        now = self.ctx.find_endpoint(DEV, "all")
        self.assertEqual(
            (now.id, now.announced, now.remote_mode, now.policy, now.rx_limit,
             now.tx_limit),
            (made.id, False, "follow", "hold", 3000, 2000))

    def test_refusals(self):
        self.ctx.add_endpoint(DEV, "twin", addr=9)
        self.ctx.add_endpoint(DEV, "twin")
        self.fails(errno.EADDRINUSE, self.ctx.add_endpoint, DEV, addr=9)
        self.fails(errno.ENOTUNIQ, self.ctx.find_endpoint, DEV, "twin")
        self.fails(errno.ENOENT, self.ctx.find_endpoint, DEV, "nosuch")
        self.fails(errno.ENODEV, self.ctx.add_endpoint, "nosuch")
        self.fails(errno.ERANGE, self.ctx.add_endpoint, DEV, rx_limit=1 << 31)
        for what in ("policy", "closed", "reset", "remote"):
            with self.assertRaises(ValueError):
                self.ctx.add_endpoint(DEV, **{what: "nonsense"})
        self.assertEqual(len(self.ctx.endpoints(DEV)), 2)

    def test_announced_or_not_there(self):
        self.fails(errno.EINVAL, self.ctx.add_endpoint, DEV, announce=True)
        self.assertEqual(self.ctx.endpoints(DEV), [])

    def test_list_and_delete(self):
        made = [self.ctx.add_endpoint(DEV) for _ in range(3)]
        self.ctx.delete_endpoint(made[1])
        self.ctx.delete_endpoint(made[2].id)
        self.assertEqual([made[0].id],
                         [ept.id for ept in self.ctx.endpoints(DEV)])
        self.assertIn(made[0].id, [ept.id for ept in self.ctx.endpoints()])
        self.fails(errno.ENODEV, self.ctx.endpoints, "nosuch")
        self.fails(errno.ENOENT, self.ctx.endpoint, made[1].id)

    def test_channels(self):
        ept = self.ctx.add_endpoint(DEV, "bound")
        with Guest(DEV, f"bound={REMOTE}", "free=601"):
            wait_for(lambda: len(self.ctx.channels(DEV)) == 2)
            bound, free = self.ctx.channels(DEV)
            self.assertEqual((bound.device, bound.name, bound.addr,
                              bound.endpoint), (DEV, "bound", REMOTE, ept.id))
            self.assertIsNone(free.endpoint)
            self.assertEqual(self.ctx.channel(DEV, 601), free)
            self.fails(errno.ENOENT, self.ctx.channel, DEV, 1)
            self.assertEqual(self.ctx.endpoint(ept.id).remote_kind, "bound")


class Files(Base):
    def setUp(self):
        super().setUp()
        self.ept = self.ctx.add_endpoint(DEV, "svc")
        self.file = self.ept.open()
        self.guest = None

    def tearDown(self):
        self.file.close()
        if self.guest:
            self.guest.close()
        super().tearDown()

    def start(self, addressed=False):
        """A guest, whose channels appear and disappear."""
        if addressed:
            self.file.close()
            self.ctx.delete_endpoint(self.ept)
            self.ept = self.ctx.add_endpoint(DEV, "svc", addressed=True)
            self.file = self.ept.open()
        self.guest = Guest(DEV, f"svc={REMOTE}")

    def test_messages_stay_whole(self):
        self.start()
        self.file.wait_remote(10)
        for data in (b"a", b"", b"x" * 496, b"\0\n\xff"):
            self.file.write(data)
        self.assertEqual([self.file.read() for _ in range(4)],
                         [b"a", b"", b"x" * 496, b"\0\n\xff"])
        self.fails(errno.EMSGSIZE, self.file.write, b"x" * 497)

    def test_no_remote(self):
        self.fails(errno.ENOTCONN, self.file.write, b"a")
        with self.assertRaises(TimeoutError):
            self.file.wait_remote(0.05)

    def test_address_without_addressed(self):
        self.start()
        self.file.wait_remote(10)
        self.file.write(b"whole")
        self.fails(errno.EINVAL, self.file.read_from)
        self.fails(errno.EINVAL, self.file.write_to, b"a", REMOTE)
        self.assertEqual(self.file.read(), b"whole")

    def test_info(self):
        before = self.file.info()
        self.assertEqual(
            (before.id, before.device, before.name, before.addr, before.remote,
             before.mtu, before.generation, before.gone),
            (self.ept.id, DEV, "svc", self.ept.addr, None, 496, 0, False))
        self.start()
        self.file.wait_remote(10)
        now = self.file.info()
        self.assertEqual(now.remote, REMOTE)
        self.assertNotEqual(now.generation, 0)

    def test_one_reader(self):
        self.fails(errno.EBUSY, self.ept.open)
        self.ept.open("w").close()
        self.assertRaises(ValueError, self.ept.open, "x")

    def test_deadline_that_has_passed(self):
        self.assertRaises(TimeoutError, self.file.wait_remote, -1)

    def test_nonblocking(self):
        os.set_blocking(self.file.fileno(), False)
        self.assertRaises(BlockingIOError, self.file.read)

    def test_iteration_ends_with_the_endpoint(self):
        self.start()
        self.file.wait_remote(10)
        self.file.write(b"one")
        self.file.write(b"two")
        wait_for(lambda: self.ctx.endpoint(self.ept.id).rx_queued >= 134)
        self.ctx.delete_endpoint(self.ept)
        self.assertEqual(list(self.file), [b"one", b"two"])
        self.assertTrue(self.file.info().gone)
        self.assertRaises(BrokenPipeError, self.file.write, b"three")
        self.assertRaises(BrokenPipeError, self.file.wait_remote)

    def test_addressed(self):
        self.start(addressed=True)
        self.guest.do(f"send 700 {self.ept.addr} question")
        message = self.file.read_from()
        self.assertEqual((message.data, message.addr), (b"question", 700))
        self.assertEqual(message.generation, self.file.info().generation)
        self.guest.do("mute")
        self.file.write_to(b"answer", message.addr, message.generation)
        self.assertEqual(wait_for(lambda: self.guest.last() == b"answer"), True)
        self.guest.do("reset")
        self.fails(errno.ESTALE, self.file.write_to, b"late", message.addr,
                   message.generation)
        self.fails(errno.EINVAL, self.file.write_to, b"nobody", 0xFFFFFFFF)

    def test_batch(self):
        self.start(addressed=True)
        out = [vhostrpmsg.Message(data, 800 + i)
               for i, data in enumerate((b"", b"odd", b"x" * 496))]
        self.assertEqual(self.file.write_batch(out), 3)
        back = []
        while len(back) < 3:
            back += self.file.read_batch()
        self.assertEqual([m[:2] for m in back], [m[:2] for m in out])
        # One message at a time again.
        self.file.write_to(b"single", 900)
        self.assertEqual(self.file.read_from()[:2], (b"single", 900))
        self.assertEqual(self.file.write_batch([]), 0)

    def test_batch_says_how_many_had_room(self):
        self.ctx.set_endpoint(self.ept, remote=1, tx_limit=200)
        with self.ept.open("w") as file:
            many = [vhostrpmsg.Message(b"x" * 20, 0)] * 10
            os.set_blocking(file.fileno(), False)
            taken = file.write_batch(many)
            self.assertEqual(self.ctx.endpoint(self.ept.id).tx_queued,
                             taken * 84)
            self.assertIn(taken, (2, 3))
            self.assertRaises(BlockingIOError, file.write_batch, many)

    def test_descriptor(self):
        fd = os.dup(self.file.fileno())
        with vhostrpmsg.File(fd) as file:
            self.assertEqual(file.info().id, self.ept.id)
        self.assertRaises(OSError, os.fstat, fd)
        with open("/dev/null", "rb") as null:
            self.fails(errno.ENOTTY, vhostrpmsg.File, null.fileno())
            # It still belongs to the caller.
            os.fstat(null.fileno())

    def test_descriptor_that_is_refused_late(self):
        """The descriptor stays the caller's, whenever the call fails."""
        info = vhostrpmsg._files._info
        fd = os.dup(self.file.fileno())

        def fail(*_):
            raise OSError(errno.EIO, "test")
        vhostrpmsg._files._info = fail
        try:
            self.fails(errno.EIO, vhostrpmsg.File, fd)
            # Here nobody else has it; setUp() and tearDown() count descriptors.
            self.fails(errno.EIO, self.ept.open, "w")
            self.fails(errno.EIO, self.ept.open_async, "w")
        finally:
            vhostrpmsg._files._info = info
        gc.collect()
        os.close(fd)

    def test_batch_mode_of_a_shared_open_file(self):
        """Batch mode is not left on, and not switched off for others."""
        self.start()
        self.file.wait_remote(10)
        with vhostrpmsg.File(os.dup(self.file.fileno())) as other:
            self.file.write(b"")
            self.assertEqual(other.read(), b"")
            self.file.write_batch([vhostrpmsg.Message(b"batch", 0)])
            self.assertEqual(other.read(), b"batch")
            self.file.write(b"one")
            self.assertEqual(self.file.read_batch()[0].data, b"one")
            # As a process does that gets the descriptor.
            vhostrpmsg.File(os.dup(self.file.fileno())).close()
            other.write(b"two")
            self.assertEqual(self.file.read_batch()[0].data, b"two")

    def test_empty_messages_wait_for_room(self):
        self.ctx.set_endpoint(self.ept, remote=1, tx_limit=1)
        self.file.write(b"")
        thread = threading.Thread(target=self.file.write, args=(b"",))
        thread.start()
        # It does not wait with the lock.
        wait_for(lambda: sleeps_in_poll(thread))
        os.set_blocking(self.file.fileno(), False)
        self.assertRaises(BlockingIOError, self.file.read)
        self.assertRaises(BlockingIOError, self.file.write, b"")
        os.set_blocking(self.file.fileno(), True)
        self.ctx.set_endpoint(self.ept, tx_limit=1000)
        thread.join(10)
        self.assertFalse(thread.is_alive())
        self.assertEqual(self.ctx.endpoint(self.ept.id).tx_queued, 128)
        self.file.close()
        with self.ept.open("r") as reader:
            self.fails(errno.EBADF, reader.write, b"")

    def test_empty_message(self):
        self.start(addressed=True)
        # An address is missing.
        self.fails(errno.EINVAL, self.file.write, b"")

    def test_threads_in_batch_mode_and_not(self):
        """A reader of single messages and a writer of batches do not disturb each
        other, whichever of them waits."""
        self.start()
        count, back = 3000, []
        with self.ctx.add_endpoint(DEV, remote=REMOTE).open() as file:
            reader = threading.Thread(target=lambda: back.extend(
                file.read() for _ in range(count)))
            reader.start()
            todo = [vhostrpmsg.Message(b"%d" % i, 0) for i in range(count)]
            while todo:
                del todo[:file.write_batch(todo[:10])]
            reader.join(60)
            self.assertFalse(reader.is_alive())
        self.assertEqual(back, [b"%d" % i for i in range(count)])

    def test_write_ends_with_its_guest(self):
        """A message that waits for room does not go to the next guest."""
        self.start()
        self.ctx.set_endpoint(self.ept, tx_limit=1)
        self.file.wait_remote(10)
        errors = []

        def write():
            try:
                while True:
                    self.file.write(b"for the first guest")
            except OSError as error:
                errors.append(error.errno)
        self.guest.process.send_signal(signal.SIGSTOP)
        thread = threading.Thread(target=write)
        thread.start()
        self.assertTrue(wait_for(lambda: self.is_stuck(self.ept)))
        self.guest.kill()
        thread.join(10)
        self.guest = Guest(DEV, f"svc={REMOTE}")
        self.file.wait_remote(10)
        thread.join(10)
        self.assertEqual(errors, [errno.ENOTCONN])
        self.assertEqual(self.guest.last(), b"")

    def test_destroy(self):
        self.fails(errno.EINVAL, self.file.destroy)

    def test_closed(self):
        self.file.close()
        self.file.close()
        self.assertTrue(self.file.closed)
        for call in (self.file.read, self.file.fileno, self.file.info):
            self.assertRaises(ValueError, call)


class Async(Base):
    def setUp(self):
        super().setUp()
        self.ept = self.ctx.add_endpoint(DEV, "svc")
        self.guest = Guest(DEV, f"svc={REMOTE}")

    def tearDown(self):
        self.guest.close()
        super().tearDown()

    def run_file(self, test):
        """Wait for a file, with a timeout."""
        async def main():
            async with self.ept.open_async() as file:
                await file.wait_remote()
                await asyncio.wait_for(test(file), 60)
        asyncio.run(main())

    def test_tasks_share_a_file(self):
        async def test(file):
            readers = [asyncio.create_task(file.read()) for _ in range(5)]
            await asyncio.sleep(0)
            for i in range(5):
                await file.write(bytes([i]))
            self.assertEqual(await asyncio.gather(*readers),
                             [bytes([i]) for i in range(5)])
        self.run_file(test)

    def test_room_that_another_took(self):
        ept = self.ctx.add_endpoint(DEV)

        async def main():
            async with ept.open_async() as file:
                # As if there had been a remote for a moment.
                wait, early = file._wait, []

                async def first_at_once(events):
                    if early:
                        await wait(events)
                    early.append(events)
                file._wait = first_at_once
                task = asyncio.create_task(file.wait_remote())
                await asyncio.sleep(0.1)
                self.assertFalse(task.done())
                self.ctx.set_endpoint(ept, remote=REMOTE)
                await asyncio.wait_for(task, 60)
        asyncio.run(main())

    def test_write_beside_wait_remote(self):
        ept = self.ctx.add_endpoint(DEV)

        async def main():
            async with ept.open_async() as file:
                task = asyncio.create_task(file.wait_remote())
                await asyncio.sleep(0.1)
                with self.assertRaises(OSError) as caught:
                    await asyncio.wait_for(file.write(b"a"), 10)
                self.assertEqual(caught.exception.errno, errno.ENOTCONN)
                self.assertFalse(task.done())
                self.ctx.set_endpoint(ept, remote=REMOTE)
                await asyncio.wait_for(task, 60)
        asyncio.run(main())

    def test_more_than_fits(self):
        self.ctx.set_endpoint(self.ept, tx_limit=1000, rx_limit=1000)

        async def test(file):
            async def send():
                for i in range(200):
                    await file.write(b"%d" % i + b" " * 90)
            task = asyncio.create_task(send())
            for i in range(200):
                self.assertEqual(int(await file.read()), i)
            await task
        self.run_file(test)

    def test_write_ends_with_its_guest(self):
        self.ctx.set_endpoint(self.ept, tx_limit=1)

        async def test(file):
            async def send():
                while True:
                    await file.write(b"for the first guest")
            self.guest.process.send_signal(signal.SIGSTOP)
            task = asyncio.create_task(send())
            while not await asyncio.to_thread(self.is_stuck, self.ept):
                pass
            self.guest.kill()
            with self.assertRaises(OSError) as caught:
                await asyncio.wait_for(task, 10)
            self.assertEqual(caught.exception.errno, errno.ENOTCONN)
            self.guest = Guest(DEV, f"svc={REMOTE}")
            await file.wait_remote()
            self.assertEqual(self.guest.last(), b"")
        self.run_file(test)

    def test_cancelled(self):
        async def test(file):
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(file.read(), 0.05)
            await file.write(b"after")
            self.assertEqual(await file.read(), b"after")
        self.run_file(test)

    def test_other_tasks_get_their_turn(self):
        async def test(file):
            # As if the guest always had sent more.
            calls = 0

            def at_once():
                nonlocal calls
                calls += 1
                if calls > 100000:
                    raise BrokenPipeError
                return b""
            file._file.read = at_once

            async def collect():
                async for _ in file:
                    pass
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(collect(), 0.05)
            self.assertLess(calls, 100000)
        self.run_file(test)

    def test_batch(self):
        async def test(file):
            out = [vhostrpmsg.Message(b"%d" % i, 0) for i in range(20)]
            sent = 0
            while sent < 20:
                sent += await file.write_batch(out[sent:])
            back = []
            while len(back) < 20:
                back += await file.read_batch()
            self.assertEqual([m.data for m in back], [m.data for m in out])
        self.run_file(test)

    def test_ends_with_the_endpoint(self):
        async def test(file):
            async def collect():
                return [message async for message in file]
            task = asyncio.create_task(collect())
            await asyncio.sleep(0)
            self.ctx.delete_endpoint(self.ept)
            self.assertEqual(await task, [])
            self.assertTrue(file.info().gone)
        self.run_file(test)

    def test_monitor(self):
        async def main():
            with vhostrpmsg.Monitor() as monitor:
                asyncio.get_running_loop().call_later(
                    0.01, self.ctx.add_endpoint, DEV, "new")
                async for event in monitor:
                    if event.action == "new":
                        return event
        event = asyncio.run(asyncio.wait_for(main(), 60))
        self.assertEqual((event.object.device, event.object.name),
                         (DEV, "new"))

    def test_monitor_of_two_tasks(self):
        async def main():
            with vhostrpmsg.Monitor() as monitor:
                async def new():
                    async for event in monitor:
                        if (event.action == "new" and
                                isinstance(event.object, vhostrpmsg.Endpoint)):
                            return event.object.name
                tasks = [asyncio.create_task(new()) for _ in range(2)]
                await asyncio.sleep(0.01)
                for name in ("one", "two"):
                    self.ctx.add_endpoint(DEV, name)
                return await asyncio.gather(*tasks)
        names = asyncio.run(asyncio.wait_for(main(), 60))
        self.assertEqual(sorted(names), ["one", "two"])


def ctrl_path(device):
    """Of the node of a device, where udev does not run."""
    for node in glob.glob("/sys/class/vrpmsg/vrpmsg-ctrl*"):
        with open(node + "/name", encoding="ascii") as file:
            if file.read() == device + "\n":
                return "/dev/" + os.path.basename(node)
    return None


class Ctrls(Base):
    def setUp(self):
        super().setUp()
        self.ctrl = vhostrpmsg.Ctrl(DEV)

    def tearDown(self):
        self.ctrl.close()
        super().tearDown()

    def as_user(self, function):
        """In a process without privileges, which is to do without failing."""
        pid = os.fork()
        if not pid:
            status = 1
            try:
                os.setgroups([])
                os.setgid(USER)
                os.setuid(USER)
                function()
                status = 0
            except BaseException:   # pylint: disable=broad-except
                traceback.print_exc()
            os._exit(status)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_file_is_the_endpoint(self):
        with Guest(DEV):
            file = self.ctrl.open_endpoint("svc", addr=77, remote=REMOTE)
            file.write(b"message")
            self.assertEqual(file.read(), b"message")
            [ept] = self.ctx.endpoints(DEV)
            self.assertEqual(
                (ept.id, ept.name, ept.addr, ept.remote, ept.announced,
                 ept.is_open, ept.descriptor, ept.owner, ept.policy),
                (file.info().id, "svc", 77, REMOTE, False, True, True,
                 os.geteuid(), "drop"))
            self.assertRaises(FileNotFoundError, ept.open)
            file.close()
            self.assertTrue(wait_for(lambda: not self.ctx.endpoints(DEV)))

    def test_announced(self):
        with Guest(DEV), self.ctrl.open_endpoint(
                "svc", announce=True, remote="follow") as file:
            self.assertEqual(file.read(), b"hello")
            self.assertTrue(file.info().announced)
            self.assertEqual(self.ctx.endpoints(DEV)[0].remote_mode, "follow")

    def test_addressed(self):
        with Guest(DEV), self.ctrl.open_endpoint(addressed=True) as file:
            file.write_to(b"question", 700)
            message = file.read_from()
            self.assertEqual((message.data, message.addr), (b"question", 700))

    def test_async(self):
        async def main():
            async with self.ctrl.open_endpoint_async(remote=REMOTE) as file:
                await file.write(b"async")
                return await file.read()
        with Guest(DEV):
            self.assertEqual(asyncio.run(asyncio.wait_for(main(), 60)), b"async")

    def test_user(self):
        def serve():
            with vhostrpmsg.Ctrl(DEV) as ctrl, ctrl.open_endpoint(
                    remote=REMOTE) as file:
                self.assertRaises(PermissionError, vhostrpmsg.Context().devices)
                file.write(b"as a user")
                self.assertEqual(file.read(), b"as a user")
                self.assertEqual(ctrl.info().endpoints, 1)
                file.destroy()
                self.assertTrue(file.info().gone)

        def refused():
            self.assertRaises(PermissionError, vhostrpmsg.Ctrl, DEV)

        self.as_user(refused)
        os.chown(ctrl_path(DEV), USER, USER)
        with Guest(DEV):
            self.as_user(serve)

    def test_handed_over(self):
        ours, theirs = socket.socketpair()

        def serve():
            fd = socket.recv_fds(theirs, 1, 1)[1][0]
            with vhostrpmsg.File(fd) as file:
                file.write(file.read() + b"!")

        with ours, theirs, Guest(DEV, "svc=600") as guest:
            guest.do("mute")
            file = self.ctrl.open_endpoint("svc", addr=88)
            socket.send_fds(ours, [b"x"], [file.fileno()])
            file.close()
            guest.do("send 600 88 handed")
            self.as_user(serve)
            self.assertTrue(wait_for(lambda: guest.last() == b"handed!"))
        self.assertTrue(wait_for(lambda: not self.ctx.endpoints(DEV)))

    def test_info(self):
        info = self.ctrl.info()
        self.assertEqual(
            (info.device, info.device_id, info.state, info.mtu, info.generation,
             info.endpoints),
            (DEV, self.ctx.device(DEV).id, "detached", 496, 0, 0))
        self.assertGreater(info.max_endpoints, 1)
        with Guest(DEV), self.ctrl.open_endpoint():
            info = self.ctrl.info()
            self.assertEqual((info.state, info.endpoints), ("running", 1))
            self.assertNotEqual(info.generation, 0)

    def test_path_and_descriptor(self):
        path = ctrl_path(DEV)
        with vhostrpmsg.Ctrl(path) as ctrl:
            self.assertEqual(ctrl.info().device, DEV)
        fd = os.open(path, os.O_RDWR)
        with vhostrpmsg.Ctrl(fd) as ctrl:
            self.assertEqual(ctrl.fileno(), fd)
            ctrl.open_endpoint().close()
        self.assertTrue(ctrl.closed)
        self.assertRaises(ValueError, ctrl.info)

    def test_refusals(self):
        new = self.ctrl.open_endpoint
        with new(addr=9):
            self.fails(errno.EADDRINUSE, new, addr=9)
        self.fails(errno.EINVAL, new, announce=True)
        self.fails(errno.EINVAL, new, "x" * 32)
        self.fails(errno.EINVAL, new, addressed=True, remote=5)
        self.assertRaises(ValueError, new, remote="nonsense")
        self.assertIn("no ctrl node", str(
            self.fails(errno.ENODEV, vhostrpmsg.Ctrl, "nosuch")))
        self.fails(errno.ENOENT, vhostrpmsg.Ctrl, "/dev/nosuch")
        self.assertIn("not a ctrl node", str(
            self.fails(errno.ENOTTY, vhostrpmsg.Ctrl, "/dev/null")))
        self.ctx.add_device("python2")
        with vhostrpmsg.Ctrl("python2") as ctrl:
            self.ctx.delete_device("python2")
            self.fails(errno.ENODEV, ctrl.open_endpoint)
            self.fails(errno.ENODEV, ctrl.info)

    def test_bound_of_a_user(self):
        def fill():
            files = []
            with self.assertRaises(OSError) as caught:
                while True:
                    files.append(self.ctrl.open_endpoint())
            self.assertEqual(caught.exception.errno, errno.EDQUOT)
            self.assertIn("limit of endpoints per user", str(caught.exception))
            self.assertEqual(len(files), self.ctrl.info().max_endpoints)

        self.as_user(fill)
        self.assertTrue(wait_for(lambda: not self.ctx.endpoints(DEV)))

    def test_find_or_add(self):
        with self.ctrl.open_endpoint("svc") as file:
            made = self.ctx.find_or_add_endpoint(DEV, "svc", rx_limit=1000)
            self.assertNotEqual(made.id, file.info().id)
        self.assertEqual((made.name, made.rx_limit, made.owner, made.descriptor),
                         ("svc", 1000, None, False))
        found = self.ctx.find_or_add_endpoint(DEV, "svc", rx_limit=2000)
        self.assertEqual((found.id, found.rx_limit), (made.id, 1000))
        self.ctx.add_endpoint(DEV, "svc")
        self.fails(errno.ENOTUNIQ, self.ctx.find_or_add_endpoint, DEV, "svc")
        self.fails(errno.ENODEV, self.ctx.find_or_add_endpoint, "nosuch", "svc")


class Monitors(Base):
    def test_events(self):
        with vhostrpmsg.Monitor() as monitor:
            self.assertIsNone(monitor.poll())
            with self.assertRaises(TimeoutError):
                monitor.read(0.01)
            ept = self.ctx.add_endpoint(DEV, "seen")
            event = next(iter(monitor))
            self.assertEqual((event.action, event.object), ("new", ept))
            with Guest(DEV, f"seen={REMOTE}"):
                while not isinstance(event.object, vhostrpmsg.Channel):
                    event = monitor.read(10)
            self.assertEqual((event.action, event.object.name,
                              event.object.addr), ("new", "seen", REMOTE))
            self.ctx.delete_endpoint(ept)
            while event.action != "del" or event.object != ept:
                event = monitor.read(10)
                if isinstance(event.object, vhostrpmsg.Endpoint):
                    ept = event.object
        self.assertRaises(ValueError, monitor.poll)

    def test_many_files(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, limit[1]))
        files = [os.open("/dev/null", os.O_RDONLY) for _ in range(1024)]
        try:
            with vhostrpmsg.Monitor() as monitor:
                self.assertGreater(monitor.fileno(), 1023)
                with self.assertRaises(TimeoutError):
                    monitor.read(0.01)
                self.ctx.add_endpoint(DEV)
                self.assertEqual(monitor.read(10).action, "new")
        finally:
            for file in files:
                os.close(file)
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)

    def test_lost(self):
        with vhostrpmsg.Monitor() as monitor:
            # There is room for one or two events only.
            with socket.socket(fileno=os.dup(monitor.fileno())) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            for _ in range(50):
                self.ctx.add_endpoint(DEV)
            lost = 0
            while True:
                try:
                    if monitor.poll() is None:
                        break
                except vhostrpmsg.EventsLost:
                    lost += 1
            self.assertGreater(lost, 0)
            self.ctx.set_device(DEV, hold_time=3)
            self.assertEqual(monitor.read(10).object.hold_time, 3)


if __name__ == "__main__":
    sys.exit(tap.main())
