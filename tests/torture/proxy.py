"""TCP between the mirror and the brokers, with faults on order. Bytes are late, or never come; they are never changed,
repeated or put into another order.

One thread with an event loop of its own carries everything. A Side is the way to one cluster: a door for each broker, and
faults that hold for all of them.
"""

import asyncio
import socket
import threading

CHUNK = 65536
# Chunks that wait in one direction of a connection, so that whoever sends feels a stall soon.
WAITING = 4
CALL_DEADLINE = 30


class Proxy:
    """Starts its thread when made."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)
        self.thread.start()
        self.sides = []

    def call(self, coroutine):
        """Runs it on the proxy's thread and waits for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(CALL_DEADLINE)

    def side(self, name):
        self.sides.append(Side(self, name))
        return self.sides[-1]

    def close(self):
        for side in self.sides:
            self.call(side.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Side:
    """The doors of one cluster. All faults begin and end at once, also for connections that there are."""

    def __init__(self, proxy, name):
        self.proxy, self.name = proxy, name
        self.doors, self.links = [], set()
        self.flows = asyncio.Event()
        self.flows.set()
        self.latency = 0.0  # seconds, for each direction
        self.rate = 0  # bytes a second over all connections and both directions; 0: as fast as it goes
        self.free_at = 0.0  # when the next byte may go at that rate
        self.slams = False
        self.accepted = self.slammed = 0

    def add(self, address, port, backend_port):
        """A door at this address for the broker's port. Raises OSError when the port is taken."""
        door = Door(self, address, port, backend_port)
        self.proxy.call(door.open())
        self.doors.append(door)

    def cut(self):
        """All connections are reset, and new ones are refused."""
        self.proxy.call(self._cut())

    def stall(self):
        """Connections stay and are accepted, and nothing moves on them."""
        self.proxy.call(self._set(is_stalled=True))

    def throttle(self, rate):
        """Bytes a second, for all connections together."""
        self.proxy.call(self._set(rate=rate))

    def delay(self, latency):
        """Seconds that everything takes in each direction."""
        self.proxy.call(self._set(latency=latency))

    def slam(self):
        """All connections are reset; new ones are accepted and closed at once."""
        self.proxy.call(self._set(slams=True))
        self.drop()

    def drop(self):
        """All connections are reset; new ones work."""
        self.proxy.call(self._drop())

    def half_open(self):
        """The brokers' ends of all connections go, and the mirror's ends are not told: what they send vanishes, and nothing
        comes back. New connections work. Gives back how many there were."""
        return self.proxy.call(self._half_open())

    def move(self, address):
        """The doors are at another address, and no longer where they were; connections there are reset."""
        self.proxy.call(self._move(address))

    def heal(self):
        """No fault any more, but that the half-open connections stay as they are until their clients give them up."""
        self.proxy.call(self._heal())

    async def _set(self, is_stalled=False, rate=0, latency=0.0, slams=False):
        self.rate, self.latency, self.slams, self.free_at = rate, latency, slams, 0.0
        if is_stalled:
            self.flows.clear()
        else:
            self.flows.set()

    async def _cut(self):
        for door in self.doors:
            door.close()
        await self._drop()

    async def _drop(self):
        for link in list(self.links):
            link.reset()

    async def _half_open(self):
        found = [link for link in self.links if not link.is_silent]
        for link in found:
            link.go_silent()
        return len(found)

    async def _move(self, address):
        for door in self.doors:
            door.close()
            door.address = address
            await door.open()
        await self._drop()

    async def _heal(self):
        await self._set()
        for door in self.doors:
            await door.open()

    async def end(self):
        await self._cut()
        await asyncio.gather(*(link.task for link in self.links), return_exceptions=True)


class Door:
    """A listening port in front of a broker's."""

    def __init__(self, side, address, port, backend_port):
        self.side, self.address, self.port, self.backend_port = side, address, port, backend_port
        self.server = None

    async def open(self):
        if self.server is None:
            self.server = await asyncio.start_server(self._on_accept, self.address, self.port, backlog=512)

    def close(self):
        if self.server is not None:
            self.server.close()
        self.server = None

    async def _on_accept(self, reader, writer):
        side = self.side
        side.accepted += 1
        if side.slams or self.server is None:
            side.slammed += 1
            writer.transport.abort()
            return
        link = Link(side, reader, writer, asyncio.current_task())
        side.links.add(link)
        try:
            await link.run(self.backend_port)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            side.links.discard(link)
            link.abort()


class Link:
    """One connection of the mirror, and ours to the broker."""

    def __init__(self, side, reader, writer, task):
        self.side, self.reader, self.writer, self.task = side, reader, writer, task
        self.backend = None
        self.is_silent = False

    async def run(self, backend_port):
        reader, self.backend = await asyncio.open_connection("127.0.0.1", backend_port)
        for writer in (self.writer, self.backend):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways = [asyncio.ensure_future(self._carry(self.reader, self.backend, True)),
                asyncio.ensure_future(self._carry(reader, self.writer, False))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if self.is_silent:
                # Only the mirror's end is there; it is read until that one gives up.
                await ways[0]
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(self, reader, writer, is_outward):
        """One direction: a reader that notes when each chunk came, and a writer that lets it go when it is due."""
        queue = asyncio.Queue(WAITING)
        taking = asyncio.ensure_future(self._take(reader, queue))
        try:
            while True:
                came, data = await queue.get()
                if not data:
                    return
                if self.is_silent:
                    if not is_outward:
                        return
                    continue
                await self._wait_turn(came, len(data))
                if not self.is_silent:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            if self.is_silent and is_outward:
                await self._swallow(queue)
        finally:
            taking.cancel()

    async def _take(self, reader, queue):
        loop = asyncio.get_running_loop()
        data = b"first"
        while data:
            try:
                data = await reader.read(CHUNK)
            except OSError:
                data = b""
            await queue.put((loop.time(), data))

    async def _swallow(self, queue):
        while (await queue.get())[1]:
            pass

    async def _wait_turn(self, came, size):
        side, loop = self.side, asyncio.get_running_loop()
        await side.flows.wait()
        while side.latency and loop.time() < came + side.latency:
            await asyncio.sleep(came + side.latency - loop.time())
        if side.rate:
            side.free_at = max(side.free_at, loop.time()) + size / side.rate
            # In pieces, so that the end of the fault is the end of the wait.
            until = side.free_at
            while side.rate and loop.time() < until:
                await asyncio.sleep(min(0.1, max(0, until - loop.time())))
        await side.flows.wait()

    def go_silent(self):
        self.is_silent = True
        if self.backend:
            self.backend.transport.abort()

    def reset(self):
        self.abort()
        self.task.cancel()

    def abort(self):
        for writer in (self.writer, self.backend):
            if writer:
                writer.transport.abort()
