"""Files that are found, downloaded and checked: one is used only if its checksum is right, wherever it was found."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError
from .locks import folder_lock

PATIENCE = 3600.0  # seconds for which a process waits for the downloads of another

__all__ = ["ALTERED", "download", "local", "verified"]

ALTERED = "{} is truncated or altered: its checksum is not the published one. Delete it or put a good copy there."


def local(folder: str, file: str) -> Path | None:
    """The file in GANVAE_DATA, packed or not, or None."""
    data_folder = os.environ.get("GANVAE_DATA")
    if data_folder and not Path(data_folder).is_dir():
        raise DataError(f"GANVAE_DATA is {data_folder!r}, which is not a folder; correct it, or unset it to download.")
    if not data_folder:
        return None
    unpacked = file.removesuffix(".gz").removesuffix(".bz2")
    for path in (Path(data_folder, folder, file), Path(data_folder, folder, unpacked)):
        if path.is_file():
            return path
    return None


def verified(folder: str, file: str, mirrors: Sequence[str], checksum: str, content_sha256: str | None = None) -> bytes:
    """The unpacked bytes of an intact file: the packed or the unpacked bytes have the right checksum."""
    path = local(folder, file) or download(folder, file, mirrors, checksum)
    packed_bytes = path.read_bytes()
    unpack = {".gz": gzip.decompress, ".bz2": bz2.decompress}.get(path.suffix, bytes)
    try:
        content = unpack(packed_bytes)
    except (OSError, EOFError, ValueError, zlib.error):
        raise DataError(ALTERED.format(path)) from None
    algorithm, expected_digest = checksum.split(":")
    packed_is_intact = hashlib.new(algorithm, packed_bytes).hexdigest() == expected_digest
    if not packed_is_intact and hashlib.sha256(content).hexdigest() != content_sha256:
        raise DataError(ALTERED.format(path))
    return content


def download(folder: str, file: str, mirrors: Sequence[str], checksum: str) -> Path:
    """The file in the cache, checked; from the first mirror that has it. Two rounds, each resumes.

    Of several processes that need the file, one fetches it and the others wait for that.
    """
    advice = f"or set GANVAE_DATA to a folder that holds {folder}/{file}."
    try:
        import pooch
    except ImportError:
        raise DataError(f"downloading {folder} needs pooch: pip install pooch, {advice}") from None
    cache = Path(os.environ.get("GANVAE_CACHE") or pooch.os_cache("ganvae_lib")) / folder
    algorithm, expected_digest = checksum.split(":")
    if (cache / file).is_file() and pooch.file_hash(str(cache / file), algorithm) == expected_digest:
        return cache / file  # a cache that is whole need not be one that can be written
    # A mirror is a folder, or the address of the file where it has another name there.
    addresses = [mirror + file if mirror.endswith("/") else mirror for mirror in mirrors]
    try:
        with folder_lock(cache, wait=PATIENCE):
            for address in addresses + addresses:  # two rounds
                try:
                    return Path(pooch.retrieve(address, checksum, fname=file, path=cache, downloader=_resume))
                except (OSError, ValueError) as error:  # no connection, HTTP error, full disk; or a wrong checksum
                    last_error = " ".join(str(error).split())[:200]  # on one line, and not a whole page
    except OSError as error:  # nobody can write there, or another process fetches it for too long
        last_error = str(error)
    raise DataError(
        f"could not download {folder}/{file} (last try: {last_error}). Check the network and try again, {advice}"
    )


def _resume(url: str, output: str, _pooch: Any) -> None:
    """Downloader for pooch: bytes gather in a .part file, and a broken transfer goes on where it stopped.

    pooch moves the finished file into the cache only if its checksum is right.
    """
    import requests
    import urllib3

    partial_file = Path(output).with_name(url.rsplit("/", 1)[-1] + ".part")
    bytes_so_far = partial_file.stat().st_size if partial_file.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if bytes_so_far:
        headers["Range"] = f"bytes={bytes_so_far}-"
    with requests.get(url, headers=headers, stream=True, timeout=30) as response:
        if response.status_code == 416:  # range not satisfiable, nothing after these bytes: start again
            partial_file.unlink()
        response.raise_for_status()
        resumed = response.status_code == 206  # partial content, as asked
        try:
            with open(partial_file, "ab" if resumed else "wb") as partial_output:
                for chunk in response.raw.stream(2**16, decode_content=False):  # requests would gunzip some replies
                    partial_output.write(chunk)
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(f"{url} broke off: {error}") from None
    expected_bytes = int(response.headers.get("Content-Length", 0)) + (bytes_so_far if resumed else 0)
    if partial_file.stat().st_size < expected_bytes:
        raise ConnectionError(f"{url} broke off")
    partial_file.replace(output)
