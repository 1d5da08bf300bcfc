package remote

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"io"
	"time"
)

// What a supervisor and its host's Launcher say to each other: frames of a
// kind (1 byte), a length (4 bytes, big-endian) and that many bytes.
//
//	 here ──▶ the host                 the host ──▶ here
//	start   gob of order             hello    a line of text, before all frames
//	beat    every Silence/10         started
//	term    end in order             stdout   what the program printed
//	stdin   what it is to read       stderr
//	eof     no more of that          taken    of stdin, so many bytes: 4, big-endian
//	                                 deaf     it has closed its standard input
//	                                 exit     gob of end, the last one
//
// Of stdin at most window bytes are under way that are not taken, so that a
// supervisor keeps them and goes on reading frames while the program does not
// read.
type kind byte

const (
	kindStart kind = iota + 1
	kindBeat
	kindTerm
	kindStdin
	kindEOF
	kindStarted
	kindStdout
	kindStderr
	kindTaken
	kindDeaf
	kindExit
)

// hello is printed by a supervisor before its first frame. The number is that
// of the frames above.
const hello = "==ringwalk supervise 3=="

// window bounds what a supervisor keeps of a program's standard input, and what
// is kept here of what the program says.
const window = 256 << 10

// maxFrame bounds what is believed of a length.
const maxFrame = 16 << 20

// An order tells a supervisor what to run.
type order struct {
	Name    string        // argv[0]
	Args    []string      // the rest of it
	Grace   time.Duration // from SIGTERM to SIGKILL
	Silence time.Duration // without a frame ends the program
	Stdin   bool          // the program reads frames of kindStdin, else /dev/null
}

// An end is how the program ended, or why it did not start.
type end struct {
	Status int
	Signal string // "" if it exited
	Failed string // why it was not started; the rest is empty then
}

func writeFrame(w io.Writer, k kind, payload []byte) error {
	b := make([]byte, 0, 5+len(payload))
	b = append(b, byte(k))
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	_, err := w.Write(append(b, payload...))
	return err
}

// pack makes a payload of v: gob, since arguments may be any bytes.
func pack(v any) []byte {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		panic(err) // of a type that cannot be packed, ever
	}
	return b.Bytes()
}

func unpack(payload []byte, v any) error {
	return gob.NewDecoder(bytes.NewReader(payload)).Decode(v)
}

func readFrame(r *bufio.Reader) (kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame claims to have %d bytes", n)
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return kind(head[0]), payload, nil
}

// maxChatter is how much a shell's startup files may print before hello.
const maxChatter = 64 << 10

// readHello skips what a shell's startup files print.
func readHello(r *bufio.Reader) error {
	want := hello + "\n"
	var last []byte // as much as that has; chatter may end without a newline
	for n := 0; n < maxChatter; {
		part, err := r.ReadSlice('\n')
		last = append(last, part...)
		last = last[max(0, len(last)-len(want)):]
		if string(last) == want {
			return nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		n += len(part)
	}
	return fmt.Errorf("it printed %d bytes that are not from hw-test", maxChatter)
}
