"""`python -m snnlab_course` is the command `snnlab`."""

import sys

from snnlab_course.command_line import main

if __name__ == "__main__":
    sys.exit(main())
