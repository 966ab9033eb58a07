"""Runs a program and writes what it used to a file: meter.py FILE PROGRAM [ARGUMENT...]"""

import os
import sys
import time

started = time.monotonic()
program = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(program, 0)
with open(sys.argv[1], "w", encoding="ascii") as report:
    report.write(f'{{"wall": {time.monotonic() - started}, "cpu": {usage.ru_utime + usage.ru_stime}, '
                 f'"kib": {usage.ru_maxrss}}}')
sys.exit(os.waitstatus_to_exitcode(status))
