package remote

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// rounds is how often the clock is asked: one of so many is seldom delayed.
const rounds = 16

// Clock estimates by how much the host's clock is ahead of this one's. The true
// value is within uncertainty of offset; the delays of the two directions may
// differ by any amount, so uncertainty is half of the quickest round trip.
func (h *Host) Clock(ctx context.Context) (offset, uncertainty time.Duration, err error) {
	l, err := h.link(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer l.close()
	defer context.AfterFunc(ctx, l.close)()
	for i := range rounds {
		before := time.Now()
		err := l.send(kindClock, nil)
		var k kind
		var payload []byte
		if err == nil {
			k, payload, err = readFrame(l.in)
		}
		trip := time.Since(before)
		switch {
		case ctx.Err() != nil:
			return 0, 0, context.Cause(ctx)
		case err != nil:
			return 0, 0, fmt.Errorf("ask %s for its time: %w", h.name, l.broken(err))
		case k != kindClock || len(payload) != 8:
			return 0, 0, fmt.Errorf("ask %s for its time: it answers something else", h.name)
		}
		there := int64(binary.BigEndian.Uint64(payload))
		if half := (trip + 1) / 2; i == 0 || half < uncertainty {
			offset, uncertainty = time.Duration(there-before.UnixNano())-half, half
		}
	}
	return offset, uncertainty, nil
}
