package netlab_test

import (
	"fmt"
	"log"
	"net"
	"net/netip"

	"github.com/ringwalk/ringwalk/internal/netlab"
)

// Two namespaces, and a socket in one of them. Without an Output line, because
// not everybody who runs the tests may make namespaces.
func ExampleNewPair() {
	a, err := netlab.NewNS()
	if err != nil {
		log.Fatal(err) // says what right is missing
	}
	defer a.Close()
	b, err := netlab.NewNS()
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	pair, err := netlab.NewPair(a, b, &netlab.PairOptions{
		AddrsA: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")},
		AddrsB: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24")},
	})
	if err != nil {
		log.Fatal(err)
	}
	var conn net.Conn
	err = a.Do(func() (err error) {
		conn, err = net.Dial("udp", "10.0.0.2:9")
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("from a to b"))
	c, err := b.Counters(pair.B.Name)
	fmt.Println(c.RxPackets, err)
}
