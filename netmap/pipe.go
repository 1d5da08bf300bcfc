package netmap

import (
	"errors"
	"slices"
)

// errNoBuffers is what happens to a pipe whose two ends are first opened in
// different directions. Its buffers lie in the rings that the first end bound,
// and in those of the second that face them. What else the second end binds the
// kernel makes without buffers, for it takes the first end's to be there: all of
// those slots, and from then on those that face them, name buffer 0.
var errNoBuffers = errors.New("a ring has no buffers, for the other end of the pipe was opened first and in one direction only (/T or /R)," +
	" which leaves this end the other one: open it so, or close that end and open it with both")

// haveBuffers looks whether the rings have buffers.
func haveBuffers(rings [2][]*Ring) error {
	for _, r := range slices.Concat(rings[TX], rings[RX]) {
		if !slices.ContainsFunc(r.slots, func(s Slot) bool { return s.BufIdx >= reservedBufs }) {
			return errNoBuffers
		}
	}
	return nil
}
