"""``python -m riffedu`` is ``riffedu``."""

from riffedu.cli import program

if __name__ == "__main__":
    program()
