package pktgen

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// fill is the payload.
func (f *frames) fill(seed uint64) ([]byte, error) {
	kind, text, _ := strings.Cut(f.payload, ":")
	switch {
	case f.payload == "":
		return nil, nil
	case f.payload == "zeros":
		return []byte{0}, nil
	case f.payload == "random":
		b := make([]byte, 1<<16) // longer than any frame: nothing comes twice
		r := rand.New(rand.NewPCG(seed, 0))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b, nil
	case kind == "text" && text != "":
		return []byte(text), nil
	case kind == "hex" && text != "":
		b, err := hex.DecodeString(text)
		if err != nil {
			return nil, cli.Usagef("--payload: %q is not bytes in hexadecimal: %w", text, err)
		}
		return b, nil
	case kind == "file":
		file, err := os.Open(text)
		if err != nil {
			return nil, fmt.Errorf("--payload: %w", err)
		}
		defer file.Close()
		b, err := io.ReadAll(io.LimitReader(file, 1<<16))
		if err == nil && len(b) == 0 {
			err = errors.New("the file is empty")
		}
		if err != nil {
			return nil, fmt.Errorf("--payload: read %s: %w", text, err)
		}
		return b, nil
	}
	return nil, cli.Usagef("--payload: %q is none of zeros, random, text:…, hex:… and file:…", f.payload)
}

// firstFrame reads the first whole frame of a capture file.
func firstFrame(file string) ([]byte, error) {
	port, err := engine.Open("pcap:"+file, &engine.Config{RX: 1, Slots: 2, BufSize: 1<<16 - 1})
	if err != nil {
		return nil, fmt.Errorf("--packet: %w", err)
	}
	defer port.Close()
	q := port.RX()[0]
	for begin := time.Now(); time.Since(begin) < 5*time.Second; {
		if err = q.Sync(); err != nil {
			break
		}
		if ring := q.Ring(); ring.Space() > 0 {
			return append([]byte(nil), ring.Bytes(ring.Slot(ring.Head()))...), nil
		}
		if err = q.Wait(100 * time.Millisecond); err != nil {
			break
		}
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s has no whole frame", file)
	}
	return nil, fmt.Errorf("--packet: %w", err)
}
