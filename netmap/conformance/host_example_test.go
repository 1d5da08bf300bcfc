package conformance_test

import (
	"context"
	"fmt"
	"os"

	"github.com/ringwalk/ringwalk/netmap/conformance"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// A target with a way to the host's stack has its host rings checked.
func ExampleHostStack() {
	d := netmaptest.New(nil)
	_ = d.AddNIC("nm0", netmaptest.NIC{})
	_ = d.AddNIC("nm1", netmaptest.NIC{})
	_ = d.Loop("nm0", "nm1")
	target := &conformance.Target{
		Name: "nics", Kind: conformance.Looped, Device: d, A: "netmap:nm0", B: "netmap:nm1",
		Caps: conformance.Ends | conformance.HostRings | conformance.Named,
		Host: func() (*conformance.HostStack, error) {
			return &conformance.HostStack{
				Send: func(frame []byte) error { return d.HostSend("nm0", frame) },
				Receive: func() ([]byte, bool, error) {
					frame, ok := d.HostReceive("nm0")
					return frame, ok, nil
				},
				Close: func() error { return nil },
			}, nil
		},
	}
	var checks []conformance.Check
	for _, c := range conformance.Checks() {
		if c.Name == "forward-up" || c.Name == "forward-down" {
			checks = append(checks, c)
		}
	}
	report, err := conformance.Run(context.Background(), os.Stdout, []*conformance.Target{target}, &conformance.Options{Checks: checks})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Count(conformance.Pass), "passed")
	// Output: 2 passed
}
