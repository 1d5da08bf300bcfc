package gen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
)

// A tape is where a player has its frames from: a reel in memory, or the file
// itself.
type tape struct {
	name string
	reel *reel // nil: the file is too large, or a FIFO
	at   int   // the reel's next frame
	file *engine.Capture

	gate    gate
	short   uint64 // frames passed over, beyond those that file counts
	long    uint64
	rewrite *frame.Rewriter // nil: nothing to do
	flows   bool            // whether flows are asked for
}

// A reel is a capture file in memory: what of it can be sent, rewritten
// already. All threads read the same one.
type reel struct {
	bytes   []byte
	frames  []piece
	skipped engine.Skipped
	short   uint64
}

// A piece is one frame: it ends at bytes[end], where the next one begins.
type piece struct {
	end  int
	flow uint32
	ns   int64 // when it was captured, since 1970
}

// reelSize is how large a file may be in bytes to be held in memory. What a
// reel takes is at most twice that: each frame has 16 bytes of its own in the
// file, and 24 here.
const reelSize = 64 << 20

// A gate is what a port lets through.
type gate struct {
	most   int // bytes of a frame, and with a VLAN tag (802.1Q)
	tagged int
	strict bool
	name   string // of the file
	port   string
}

// errShort and errLong say that a frame is passed over.
var (
	errShort = errors.New("the frame is shorter than an Ethernet header")
	errLong  = errors.New("the frame is longer than the port takes")
)

// check says whether a frame can be sent. number is for the error that a
// strict gate makes of a refusal.
func (g *gate) check(b []byte, number int) error {
	var err error
	switch {
	case len(b) < etherHeader:
		err = errShort
	case len(b) > g.most && (len(b) > g.tagged || binary.BigEndian.Uint16(b[12:]) != 0x8100):
		err = errLong
	}
	if err != nil && g.strict {
		return fmt.Errorf("packet %d of capture file %s, of %d bytes, cannot be sent on %s: %w", number, g.name, len(b), g.port, err)
	}
	return err
}

// next copies the next frame into buf. io.EOF is the end of a loop. flow is 0
// unless flows are asked for.
func (t *tape) next(buf []byte) (n int, ns int64, flow uint32, err error) {
	if r := t.reel; r != nil {
		if t.at == len(r.frames) {
			return 0, 0, 0, io.EOF
		}
		start, c := 0, &r.frames[t.at]
		if t.at > 0 {
			start = r.frames[t.at-1].end
		}
		t.at++
		return copy(buf, r.bytes[start:c.end]), c.ns, c.flow, nil
	}
	buf = buf[:min(len(buf), t.gate.tagged)]
	for {
		if n, ns, err = t.file.Next(buf); err != nil {
			return 0, 0, 0, err
		}
		t.at++
		switch err := t.gate.check(buf[:n], t.at); err {
		case nil:
			if t.flows {
				flow = frame.Flow(buf[:n])
			}
			if t.rewrite != nil {
				t.rewrite.Rewrite(buf[:n])
			}
			return n, ns, flow, nil
		case errShort:
			t.short++
		case errLong:
			t.long++
		default:
			return 0, 0, 0, err
		}
	}
}

// rewind goes back to the first frame.
func (t *tape) rewind() error {
	t.at = 0
	if t.reel != nil {
		return nil
	}
	return t.file.Rewind()
}

// load makes a reel of the whole file, or leaves the tape as it is if that
// takes more than a reel may.
func (t *tape) load() error {
	size := t.file.Size()
	if size == 0 || size > reelSize {
		return nil
	}
	r := &reel{}
	buf := make([]byte, t.gate.tagged)
	for {
		n, ns, flow, err := t.next(buf)
		if err == io.EOF {
			break
		}
		if err == engine.ErrAgain {
			continue
		}
		if err != nil {
			return err
		}
		if len(r.bytes)+n > reelSize { // it has grown since
			t.short, t.long = 0, 0
			return t.rewind()
		}
		r.bytes = append(r.bytes, buf[:n]...)
		r.frames = append(r.frames, piece{end: len(r.bytes), ns: ns, flow: flow})
	}
	r.skipped, r.short = t.file.Skipped(), t.short
	r.skipped.TooLong += t.long
	t.reel, t.at = r, 0
	return t.close()
}

func (t *tape) close() error {
	if t.file == nil {
		return nil
	}
	f := t.file
	t.file = nil
	return f.Close()
}

// skippedSoFar is what was passed over in so many loops; within says that
// another one is under way.
func (t *tape) skippedSoFar(loops uint64, within bool) (s engine.Skipped, short uint64) {
	r := t.reel
	if r == nil {
		s = t.file.Skipped()
		s.TooLong += t.long
		return s, t.short
	}
	if within {
		loops++
	}
	s = engine.Skipped{Truncated: loops * r.skipped.Truncated, TooLong: loops * r.skipped.TooLong, OtherLink: loops * r.skipped.OtherLink}
	return s, loops * r.short
}

// nothing says why a loop brought not a single frame.
func (t *tape) nothing() error {
	s, short := t.skippedSoFar(1, false)
	return fmt.Errorf("capture file %s has no frame to be sent on %s: %d are truncated in it, %d too long, %d too short, %d of another link type",
		t.name, t.gate.port, s.Truncated, s.TooLong, short, s.OtherLink)
}

// tape opens the file for thread i. What is in memory is opened once.
func (g *Generator) tape(i int) (tape, error) {
	if i > 0 && g.senders[0].play.reel != nil {
		t := g.senders[0].play.tape
		t.at = 0
		return t, nil
	}
	r := g.cfg.Replay
	rw, err := g.rewriter()
	if err != nil {
		return tape{}, err
	}
	file, err := engine.OpenCapture(r.File, r.Strict)
	if err != nil {
		return tape{}, err
	}
	t := tape{
		name: r.File, file: file, rewrite: rw, flows: len(g.queues) > 1,
		gate: gate{most: g.longest(), tagged: min(g.info.MaxFrame, 1<<16-1), strict: r.Strict, name: r.File, port: g.info.Spec},
	}
	if file.Size() == 0 && len(g.queues) > 1 {
		err = fmt.Errorf("%s is no regular file: only one thread can replay it", r.File)
	} else if i == 0 {
		err = t.load()
	}
	if err != nil {
		t.close()
		return tape{}, err
	}
	return t, nil
}
