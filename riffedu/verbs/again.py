"""``riffedu again``: makes the clip of a file again, from the record inside it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu import __version__, limits
from riffedu.errors import RiffeduError
from riffedu.music.musical_key import ANY
from riffedu.output import check_output, say
from riffedu.signal.files.tags import KEY, Record, read_record
from riffedu.verbs.outputs import SOUNDS, add_output_arguments, report

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline
    from riffedu.music.result import Result

COMMON = ("negative_prompt", "seed", "num_inference_steps", "guidance_scale")
KNOWN = {KEY, "verb", "prompt", "model", "model_hash", "device", "steps_taken", *COMMON}
USED = {
    "generate": {"duration", "sampler", "tempo", "key", "batch", "stereo"},
    "transform": {"audio", "strength", "masked", "mask", "sampler", "overlap"},
    "extend": {"audio", "strength", "duration", "sampler", "overlap"},
    "loop": {"strength", "bpm", "beats", "sampler", "overlap"},
    "interpolate": {"pieces", "easing", "pieces_made", "sampler", "overlap"},
    "image-to-audio": {"picture", "quality", "made_from"},
}
"""What a record of each verb holds; anything else cannot be repeated."""
OPTIONAL = {"key", "batch", "stereo", "mask", "overlap", "made_from"}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of ``riffedu again``."""
    parser.add_argument("file", help="sound or picture that riffedu wrote")
    parser.add_argument(
        "-o", "--output", required=True, help=f"file to write: {SOUNDS}; or a picture, such as .png"
    )
    parser.add_argument("--audio", help="sound that was edited, for transform and extend")
    parser.add_argument("--image", help="picture that was converted, for image-to-audio")
    parser.add_argument(
        "--model", help="folder of the model (default: the one that the record names)"
    )
    add_output_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="print no progress bar and no summary")


def run(args: Namespace) -> int:
    """Make the clip of a file again."""
    from riffedu.signal.files.saving import FORMATS, check_format
    from riffedu.signal.image import PICTURES

    path = check_output(args.output, [*FORMATS, *PICTURES], "sound", args.overwrite)
    record = checked_record(args.file)
    if path.suffix.lower() not in PICTURES:
        bits = args.bits or bits_of(args.file, path)
        check_format(path, bits)
    elif record["verb"] == "image-to-audio":
        raise RiffeduError(f"{args.file} is a sound made from a picture: write a sound, not {path}")
    else:
        bits = None
    if record["verb"] == "image-to-audio":
        seconds = _convert(record, args, path, bits)
    else:
        result = repeat(record, args)
        if "stereo" in record:
            result = result.widened(record["stereo"])
        result.save(path, bits)
        seconds = result.waveform.shape[-1] / result.sample_rate
    if not args.quiet:
        report(f"{path}: {seconds:.2f} s, {record['verb']} again", path)
    return 0


def checked_record(file: str) -> Record:
    """Return the record inside a file, if it can be repeated; warn about another version."""
    record = read_record(file)
    if record is None:
        raise RiffeduError(f"{file} does not say how it was made: it contains no record by riffedu")
    verb = str(record.get("verb"))
    if verb not in USED:
        raise RiffeduError(
            f"{file} was made by {verb}, which cannot be repeated; {', '.join(USED)} can"
        )
    if unknown := sorted(set(record) - KNOWN - USED[verb]):
        raise RiffeduError(
            f"{file} was made with {', '.join(unknown)}, which this version cannot repeat"
        )
    needed = USED[verb] - OPTIONAL | ({"prompt"} if verb in AGAIN else {"seed"})
    if needed - set(record) or not _batch_is_whole(record):
        raise RiffeduError(f"the record in {file} is damaged: `riffedu show` prints it")
    if record.get("mask") is True:
        raise RiffeduError(f"{file} was made with a mask that the file does not contain")
    if record[KEY] != __version__:
        say(
            f"riffedu: warning: {file} was made by riffedu {record[KEY]}, this is {__version__}: "
            "the result may differ",
            sys.stderr,
        )
    return record


def _batch_is_whole(record: Record) -> bool:
    """Whether a batch, if there is one, lists clips of equal size, the record's own among them."""
    batch = record.get("batch", [])
    size = len(_own_place(record))
    clips = isinstance(batch, list) and all(isinstance(c, list) and len(c) == size for c in batch)
    return clips and ("batch" not in record or _own_place(record) in batch)


def _own_place(record: Record) -> list:
    """Return what a batch lists of each clip; records made before there were keys have none."""
    values = ("prompt", "negative_prompt", "seed", "tempo", "key")
    return [record.get(value) for value in values if value != "key" or "key" in record]


def bits_of(file: str, path: Path) -> str | None:
    """Return the ``--bits`` of a WAV or FLAC file, where the new file can have them too."""
    import soundfile

    from riffedu.signal.files.saving import BITS

    names = {"PCM_24": "24", "FLOAT": "float"}
    if path.suffix.lower() not in (".wav", ".flac"):
        return None
    try:
        with open(file, "rb") as opened, soundfile.SoundFile(opened) as sound:
            bits = names.get(sound.subtype)
    except (soundfile.SoundFileError, OSError):
        return None
    return None if path.suffix.lower() == ".flac" and bits == BITS[-1] else bits


def repeat(record: Record, args: Namespace) -> Result:
    """Run the verb of a record again; `USED` lists the verbs that can be run again."""
    from riffedu.diffusion.samplers import SAMPLERS
    from riffedu.verbs.music import opened

    clip = _clip(record, args) if "audio" in record else None
    limits.one_of("the sampler in the record", record["sampler"], list(SAMPLERS))
    shared: dict[str, Any] = {key: record[key] for key in COMMON if key in record}
    named = args.model or str(record.get("model"))
    if not args.model and Path(named).name != named:  # a file must not choose what is downloaded
        raise RiffeduError(f"{args.file} names the model {named!r}: give its folder with --model")
    asked = Namespace(model=named, device=record.get("device", "cpu"), quiet=args.quiet)
    with opened(asked) as pipeline:
        check_model(pipeline, record, args)
        return AGAIN[record["verb"]](pipeline, record, clip, shared, not args.quiet)


def check_model(pipeline: Pipeline, record: Record, args: Namespace) -> None:
    """Raise RiffeduError unless the model has the weights that made the file."""
    there, wanted = pipeline.identity()["model_hash"], record.get("model_hash")
    if there != wanted:
        raise RiffeduError(
            f"{args.file} was made with the model {record.get('model')} (hash {wanted}), but the "
            f"model here has hash {there}: give the folder of that model with --model"
        )


def _generate(pipeline: Any, record: Record, clip: Any, shared: dict, progress: bool) -> Any:
    more = {"duration": record["duration"], "sampler": record["sampler"], "progress": progress}
    if "batch" not in record:
        more |= {"tempo": record["tempo"], "key": record.get("key", "")}
        return pipeline.generate(record["prompt"], **shared, **more)
    # A batch rounds differently from one clip, so all of it is made.
    prompts, negatives, seeds, *hints = (list(column) for column in zip(*record["batch"]))
    shared = {**shared, "negative_prompt": negatives, "seed": seeds, "key": ""}
    for name, values in zip(("tempo", "key"), hints):
        shared[name] = values[0] if len(set(values)) == 1 else None
    if shared["key"] is None and all(hints[1]):
        shared["key"] = ANY  # and if all prompts name theirs, the same
    made: Any = pipeline.generate(prompts, **shared, **more)
    return made[record["batch"].index(_own_place(record))]


def _edit_options(record: Record, shared: dict) -> dict[str, Any]:
    from riffedu.diffusion.samplers import SAMPLERS

    options = {key: record[key] for key in ("strength", "overlap") if key in record}
    return {**shared, **options, "sampler": SAMPLERS[record["sampler"]]}


def _transform(pipeline: Any, record: Record, clip: Any, shared: dict, progress: bool) -> Any:
    options = _edit_options(record, shared)
    mask = record.get("mask")
    return pipeline.transform(clip, record["prompt"], mask=mask, progress=progress, **options)


def _extend(pipeline: Any, record: Record, clip: Any, shared: dict, progress: bool) -> Any:
    options = _edit_options(record, shared)
    return pipeline.extend(clip, record["prompt"], record["duration"], progress=progress, **options)


def _loop(pipeline: Any, record: Record, clip: Any, shared: dict, progress: bool) -> Any:
    options = _edit_options(record, shared)
    beats = {"bpm": record["bpm"], "beats": record["beats"]}
    return pipeline.loop(record["prompt"], progress=progress, **beats, **options)


def _interpolate(pipeline: Any, record: Record, clip: Any, shared: dict, progress: bool) -> Any:
    from itertools import islice

    from tqdm.auto import tqdm

    from riffedu.music.stream import interpolate_prompts, join, journey_parameters

    way = (record["prompt"], record["pieces"], record["easing"])
    options, count = _edit_options(record, shared), record["pieces_made"]
    pieces = islice(interpolate_prompts(pipeline, *way, **options), count)
    made = list(tqdm(pieces, total=count, desc="pieces", disable=not progress))
    return join(pipeline, made, journey_parameters(pipeline, *way, len(made), **options))


AGAIN: dict[str, Callable[..., Any]] = {
    "generate": _generate,
    "transform": _transform,
    "extend": _extend,
    "loop": _loop,
    "interpolate": _interpolate,
}


def _clip(record: Record, args: Namespace) -> Any:
    """Return the sound that was edited, if it is given and is the same."""
    from riffedu.music.provenance import sound_hash
    from riffedu.verbs.music import load_clip

    if not args.audio:
        raise RiffeduError(
            f"{args.file} was made from another sound, which it does not contain: "
            "give it with --audio"
        )
    clip = load_clip(args.audio)
    if sound_hash(*clip) != record["audio"]:
        raise RiffeduError(f"{args.audio} is not the sound that {args.file} was made from")
    return clip


def _convert(record: Record, args: Namespace, path: Path, bits: str | None) -> float:
    """Convert the picture of a sound again; return its length in seconds."""
    from riffedu.music.provenance import picture_hash
    from riffedu.signal.audio import save
    from riffedu.signal.image import load_image
    from riffedu.verbs import image_to_audio

    if not args.image:
        raise RiffeduError(
            f"{args.file} was made from a picture, which it does not contain: give it with --image"
        )
    image = load_image(args.image)
    if picture_hash(image) != record["picture"]:
        raise RiffeduError(f"{args.image} is not the picture that {args.file} was made from")
    settings = record["quality"], record["seed"]
    waveform, rate, _ = image_to_audio.convert(image, *settings)
    save(path, waveform, rate, bits, image_to_audio.record(image, *settings))
    return waveform.shape[-1] / rate
