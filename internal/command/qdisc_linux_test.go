package command_test

import (
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/qdisc"
)

// pktgen --qdisc swaps for the time of the run, and reports it.
func TestQdisc(t *testing.T) {
	t.Setenv("RINGWALK_RUN", t.TempDir())
	p := testnet.Pair(t, nil)
	link := qdisc.Link{Index: p.A.Index}
	root := func() (q qdisc.Qdisc) {
		t.Helper()
		if err := p.A.NS.Do(func() error {
			s, err := qdisc.Get(link)
			if err == nil {
				q = s.Qdiscs[0]
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return q
	}
	for _, c := range []struct {
		spec    string
		counted bool
	}{{"pfifo:77", true}, {"noqueue", false}, {"pfifo_fast,txqueuelen=200", true}} {
		o := in(p.A.NS, "pktgen -i packet:"+p.A.Name+" -n 1000 -T 0 --json --qdisc "+c.spec)
		r, _ := o.result(t)
		if o.status != cli.ExitOK || r.TxResult == nil || r.Qdisc == nil {
			t.Fatalf("%s: %+v", c.spec, o)
		}
		q := r.Qdisc
		if q.Set != c.spec || q.Was != "noqueue" || q.Left != 0 || q.Drops != 0 || (q.Packets >= 1000) != c.counted {
			t.Errorf("%s: %+v", c.spec, q)
		}
		if q := root(); q.Kind != "noqueue" || q.Handle != 0 {
			t.Errorf("%s: left %+v", c.spec, q)
		}
	}
	r, fields := in(p.A.NS, "pktgen -i packet:"+p.A.Name+" -n 10 -T 0 --json --qdisc keep").result(t)
	if _, there := fields["qdisc"]; there || r.Packets != 10 {
		t.Errorf("keep: %v", fields["qdisc"])
	}
}

func TestQdiscUsage(t *testing.T) {
	for args, says := range map[string]string{
		"pktgen -i packet:lo --qdisc htb":                    "--qdisc: qdisc \"htb\" is none of those that can be set",
		"pktgen -i pcap:x -n 1 --qdisc noqueue":              "only packet: ports",
		"pktgen -i packet:lo --qdisc noqueue --qdisc-bypass": "exclude each other",
	} {
		play(strings.Fields(args)...).complains(t, args, cli.ExitUsage, says)
	}
}
