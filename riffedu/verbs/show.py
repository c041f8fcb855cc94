"""``riffedu show``: prints how a sound or picture was made."""

import json
from argparse import ArgumentParser, Namespace

from riffedu.output import say


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu show``."""
    parser.add_argument("file", help="sound or picture that riffedu wrote")
    parser.add_argument("--json", action="store_true", help="print the record as JSON")


def run(args: Namespace) -> int:
    """Print the record inside a file; return 1 if it has none."""
    from riffedu.signal.files.tags import read_record

    record = read_record(args.file)
    if record is None:
        say(f"{args.file} does not say how it was made: it contains no record by riffedu")
        return 1
    if args.json:
        say(json.dumps(record, ensure_ascii=False, indent=1))
        return 0
    for line in lines(record):
        say(line)
    return 0


def lines(record: dict, indent: str = "") -> list[str]:
    """Return a line per value; a record inside is indented."""
    shown = []
    for key, value in record.items():
        if isinstance(value, dict):
            shown += [f"{indent}{key.replace('_', ' ')}:", *lines(value, f"{indent}  ")]
        elif value not in ("", None):
            parts = value if isinstance(value, list) else [value]
            texts = [f"{part:g}" if isinstance(part, float) else str(part) for part in parts]
            shown.append(f"{indent}{key.replace('_', ' ')}: {', '.join(texts)}")
    return shown
