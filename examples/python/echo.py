#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Send messages back, on all endpoints with the name SERVICE of all devices.

usage: echo.py SERVICE

Devices may come and go. The program needs CAP_NET_ADMIN to be notified of that.
"""
import asyncio
import errno
import sys

import vhostrpmsg


async def serve(endpoint: vhostrpmsg.Endpoint) -> None:
    """Serve an endpoint until it is deleted."""
    async with endpoint.open_async() as file:
        print(f"serving {endpoint.device}", flush=True)
        async for message in file:
            try:
                await file.write(message)
            except OSError as error:
                # The guest was reset meanwhile, has too small buffers, or has sent
                # from an address that none can have, to an addressed endpoint.
                if error.errno not in (errno.ENOTCONN, errno.ESTALE,
                                       errno.EMSGSIZE, errno.EINVAL):
                    raise
    print(f"{endpoint.device}: the endpoint was deleted", flush=True)


async def main(service: str) -> None:
    """Start a task for each existing endpoint, and for each new one."""
    tasks: dict[int, asyncio.Task[None]] = {}

    def found(endpoint: vhostrpmsg.Endpoint) -> None:
        if endpoint.name == service and endpoint.id not in tasks:
            task = asyncio.create_task(serve(endpoint))
            task.add_done_callback(lambda _: tasks.pop(endpoint.id))
            tasks[endpoint.id] = task

    with vhostrpmsg.Monitor() as monitor, vhostrpmsg.Context() as ctx:
        while True:
            for endpoint in ctx.endpoints():
                found(endpoint)
            try:
                async for event in monitor:
                    if (event.action == "new" and
                            isinstance(event.object, vhostrpmsg.Endpoint)):
                        found(event.object)
            except vhostrpmsg.EventsLost:
                pass


if len(sys.argv) != 2:
    sys.exit("usage: echo.py SERVICE")
asyncio.run(main(sys.argv[1]))
