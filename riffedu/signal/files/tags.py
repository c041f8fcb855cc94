"""Lesson 01: text inside sound and picture files, which says how they were made.

A record is a dictionary of plain values (prompt, seed, steps …). It is stored as JSON:

    WAV           LIST INFO chunk   INAM title, ICMT record, ISFT program
    FLAC, Ogg     Vorbis comments   TITLE, COMMENT, ENCODER
    MP3           ID3v2.4           TIT2, COMM, TSSE
    PNG           text              "riffedu" record, "parameters" for other programs
    JPEG, WebP    EXIF              UserComment

`riffedu.music.provenance` says what a record contains.
"""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from riffedu.errors import RiffeduError

Record = dict[str, Any]

EXIF_IFD, USER_COMMENT = 0x8769, 0x9286
UNICODE = b"UNICODE\0"
KEY = "riffedu"
"""The record's version field, and the name of its text in a PNG file."""
TITLE = 200
"""The most letters of a prompt that become a file's title."""


def comments(record: Record) -> dict[str, str]:
    """Return the three texts of a sound file: title, comment (the record as JSON), software.

    >>> comments({"riffedu": "0.1.0", "prompt": "a piano"})["comment"]
    '{"riffedu": "0.1.0", "prompt": "a piano"}'
    """
    found = {
        "title": title(record)[:TITLE],
        "comment": json.dumps(record),  # ASCII: it survives every reader
        "software": f"riffedu {record.get(KEY, '')}".strip(),
    }
    return {name: text for name, text in found.items() if text}


def title(record: Record) -> str:
    """Return a record's prompt or prompts on one line, or "" if it has none."""
    prompt = record.get("prompt") or (record.get("made_from") or {}).get("prompt") or ""
    parts = prompt if isinstance(prompt, list) else [prompt]
    return " ".join(" → ".join(map(str, parts)).split())


def parameters_text(record: Record) -> str:
    """Return a record in the notation of image tools: prompt, negative prompt, then settings.

    >>> print(parameters_text({"riffedu": "0.1.0", "prompt": "a piano", "seed": 7}))
    a piano
    Seed: 7, Version: riffedu 0.1.0
    """
    names = {
        "num_inference_steps": "Steps",
        "sampler": "Sampler",
        "guidance_scale": "CFG scale",
        "seed": "Seed",
        "size": "Size",
        "model_hash": "Model hash",
        "model": "Model",
        "strength": "Denoising strength",
        KEY: "Version",
    }
    values = {**record, KEY: f"riffedu {record.get(KEY, '')}".strip()}
    known = [(name, values.get(key)) for key, name in names.items()]
    settings = [f"{name}: {value}" for name, value in known if value not in (None, "")]
    lines = [title(record)]
    if record.get("negative_prompt"):
        lines.append(f"Negative prompt: {record['negative_prompt']}")
    return "\n".join([*lines, ", ".join(settings)])


def read_record(path: str | Path) -> Record | None:
    """Read the record inside a sound or picture file; None if it has none.

    Raises RiffeduError if the file is missing or unreadable.
    """
    path = Path(path).expanduser()
    try:
        with open(path, "rb") as file:
            head = file.read(12)
            if not head:
                raise RiffeduError(f"{path} is empty (0 bytes)")
            if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
                return parse(dict(_riff_texts(file)).get(b"ICMT", ""))
            if head[:3] == b"ID3":
                file.seek(0)
                return parse(_id3_comment(file))
    except OSError as error:
        raise RiffeduError(f"{path} cannot be read: {error.strerror}") from None
    if head[:4] in (b"fLaC", b"OggS"):
        return _libsndfile_record(path)
    if head[4:8] == b"ftyp":
        return _ffmpeg_record(path)
    return _picture_record(path)


def origin_of(path: Any) -> Record | None:
    """Return the record of a sound that is converted; None for a pipe, or a file without one."""
    try:
        return read_record(path) if Path(path).expanduser().is_file() else None
    except (RiffeduError, TypeError, ValueError, OSError):
        return None


def parse(text: Any) -> Record | None:
    """Return the record in a text, or None if it is not one of riffedu's."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get(KEY), str) else None


# RIFF


def append_info(file: IO[bytes], texts: dict[str, str]) -> None:
    """Append a LIST INFO chunk to a complete WAV file and correct the size in its header."""
    names = {"title": b"INAM", "comment": b"ICMT", "software": b"ISFT"}
    body = b"INFO" + b"".join(
        _chunk(names[name], text.encode("utf-8") + b"\0") for name, text in texts.items()
    )
    end = file.seek(0, 2)
    file.write(b"\0" * (end % 2) + _chunk(b"LIST", body))
    size = file.tell() - 8
    file.seek(4)
    file.write(struct.pack("<I", min(size, 0xFFFFFFFF)))
    file.seek(0, 2)


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _chunks(file: IO[bytes], end: int) -> Iterator[tuple[bytes, int]]:
    """Yield (name, size) of each chunk from here to ``end``; the file stands at its content."""
    while file.tell() + 8 <= end:
        name, size = struct.unpack("<4sI", file.read(8))
        after = file.tell() + size + size % 2
        yield name, min(size, end - file.tell())
        file.seek(after)


def _riff_texts(file: IO[bytes]) -> Iterator[tuple[bytes, str]]:
    end = file.seek(0, 2)
    file.seek(12)
    for name, size in _chunks(file, end):
        if name == b"LIST" and size >= 4 and file.read(4) == b"INFO":
            for key, length in _chunks(file, file.tell() + size - 4):
                yield key, file.read(length).rstrip(b"\0").decode("utf-8", "replace")


# ID3


def id3(texts: dict[str, str]) -> bytes:
    """Return a UTF-8 ID3v2.4 tag, to be placed before the first frame of an MP3 file."""
    utf8 = b"\3"
    frames = {
        "title": (b"TIT2", utf8),
        "software": (b"TSSE", utf8),
        "comment": (b"COMM", utf8 + b"eng\0"),
    }
    body = b""
    for name, text in texts.items():
        key, start = frames[name]
        content = start + text.encode("utf-8")
        body += key + _syncsafe(len(content)) + b"\0\0" + content
    return b"ID3\4\0\0" + _syncsafe(len(body)) + body


def _syncsafe(number: int) -> bytes:
    """Return 28 bits in four bytes of seven."""
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def _from_syncsafe(data: bytes) -> int:
    return sum((byte & 127) << shift for byte, shift in zip(data, (21, 14, 7, 0)))


def _id3_comment(file: IO[bytes]) -> str:
    head = file.read(10)
    body = file.read(_from_syncsafe(head[6:10]))
    while len(body) > 10 and body[0]:
        key, size = body[:4], _from_syncsafe(body[4:8])
        content, body = body[10 : 10 + size], body[10 + size :]
        if key == b"COMM" and content[:1] == b"\3":
            return content[4:].partition(b"\0")[2].decode("utf-8", "replace")
    return ""


# Other containers


def _libsndfile_record(path: Path) -> Record | None:
    import soundfile

    try:
        with open(path, "rb") as file, soundfile.SoundFile(file) as sound:
            return parse(sound.comment)
    except (soundfile.SoundFileError, OSError, ValueError):
        return None


def _ffmpeg_record(path: Path) -> Record | None:
    """Read the comment of an .m4a file; None without ffmpeg."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", f"file:{path}", "-f", "ffmetadata", "-"]
    try:
        told = subprocess.run(command, capture_output=True, timeout=60).stdout.decode("utf-8")
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    for line in told.splitlines():
        key, _, value = line.partition("=")
        if key == "comment":
            plain = value.replace("\\\\", "\0")
            for letter in "=;#":
                plain = plain.replace(f"\\{letter}", letter)
            return parse(plain.replace("\0", "\\"))
    return None


def _picture_record(path: Path) -> Record | None:
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image_record(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def image_record(image: Any) -> Record | None:
    """Return the record that a picture carries, or None: PNG text, or EXIF's UserComment."""
    if KEY in image.info:
        return parse(image.info[KEY])
    try:
        text = image.getexif().get_ifd(EXIF_IFD).get(USER_COMMENT, b"")
    except (SyntaxError, OSError, ValueError, struct.error):
        return None
    text = text.encode("latin-1", "replace") if isinstance(text, str) else text
    return parse(text[8:].decode("ascii", "replace")) if text.startswith(b"ASCII\0\0\0") else None


def attach(image: Any, record: Record) -> None:
    """Attach a record to a picture in memory; `riffedu.signal.image.save_image` writes it."""
    image.info[KEY] = json.dumps(record)


def texts_of(image: Any) -> dict[str, str]:
    """Return the texts of a PNG file of a picture that carries a record, or {}."""
    record = parse(image.info.get(KEY))
    if record is None:
        return {}
    size = f"{image.width}x{image.height}"
    return {"parameters": parameters_text({**record, "size": size}), KEY: json.dumps(record)}


def derive(image: Any, verb: str, source: Any) -> dict[str, str]:
    """Give a picture the record of the picture it was made from; return `texts_of` it.

    Without a record, nothing is added.
    """
    image.info.pop(KEY, None)
    record = image_record(source)
    if record is not None:
        known = record.get("verb") == verb
        attach(image, record if known else {KEY: record[KEY], "verb": verb, "made_from": record})
    return texts_of(image)


def image_options(image: Any, kind: str) -> dict[str, Any]:
    """Return Pillow's options that write a picture's EXIF tags and its record."""
    from PIL import Image, PngImagePlugin

    exif, record = image.getexif(), parse(image.info.get(KEY))
    if record is None:
        return {"exif": exif.tobytes()}
    if kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        for name, text in texts_of(image).items():
            texts.add_text(name, text)
        return {"exif": exif.tobytes(), "pnginfo": texts}
    copied = Image.Exif()
    copied.load(exif.tobytes())
    copied.get_ifd(EXIF_IFD)[USER_COMMENT] = b"ASCII\0\0\0" + json.dumps(record).encode("ascii")
    return {"exif": copied.tobytes()}
