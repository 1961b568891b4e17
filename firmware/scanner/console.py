"""The console of MicroPython as a serial line: UART0, or the USB port of a chip that has one."""

import select
import sys

# Its ring holds 260 bytes, and what base64 makes of a packet must find room.
BUFFER_BYTES = 180


class Console:
    """Allocates nothing while nothing comes."""

    buffer_bytes = BUFFER_BYTES

    def __init__(self) -> None:
        self._input = sys.stdin.buffer
        self._output = sys.stdout.buffer
        self._byte = bytearray(1)
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)

    def readinto(self, buffer: "bytearray | memoryview") -> int:
        count = 0
        # A read waits until all that it asks for is there, so it asks for one byte.
        while count < len(buffer) and self._has_byte() and self._input.readinto(self._byte):
            buffer[count] = self._byte[0]
            count += 1
        return count

    def write(self, data: bytes) -> None:
        self._output.write(data)

    def _has_byte(self) -> bool:
        for _ in self._poll.ipoll(0):
            return True
        return False
