"""netns.py - hosts of their own: network namespaces on a switch, and walls between them.

The namespace "hub" holds the switch and the services (PostgreSQL, the sink) at .address; each host has one cable to it. The
machine's own namespace is not touched. A wall drops packets of one TCP port, so that a worker can lose its database and still
reach the outside world.
"""
import os

from undo import CannotHere, Failed, run
from volume import need

NET = "10.231.77"


class Net:
    def __init__(self, undo, hosts):
        need("ip", "nft", "nsenter")
        if os.getuid() != 0:
            raise CannotHere("network namespaces need root")
        self.undo, self.prefix, self.hosts = undo, f"chaos{os.getpid()}", hosts
        self.handles = []
        self.hub, self.address = self.prefix + "-hub", NET + ".1"
        try:
            self._make(self.hub)
            self._ip(self.hub, "link", "add", "switch", "type", "bridge")
            run(*self.inside(), "nft", "add table inet probe")
        except Failed as e:
            raise CannotHere(str(e)) from e
        self._ip(self.hub, "address", "add", self.address + "/24", "dev", "switch")
        self._ip(self.hub, "link", "set", "switch", "up")
        for i in range(hosts):
            self._cable(i)

    def name(self, i):
        return f"{self.prefix}-{i}"

    def _ip(self, namespace, *words):
        run("ip", "-n", namespace, *words)

    def _make(self, name):
        run("ip", "netns", "add", name)
        self.handles.append(self.undo.later("ip", "netns", "del", name))
        self._ip(name, "link", "set", "lo", "up")

    def _cable(self, i):
        host, port = self.name(i), f"port{i}"
        self._make(host)
        self._ip(self.hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host)
        self._ip(self.hub, "link", "set", port, "master", "switch", "up")
        self._ip(host, "address", "add", f"{NET}.{10 + i}/24", "dev", "eth0")
        self._ip(host, "link", "set", "eth0", "up")

    def inside(self, i=None):
        """A command to run another under, on host I or (None) in the hub."""
        return ["nsenter", "--net=/run/netns/" + (self.hub if i is None else self.name(i))]

    def wall(self, i, way, port):
        """From now on host I's packets to ("out"), from ("in") or to and from ("both") TCP port PORT of others vanish."""
        rules = ["table inet chaos {"]
        if way in ("out", "both"):
            rules.append(f"chain out {{ type filter hook output priority 0; tcp dport {port} drop; }}")
        if way in ("in", "both"):
            rules.append(f"chain in {{ type filter hook input priority 0; tcp sport {port} drop; }}")
        run(*self.inside(i), "nft", "\n".join(rules + ["}"]))

    def heal(self, i):
        run(*self.inside(i), "nft", "delete", "table", "inet", "chaos")

    def close(self):
        for handle in reversed(self.handles):
            self.undo.now(handle)
