"""Real Kafka behind the proxy: each broker has a listener of the suite's own, and one that is advertised as a door of the
proxy, so that whatever the mirror does goes through there."""

import base64
import concurrent.futures
import os
import shutil

import rigs

HOST = "127.0.0.1"


class TortureCluster(rigs.Cluster):
    """KRaft brokers that are controllers as well. side: of the proxy; the doors' host is called NAME.torture. data_folders: for brokers whose data lies elsewhere,
    by number."""

    def __init__(self, version, folder, side, count, data_folders=None, **settings):
        self.side, self.count, self.data_folders = side, count, data_folders or {}
        super().__init__(version, folder, **settings)

    @property
    def doors(self):
        """What is the mirror's bootstrap.servers."""
        return ",".join(f"{self.side.name}.torture:{door.port}" for door in self.side.doors)

    def prepare(self):
        ports = [(rigs.free_port(), rigs.free_port(), rigs.free_port()) for _ in range(self.count)]
        voters = ",".join(f"{number + 1}@{HOST}:{ports[number][2]}" for number in range(self.count))
        identity = base64.urlsafe_b64encode(os.urandom(16)).decode("ascii").rstrip("=").replace("-", "a")
        copies, least = min(self.count, 3), min(self.count, 2)
        made = []
        for number, (direct, backend, controller) in enumerate(ports):
            made.append((direct, {
                "process.roles": "broker,controller",
                "node.id": number + 1,
                "controller.quorum.voters": voters,
                "listeners": f"DIRECT://{HOST}:{direct},MIRROR://{HOST}:{backend},CONTROLLER://{HOST}:{controller}",
                "advertised.listeners": f"DIRECT://{HOST}:{direct},MIRROR://{self.side.name}.torture:{self._open_door(number, backend)}",
                "listener.security.protocol.map": "DIRECT:PLAINTEXT,MIRROR:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name": "DIRECT",
                "controller.listener.names": "CONTROLLER",
                "log.dirs": self.data_folders.get(number, self.folder / f"broker{number}-data"),
                "offsets.topic.replication.factor": copies,
                "transaction.state.log.replication.factor": copies,
                "transaction.state.log.min.isr": least,
                "share.coordinator.state.topic.replication.factor": copies,
                "share.coordinator.state.topic.min.isr": least,
                "default.replication.factor": copies,
                # So long a broker that was killed is waited for, also by itself.
                "broker.session.timeout.ms": 6000,
                "min.insync.replicas": least,
            }))
        self._format(identity, [settings for _, settings in made])
        for direct, settings in made:
            self.add_broker(direct, settings)
        for broker in self.brokers:
            broker.wait_ready()

    def _open_door(self, number, backend):
        """The same door again when the brokers get other ports after a clash."""
        if number < len(self.side.doors):
            door = self.side.doors[number]
            door.backend_port = backend
            return door.port
        while True:
            port = rigs.free_port()
            try:
                self.side.add(HOST, port, backend)
                return port
            except OSError:
                continue

    def _format(self, identity, made):
        def run(number):
            path = rigs.write_settings(self.folder / f"format{number}.properties", made[number])
            rigs.tool(self.version, "kafka.tools.StorageTool", "format", "-t", identity, "-c", path,
                      timeout=rigs.START_DEADLINE)
        # What a try before this one has left, after a clash.
        for folder in self.data_folders.values():
            shutil.rmtree(folder, ignore_errors=True)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(run, range(len(made))))
