"""Import each module named as an argument, print its name: whether an interpreter can parse and start it."""

import sys

for name in sys.argv[1:]:
    __import__(name)
    print(name)
