"""``riffedu print-exif``: prints a picture's Riffusion EXIF tags."""

from argparse import ArgumentParser, Namespace

from riffedu.output import say


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu print-exif``."""
    parser.add_argument("--image", required=True, help="picture to read")


def run(args: Namespace) -> int:
    """Print a picture's Riffusion EXIF tags."""
    from riffedu.signal.image import MAX_VALUE_TAG, RANGE_DB_TAG, load_image, tags_of
    from riffedu.signal.params import EXIF_TAGS

    exif = tags_of(load_image(args.image))
    names = {**EXIF_TAGS, "max_value": MAX_VALUE_TAG, "range_db": RANGE_DB_TAG}
    found = {name.upper(): exif[tag] for name, tag in names.items() if tag in exif}
    for name, value in found.items():
        say(f"{name:<20} = {value!s:>15}")
    if not found:
        say(f"{args.image} has none of Riffusion's tags: the default parameters apply")
    return 0
