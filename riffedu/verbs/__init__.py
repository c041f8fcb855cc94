"""riffusion-hobby's conversions in the shell, one verb a module, with its flags.

Each module offers ``add_arguments(parser)`` and ``run(args) -> int``, as `riffedu.cli` wants them.
"""
