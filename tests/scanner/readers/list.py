"""Lists archives as Python's tarfile or libarchive reads them, one line of JSON for each.

list.py python|libarchive: standard input has the archives, each after its length as eight bytes, the
lowest first. libarchive is called as bsdtar calls it.
"""

import ctypes
import io
import json
import stat
import struct
import sys
import tarfile


def archives():
    while length := sys.stdin.buffer.read(8):
        yield sys.stdin.buffer.read(struct.unpack("<Q", length)[0])


def hexed(text):
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogateescape")
    return (text or b"").hex()


def of_python(archive):
    entries = []
    kinds = {
        tarfile.DIRTYPE: "directory",
        tarfile.SYMTYPE: "symlink",
        tarfile.LNKTYPE: "hardlink",
        tarfile.CHRTYPE: "special",
        tarfile.BLKTYPE: "special",
        tarfile.FIFOTYPE: "special",
    }
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:", encoding="utf-8") as opened:
            for entry in opened:
                kind = kinds.get(entry.type, "file")
                content = b""
                if kind == "file":
                    content = opened.fileobj and tarfile.ExFileObject(opened, entry).read().strip(b"\0")
                entries.append([kind, hexed(entry.name), hexed(entry.linkname), hexed(content)])
    except Exception:  # Whatever it stops at, it stops.
        return {"whole": False, "entries": entries}
    return {"whole": True, "entries": entries}


def libarchive():
    library = ctypes.CDLL("libarchive.so.13")
    library.archive_read_new.restype = ctypes.c_void_p
    text_of = {}
    for name in ("pathname", "hardlink", "symlink"):
        text_of[name] = getattr(library, "archive_entry_" + name)
        text_of[name].restype = ctypes.c_char_p
        text_of[name].argtypes = [ctypes.c_void_p]
    library.archive_entry_filetype.argtypes = [ctypes.c_void_p]
    library.archive_read_data.restype = ctypes.c_ssize_t

    def read(archive):
        reader = ctypes.c_void_p(library.archive_read_new())
        library.archive_read_support_filter_all(reader)
        library.archive_read_support_format_all(reader)
        library.archive_read_open_memory(reader, archive, ctypes.c_size_t(len(archive)))
        entries, entry = [], ctypes.c_void_p()
        while True:
            status = library.archive_read_next_header(reader, ctypes.byref(entry))
            # 1 is the end; -20 a warning, after which bsdtar goes on.
            if status not in (0, -20):
                break
            of = lambda name: text_of[name](entry) or b""
            mode = library.archive_entry_filetype(entry)
            content = b""
            if of("hardlink"):
                kind, target = "hardlink", of("hardlink")
            elif stat.S_ISLNK(mode):
                kind, target = "symlink", of("symlink")
            elif stat.S_ISDIR(mode):
                kind, target = "directory", b""
            elif stat.S_ISREG(mode):
                kind, target = "file", b""
                content = data(reader)
            else:
                kind, target = "special", b""
            if content is None:
                break
            entries.append([kind, hexed(of("pathname")), hexed(target), hexed(content)])
        library.archive_read_free(reader)
        return {"whole": status == 1, "entries": entries}

    def data(reader):
        buffer, content = ctypes.create_string_buffer(1 << 16), b""
        while (count := library.archive_read_data(reader, buffer, ctypes.c_size_t(1 << 16))) > 0:
            if len(content) < 1 << 20:
                content += buffer.raw[:count]
        return None if count < 0 else content.strip(b"\0")

    return read


def main():
    read = libarchive() if sys.argv[1] == "libarchive" else of_python
    for archive in archives():
        print(json.dumps(read(archive)))


main()
