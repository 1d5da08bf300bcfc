package netmap_test

import (
	"fmt"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// A filter between a NIC and the host's stack: what it marks goes on to the
// other side, all else is dropped.
func ExampleQueue_Host() {
	d := netmaptest.New(nil) // nil in Config.Device is the kernel's
	_ = d.AddNIC("eth0", netmaptest.NIC{})
	_ = d.AddNIC("peer", netmaptest.NIC{})
	_ = d.Loop("eth0", "peer")

	p, err := netmap.Open("netmap:eth0*", &netmap.Config{Device: d, Single: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	for _, q := range p.RX() {
		q.Ring().Header().Flags |= netmap.RingForward
	}

	_ = d.HostSend("eth0", []byte("to the world: this one may pass"))
	_ = d.HostSend("eth0", []byte("to the world: not that one"))
	for range 2 { // the second time gives back what the first one marked
		for _, q := range p.RX() {
			_ = q.Sync()
			r := q.Ring()
			a, b := r.Runs()
			for _, run := range [][]netmap.Slot{a, b} {
				for i := range run {
					frame := r.Bytes(&run[i])
					fmt.Printf("from the host %t: %s\n", q.Host(), frame)
					if frame[len(frame)-1] == 's' {
						run[i].Flags |= netmap.Forward
					}
				}
			}
			r.Advance(len(a) + len(b))
		}
	}
	out := p.TX()[0].Ring()
	fmt.Printf("on its way: %d slot, %s\n", out.Pending(), out.Bytes(out.Slot(0)))
	_ = p.TX()[0].Sync() // it leaves
	// Output:
	// from the host true: to the world: this one may pass
	// from the host true: to the world: not that one
	// on its way: 1 slot, to the world: this one may pass
}
