"""A flash in RAM for littlefs, whose power can be cut: after so many writes and erasures nothing works any more."""

import errno
import os

try:
    import vfs
except ImportError:
    import os as vfs

BLOCK_BYTES = 4096
NO_POWER = -errno.EIO
WHOLE, HALF, NOISE = "whole", "half", "noise"
COUNT, BLOCK_SIZE, ERASE = 4, 5, 6


class Flash:
    """`blocks` blocks; a copy shares the blocks that neither has changed since.

    `operations` counts writes and erasures, `reads` reads. When `left` of them are done, the power goes: the one that
    comes then is not done, or torn as `torn` says, half of it done, or half done and the rest noise.
    """

    def __init__(self, blocks):
        self._blocks = [bytes(BLOCK_BYTES)] * blocks
        self._own = [False] * blocks
        self.operations = 0
        self.reads = 0
        self.left = None
        self.torn = WHOLE

    def copy(self):
        other = Flash(0)
        other._blocks = list(self._blocks)
        other._own = [False] * len(self._blocks)
        self._own = [False] * len(self._blocks)
        return other

    def readblocks(self, block, buffer, offset=0):
        if self._is_dead():
            return NO_POWER
        self.reads += 1
        buffer[:] = memoryview(self._blocks[block])[offset : offset + len(buffer)]
        return 0

    def writeblocks(self, block, buffer, offset=0):
        if self._is_dead():
            return NO_POWER
        if not self._own[block]:
            self._blocks[block] = bytearray(self._blocks[block])
            self._own[block] = True
        length = len(buffer)
        if self._is_last():
            length = 0 if self.torn == WHOLE else length // 2
            if self.torn == NOISE:
                rest = len(buffer) - length
                self._blocks[block][offset + length : offset + len(buffer)] = os.urandom(rest)
        self._blocks[block][offset : offset + length] = memoryview(buffer)[:length]
        return NO_POWER if self._is_dead() else 0

    def ioctl(self, operation, argument):
        if operation == COUNT:
            return len(self._blocks)
        if operation == BLOCK_SIZE:
            return BLOCK_BYTES
        if operation == ERASE:
            if self._is_dead():
                return NO_POWER
            if not self._is_last() or self.torn != WHOLE:
                self._blocks[argument] = b"\xff" * BLOCK_BYTES
                self._own[argument] = False
            return NO_POWER if self._is_dead() else 0
        return 0

    def _is_last(self):
        self.operations += 1
        if self.left is not None:
            self.left -= 1
        return self.left == -1

    def _is_dead(self):
        return self.left is not None and self.left < 0


def format_flash(flash):
    vfs.VfsLfs2.mkfs(flash)


def mount(flash, path):
    vfs.mount(vfs.VfsLfs2(flash), path)


def unmount(path):
    vfs.umount(path)
