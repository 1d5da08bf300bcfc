package vm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// An elfFile is as much of an ELF file as this package reads of one.
type elfFile struct {
	machine  elf.Machine // 0: x86-64
	interp   string
	needed   []string
	runpath  string
	rpath    string
	sections map[string]string // more of them, with content
}

// write writes it to a new file below dir and returns its path.
func (e *elfFile) write(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, e.bytes(t), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func (e *elfFile) bytes(t *testing.T) []byte {
	t.Helper()
	dynstr, dynamic := []byte{0}, []elf.Dyn64{}
	tag := func(tag elf.DynTag, s string) {
		if s != "" {
			dynamic = append(dynamic, elf.Dyn64{Tag: int64(tag), Val: uint64(len(dynstr))})
			dynstr = append(append(dynstr, s...), 0)
		}
	}
	for _, n := range e.needed {
		tag(elf.DT_NEEDED, n)
	}
	tag(elf.DT_RUNPATH, e.runpath)
	tag(elf.DT_RPATH, e.rpath)
	dynamic = append(dynamic, elf.Dyn64{})

	type section struct {
		name    string
		kind    elf.SectionType
		link    uint32
		content any
	}
	all := []section{{}, {".dynstr", elf.SHT_STRTAB, 0, dynstr}, {".dynamic", elf.SHT_DYNAMIC, 1, dynamic}}
	for name, s := range e.sections {
		all = append(all, section{name, elf.SHT_PROGBITS, 0, []byte(s)})
	}
	const head, phdr = 64, 56
	var body, table bytes.Buffer
	names := []byte{0}
	body.WriteString(e.interp + "\x00")
	put := func(w *bytes.Buffer, v any) {
		if err := binary.Write(w, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	all = append(all, section{".shstrtab", elf.SHT_STRTAB, 0, nil})
	for i, s := range all {
		h := elf.Section64{Name: uint32(len(names)), Type: uint32(s.kind), Link: s.link, Off: uint64(head + phdr + body.Len())}
		if i == 0 {
			h = elf.Section64{}
		} else {
			names = append(append(names, s.name...), 0)
			if i == len(all)-1 {
				s.content = names
			}
			before := body.Len()
			put(&body, s.content)
			h.Size = uint64(body.Len() - before)
		}
		put(&table, h)
	}
	machine := e.machine
	if machine == 0 {
		machine = elf.EM_X86_64
	}
	h := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Phoff: head, Shoff: uint64(head + phdr + body.Len()),
		Ehsize: head, Phentsize: phdr, Phnum: 1, Shentsize: 64, Shnum: uint16(len(all)), Shstrndx: uint16(len(all) - 1),
	}
	copy(h.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	p := elf.Prog64{Type: uint32(elf.PT_NULL)}
	if e.interp != "" {
		p = elf.Prog64{Type: uint32(elf.PT_INTERP), Off: head + phdr, Filesz: uint64(len(e.interp) + 1)}
	}
	var file bytes.Buffer
	put(&file, h)
	put(&file, p)
	file.Write(body.Bytes())
	file.Write(table.Bytes())
	return file.Bytes()
}
