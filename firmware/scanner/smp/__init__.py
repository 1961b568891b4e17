"""SMP, the management protocol of mcumgr, over a serial line: the scanner's side (docs/serial.md)."""
