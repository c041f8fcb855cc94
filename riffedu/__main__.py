"""``python -m riffedu`` is ``riffedu``."""

import sys

from riffedu.cli import main

if __name__ == "__main__":
    sys.exit(main())
