package rcv

import (
	"fmt"
	"os"
	"strings"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/rcv/meter"
)

// A capture is the file of --write.
type capture struct {
	*engine.CaptureFile
	closed bool
}

func create(name string, info engine.Info) (*capture, error) {
	f, err := engine.CreateCapture(name, info)
	if err != nil {
		return nil, err
	}
	return &capture{CaptureFile: f}, nil
}

// close closes the file once, with what was received; nil: that is not known.
func (c *capture) close(s *meter.Snapshot) error {
	if c.closed {
		return nil
	}
	c.closed = true
	if s == nil {
		return c.Close(nil)
	}
	t := &engine.CaptureTotals{
		Received: s.Packets + s.Engine.KernelDrops + s.Engine.Truncated, OSDrops: s.Engine.KernelDrops, Written: s.Written,
	}
	if s.WriteDrops > 0 {
		t.Comment = fmt.Sprintf("%d frames were received and are not in this file, because it could not keep up", s.WriteDrops)
	}
	return c.Close(t)
}

// show prints frames for -X.
func show(info engine.Info, rep *cli.Reporter) func([]byte) {
	link := frame.Ethernet
	if info.Link == engine.Payload {
		link = frame.Payload
	}
	return func(b []byte) { rep.Note("received %s", strings.TrimRight(frame.Dump(link, b), "\n")) }
}

// writesItself refuses to write the file that is read.
func (o *options) writesItself() error {
	in, ok := strings.CutPrefix(o.Port, "pcap:")
	if !ok || o.write == "" {
		return nil
	}
	a, err1 := os.Stat(in)
	b, err2 := os.Stat(o.write)
	if err1 == nil && err2 == nil && os.SameFile(a, b) {
		return cli.Usagef("--write: %s is the file that is read", o.write)
	}
	return nil
}
