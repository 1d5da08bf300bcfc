package engine

import (
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// WaitsFor returns what a queue of this package waits for in its present state,
// for a loop of one's own around poll(2): a descriptor and the events to ask for
// (fd is -1 if there is none), and the time after which the queue is ready
// whatever poll says (0: it is ready now; negative: never). When either has
// come, call Wait(0), or Sync where the queue is no netmap one. It is for the
// queue's owner, and the descriptor may neither be closed nor kept longer than
// the port.
func WaitsFor(q Queue) (fd int, events int16, after time.Duration, err error) {
	own, ok := q.(*queue)
	if !ok {
		return -1, 0, -1, fmt.Errorf("a %T is no queue of this package, and nothing tells when it is ready: %w", q, netmap.ErrNotSupported)
	}
	if err := own.enter("poll"); err != nil {
		return -1, 0, -1, err
	}
	defer own.gate.leave()
	if err := own.check("poll"); err != nil {
		return -1, 0, -1, err
	}
	w := own.Poll()
	return w.FD, w.Events, w.After, nil
}
