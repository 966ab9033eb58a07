// Lists archives as Go's archive/tar reads them and runtimes unpack them, one line of JSON for each.
//
// Standard input has the archives, each after its length as eight bytes, the lowest first.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"strings"
)

type entry [4]string

type listing struct {
	Whole   bool    `json:"whole"`
	Entries []entry `json:"entries"`
}

// kind gives what runtimes make of a type; none where they refuse it.
func kind(flag byte) string {
	switch flag {
	case tar.TypeReg, tar.TypeRegA, tar.TypeCont, tar.TypeGNUSparse:
		return "file"
	case tar.TypeDir:
		return "directory"
	case tar.TypeSymlink:
		return "symlink"
	case tar.TypeLink:
		return "hardlink"
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return "special"
	}
	return ""
}

func list(archive []byte) listing {
	found := listing{Entries: []entry{}}
	reader := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			found.Whole = true
			return found
		}
		if err != nil {
			return found
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		kind := kind(header.Typeflag)
		if kind == "" {
			return found
		}
		content := ""
		if kind == "file" {
			text, err := io.ReadAll(io.LimitReader(reader, 1<<20))
			if err != nil {
				return found
			}
			content = strings.Trim(string(text), "\x00")
		}
		hexed := func(text string) string { return hex.EncodeToString([]byte(text)) }
		found.Entries = append(found.Entries, entry{kind, hexed(header.Name), hexed(header.Linkname), hexed(content)})
	}
}

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines := json.NewEncoder(out)
	var length uint64
	for binary.Read(in, binary.LittleEndian, &length) == nil {
		archive := make([]byte, length)
		if _, err := io.ReadFull(in, archive); err != nil {
			panic(err)
		}
		if err := lines.Encode(list(archive)); err != nil {
			panic(err)
		}
	}
}
