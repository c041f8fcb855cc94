"""The commands of ``riffedu``, one module per verb; conversions have riffusion-hobby's flags.

Each module defines ``add_arguments(parser)`` and ``run(args) -> int``, which `riffedu.cli` calls.
"""
