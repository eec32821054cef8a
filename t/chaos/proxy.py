"""proxy.py - drives t/chaos/proxy (see proxy.c): starts it between agentd and PostgreSQL, gives it commands."""
import os
import socket

from procs import Process


CONNINFO = "host={dir}/proxy.sock port=5432 user=postgres dbname=agentd"


class Proxy:
    """Makes a rig that was begun with start=False and database=CONNINFO: its cluster, then the proxy in front of it."""

    def __init__(self, rig):
        directory = rig.dir + "/proxy.sock"
        os.makedirs(directory, exist_ok=True)
        self.control = directory + "/control"
        rig.pg.create(template=rig.run.template(rig))
        rig.pg.start()
        rig.processes["proxy"] = Process("proxy", [rig.run.builddir + "/t/chaos/proxy", "--listen", f"unix:{directory}/.s.PGSQL.5432", "--to",
                                                      f"unix:{rig.pg.sock}/.s.PGSQL.5432", "--control", self.control, "--seed", str(rig.run.seed)],
                               rig.dir + "/proxy.log", ready="ready\n").start()
        rig.open()

    def tell(self, command):
        """The answer behind "ok". Raises ValueError when the proxy does not understand."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(10)
            s.connect(self.control)
            s.sendall(command.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                piece = s.recv(4096)
                if not piece:
                    raise ValueError(f"the proxy closed at \"{command}\"")
                answer += piece
        word, _, rest = answer.decode().strip().partition(" ")
        if word != "ok":
            raise ValueError(answer.decode().strip())
        return rest

    def stats(self):
        return {name: int(n) for name, n in (word.split("=") for word in self.tell("stats").split())}

    def cuts(self):
        """(before, after)"""
        stats = self.stats()
        return stats["before"], stats["after"]
