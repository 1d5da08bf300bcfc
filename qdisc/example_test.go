package qdisc_test

import (
	"fmt"
	"log"

	"github.com/ringwalk/ringwalk/qdisc"
)

func ExampleParseSpec() {
	s, err := qdisc.ParseSpec("pfifo:77,txqueuelen=500")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Kind, s.Limit, *s.TxQueueLen)
	fmt.Println(s)
	// Output:
	// pfifo 77 500
	// pfifo:77,txqueuelen=500
}

// A queue of 100 packets for as long as something is measured. This is not run
// here: it needs CAP_NET_ADMIN and changes a device.
func ExampleSwap() {
	link := qdisc.Link{Name: "veth0"}
	r, err := qdisc.Swap(link, qdisc.Spec{Kind: qdisc.PFIFO, Limit: 100}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Restore()
	now, err := qdisc.Get(link)
	if err != nil {
		log.Fatal(err)
	}
	for _, q := range now.Qdiscs {
		fmt.Println(q.Kind, q.Stats.Packets, q.Stats.Drops)
	}
}
