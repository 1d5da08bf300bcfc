package engine

import (
	"fmt"
	"net"
	"testing"
	"time"
)

// Config.Vector bounds what a system call moves, in both directions, and
// nothing is left behind.
func TestVector(t *testing.T) {
	for _, c := range []struct{ vector, packets int }{{1, 10}, {3, 10}, {64, 130}, {0, 130}} {
		t.Run(fmt.Sprint(c.vector), func(t *testing.T) {
			l, err := net.ListenPacket("udp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := l.LocalAddr().String()
			l.Close()
			in, err := Open("udp:@"+addr, &Config{RX: 1, Vector: c.vector})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			out, err := Open("udp:"+addr, &Config{TX: 1, Vector: c.vector})
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			tx, rx := out.TX()[0], in.RX()[0]
			for range c.packets {
				s := tx.Ring().Slot(tx.Ring().Head())
				s.Len, s.Flags = 20, 0
				tx.Ring().Advance(1)
			}
			if left, err := tx.Drain(5 * time.Second); err != nil || left != 0 {
				t.Fatalf("%d left: %v", left, err)
			}
			most := c.vector
			if most == 0 {
				most = c.packets
			}
			calls := uint64((c.packets + most - 1) / most)
			if n := tx.Stats().Syncs; n != calls {
				t.Errorf("sent %d packets in %d calls, want %d", c.packets, n, calls)
			}
			for got := 0; got < c.packets; {
				if err := rx.Wait(5 * time.Second); err != nil {
					t.Fatal(err)
				}
				n := rx.Ring().Space()
				if want := min(most, c.packets-got); n != want {
					t.Fatalf("a sync after %d packets brought %d, want %d", got, n, want)
				}
				got += n
				rx.Ring().Advance(n)
			}
		})
	}
	if _, err := Open("udp:127.0.0.1:9", &Config{TX: 1, Vector: 1025}); err == nil {
		t.Error("a vector of 1025 is accepted")
	}
}
