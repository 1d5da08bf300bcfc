package meter

import (
	"sync"
	"sync/atomic"
	"time"
)

// A dumper shows some of the received packets: the first ones, and then a few a
// second. A worker hands over copies while some are wanted, and a goroutine of
// Run's shows them.
type dumper struct {
	show func(frame []byte)
	want atomic.Int32 // how many more it takes now

	mu     sync.Mutex
	frames [][]byte

	quit, done chan struct{}
}

// The first packets that are shown, and the pause before each further one.
const (
	dumpFirst = 10
	dumpPause = 100 * time.Millisecond
)

func newDumper(show func([]byte)) *dumper {
	if show == nil {
		return nil
	}
	d := &dumper{show: show, quit: make(chan struct{}), done: make(chan struct{})}
	d.want.Store(dumpFirst)
	return d
}

func (d *dumper) wants() bool { return d != nil && d.want.Load() > 0 }

func (d *dumper) take(b []byte) {
	if d.want.Add(-1) < 0 { // another worker's was the last
		d.want.Add(1)
		return
	}
	d.mu.Lock()
	d.frames = append(d.frames, append([]byte(nil), b...))
	d.mu.Unlock()
}

func (d *dumper) run() {
	defer close(d.done)
	t := time.NewTicker(dumpPause)
	defer t.Stop()
	for last := false; !last; {
		select {
		case <-t.C:
		case <-d.quit:
			last = true
		}
		d.mu.Lock()
		frames := d.frames
		d.frames = nil
		d.mu.Unlock()
		for _, b := range frames {
			d.show(b)
		}
		if d.want.Load() <= 0 && !last {
			d.want.Add(1)
		}
	}
}

func (d *dumper) finish() {
	close(d.quit)
	<-d.done
}
