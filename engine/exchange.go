package engine

import "time"

// exchange hands over what the stage has put into the outputs and takes the
// next packets of the inputs, for queues that a poll syncs: all of it in one
// system call. Where a queue would have to be waited for, the same call waits
// for a moment, unless the stage moved nothing: then it may have another reason
// to be called again soon, and idle knows.
//
//	Process ─▶ poll {in: POLLIN, in: POLLIN, out: POLLOUT, out: POLLOUT} ─▶ Process
//
// It reports whether an input has more packets now, or an output more room. An
// input's error is left in inErr for after the next Process.
func (w *Worker) exchange(burst int, moved, idled bool) (gained bool, failed error) {
	w.waitFor = w.waitFor[:0]
	d := time.Duration(0)
	if moved {
		d = maxRaw
		for i, q := range w.In {
			space := w.in[i].Space()
			if space > 0 {
				d = 0
			}
			if space < burst {
				w.waitFor = append(w.waitFor, q.(*queue))
			}
		}
	}
	ins := len(w.waitFor)
	for i, q := range w.Out {
		r := w.out[i]
		// The kernel goes on sending by itself, and only while idle is there
		// time to ask what has left.
		if r.Head() == w.heads[i] && r.Space() >= burst && !(idled && r.Pending() > 0) {
			continue
		}
		w.heads[i] = r.Head()
		w.waitFor = append(w.waitFor, q.(*queue))
	}
	before := w.space()
	switch {
	case len(w.waitFor) == 0:
		return false, nil
	case len(w.waitFor) == 1 && before > 0:
		// Nothing to wait for and nothing to join: the cheaper call.
		if failed = w.waitFor[0].Sync(); ins == 1 {
			w.inErr, failed = failed, nil
		}
	default:
		w.inErr, failed = w.wait.exchange(d, w.waitFor, ins)
	}
	return w.space() > before, failed
}

// space sums up the space of the rings that are synced together.
func (w *Worker) space() (n int) {
	for _, q := range w.waitFor {
		n += q.Ring().Space()
	}
	return n
}
