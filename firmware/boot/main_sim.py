"""What a simulated scanner starts with; the last argument is the folder that stands for its flash."""

import sys

import loader

loader.start(sys.argv[-1])
