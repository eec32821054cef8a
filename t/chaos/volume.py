"""volume.py - small file systems of their own: one that can be filled, and one whose disk can lose its power.

Both are ext4 on loop devices, need root, and are mounted below a directory that the caller gives. Everything is taken back
through undo.py.
"""
import os
import shutil
import signal
import socket
import subprocess
import time

from undo import CannotHere, Failed, run

HERE = os.path.dirname(os.path.abspath(__file__))


def need(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        raise CannotHere(f"no {', '.join(missing)}")


def can_mount():
    """Raises CannotHere when loop devices and mounts do not work here."""
    need("losetup", "mkfs.ext4", "mount", "umount")
    if os.getuid() != 0:
        raise CannotHere("mounting needs root")
    if not os.path.exists("/dev/loop-control"):
        raise CannotHere("no loop devices")


def attach(undo, path):
    """(loop device, handle)"""
    try:
        device = run("losetup", "-f", "--show", path)
    except Failed as e:
        raise CannotHere(str(e)) from e
    return device, undo.later("losetup", "-d", device)


def mount(undo, device, where, options="noatime"):
    os.makedirs(where, exist_ok=True)
    try:
        run("mount", "-t", "ext4", "-o", options, device, where)
    except Failed as e:
        raise CannotHere(str(e)) from e
    return undo.later("umount", "-l", where)


class Volume:
    """An ext4 file system of MIB mebibytes mounted at .path."""

    def __init__(self, undo, directory, name, mib):
        can_mount()
        self.undo, self.image, self.path = undo, f"{directory}/{name}.img", f"{directory}/{name}"
        with open(self.image, "wb") as f:
            f.truncate(mib << 20)
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)
        device, self.loop = attach(undo, self.image)
        self.mounted = mount(undo, device, self.path)
        os.chmod(self.path, 0o755)
        self.ballast = self.path + "/ballast"

    def used(self):
        """Percent of its blocks."""
        st = os.statvfs(self.path)
        return 100 * (st.f_blocks - st.f_bavail) / st.f_blocks

    def free_bytes(self):
        st = os.statvfs(self.path)
        return st.f_bavail * st.f_frsize

    def fill(self, percent=100):
        """Ballast until PERCENT of it are used; 100 leaves nothing at all."""
        st = os.statvfs(self.path)
        want = int(st.f_blocks * percent / 100) * st.f_frsize
        have = (st.f_blocks - st.f_bavail) * st.f_frsize
        size = os.path.getsize(self.ballast) if os.path.exists(self.ballast) else 0
        step = want - have
        with open(self.ballast, "ab") as f:
            while step >= st.f_frsize:
                try:
                    os.posix_fallocate(f.fileno(), size, step)
                    size += step
                    if percent < 100:
                        return
                    step = max(self.free_bytes(), st.f_frsize)
                except OSError:
                    step //= 2

    def empty(self):
        """The ballast goes."""
        if os.path.exists(self.ballast):
            os.unlink(self.ballast)

    def close(self):
        self.undo.now(self.mounted)
        self.undo.now(self.loop)
        if os.path.exists(self.image):
            os.unlink(self.image)


def build_pcut(directory):
    """Compiles the plugin; its path."""
    need("nbdkit", "nbdfuse", os.environ.get("CC", "cc").split()[0])
    if not os.path.exists("/dev/fuse"):
        raise CannotHere("no /dev/fuse")
    plugin = directory + "/pcut.so"
    if not os.path.exists(plugin):
        try:
            run(*os.environ.get("CC", "cc").split(), "-O2", "-shared", "-fPIC", "-o", plugin, HERE + "/pcut.c")
        except Failed as e:
            raise CannotHere(f"the plugin for nbdkit does not compile: {e}") from e
    return plugin


def listens(address):
    """Somebody accepts connections there: the file alone is made before."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(address) == 0


class PowerDisk:
    """An ext4 file system mounted at .path whose power can be cut: cut(), off(), on()."""

    def __init__(self, undo, directory, name, mib, seed, plugin):
        can_mount()
        self.undo, self.base = undo, f"{directory}/{name}"
        self.image, self.path, self.report = self.base + ".img", self.base, self.base + ".report"
        self.worked = False
        with open(self.image, "wb") as f:
            f.truncate(mib << 20)
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)
        self.on(seed, plugin)

    def on(self, seed, plugin):
        """The power is there (again): ext4 replays its journal. SEED decides what the next cut does."""
        address, front = self.base + ".sock", self.base + ".front"
        if os.path.exists(address):
            os.unlink(address)
        log = open(self.base + ".out", "ab")
        self.server = subprocess.Popen(["nbdkit", "-f", "-U", address, plugin, "file=" + self.image, f"seed={seed}",
                                        "report=" + self.report], stdout=log, stderr=log, start_new_session=True)
        server = self.undo.later_end(self.server.pid)
        self._wait(lambda: listens(address), self.server, "nbdkit")
        open(front, "a").close()
        self.fuse = subprocess.Popen(["nbdfuse", front, "--unix", address], stdout=log, stderr=log, start_new_session=True)
        self.handles = [server, self.undo.later_end(self.fuse.pid), self.undo.later("umount", "-l", front)]
        self._wait(lambda: os.path.getsize(front) > 0, self.fuse, "nbdfuse")
        log.close()
        device, loop = attach(self.undo, front)
        self.handles += [loop, mount(self.undo, device, self.path)]
        self.worked = True

    def _wait(self, condition, process, name):
        until = time.monotonic() + 10
        while not condition():
            if process.poll() is not None or time.monotonic() > until:
                with open(self.base + ".out", errors="replace") as f:
                    # what worked here before is not what this machine lacks
                    raise (Failed if self.worked else CannotHere)(f"{name} did not start: {f.read()[-300:].strip()}")
            time.sleep(0.01)

    def cut(self):
        """Power off. What the disk did with the blocks that were not flushed: {"unflushed", "survived", "torn", "lost"}."""
        self.server.send_signal(signal.SIGUSR1)
        self.server.wait(60)
        with open(self.report) as f:
            words = f.read().split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def off(self):
        """After cut(), and when nobody uses .path any more: the dead device goes."""
        for handle in reversed(self.handles):
            self.undo.now(handle)
        self.handles = []
        self.fuse.wait()
        self.server.wait()

    def close(self):
        if self.handles:
            self.off()
        if os.path.exists(self.image):
            os.unlink(self.image)
