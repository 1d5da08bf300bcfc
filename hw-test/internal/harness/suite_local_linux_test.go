package harness

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/suite"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

const labFile = `environment: local
nodes:
  gen: {role: tg, ports: {a: {spec: "packet:va"}, b: {spec: "packet:vb", cpus: 0}}}
links: [[gen.a, gen.b]]
`

// TestLocalPorts runs suites over the two ends of a veth pair that is there, by
// name and by a lab file.
func TestLocalPorts(t *testing.T) {
	ns := testnet.NS(t)
	if _, err := netlab.NewPair(ns, ns, &netlab.PairOptions{NameA: "va", NameB: "vb"}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(file, []byte(labFile), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) *suite.Report {
		h := command(t, append(args, "--json", "--settle=200ms", "--sizes=64", "--duration=300ms", "--rate-tolerance=20", "--stall=1s")...)
		h.startBy(ns.Start)
		return reportOf(t, h)
	}
	unlessBusy(t, func() bool {
		rep := run("loss", "--ports=packet:va,packet:vb", "--max-rate=200", "--results=none")
		if busy(rep) {
			return true
		}
		row := rep.Rows[0]
		if row.Verdict != results.Passed || rep.Environment.Kind != "local" || len(row.Loss) != 2 || row.Loss[0].Lost != 0 {
			t.Errorf("%s: %s, %+v", row.Verdict, row.Sentence, rep.Environment)
		}
		tr := row.Trials[0]
		if len(tr.After) != 2 || tr.After[0].TxPackets == 0 || tr.Rcv[0].Probe.Delay.OneWay == nil {
			t.Errorf("%+v", tr.After)
		}
		return false
	})
	unlessBusy(t, func() bool {
		base := t.TempDir()
		rep := run("latency", "--lab="+file, "--reverse", "--max-rate=200", "--results="+base)
		if busy(rep) {
			return true
		}
		row := rep.Rows[0]
		if row.Verdict != results.Passed || !strings.Contains(rep.Environment.What, "gen.b → gen.a") || row.Trials[0].Pktgen[0].Port != "packet:vb" {
			t.Errorf("%s: %s, %+v", row.Verdict, row.Sentence, rep.Environment)
		}
		kept, err := filepath.Glob(base + "/*/lab.yaml")
		if err != nil || len(kept) != 1 {
			t.Fatalf("%q, %v", kept, err)
		}
		s, err := results.Load(filepath.Dir(kept[0]))
		if err != nil || s.Lab == nil || len(s.Preflight.Ports) != 2 || s.Preflight.Ports[0].Interface != "vb" {
			t.Errorf("%v, %+v", err, s)
		}
		return false
	})
}

// TestArchive has results come out on standard output, as from a machine.
func TestArchive(t *testing.T) {
	ns := testnet.NS(t)
	h := command(t, "loss", "--ports=packet:va,packet:vb", "--sizes=64", "--results=-", "--force")
	h.startBy(ns.Start)
	out, status := h.end()
	if status != cli.ExitShort {
		t.Errorf("status %d: %s", status, h.stderr.String())
	}
	d, err := results.Create(t.TempDir(), "x", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := results.Untar(strings.NewReader(out), d); err != nil {
		t.Fatal(err)
	}
	s, err := results.Load(d.Path())
	if err != nil || s.Suites[0].Cases[0].Verdict != results.Skipped || !strings.Contains(h.stderr.String(), "0 of 1 rows") {
		t.Errorf("%v, %+v\n%s", err, s, h.stderr.String())
	}
	var rep suite.Report
	b, err := os.ReadFile(filepath.Join(d.Path(), "suites", "loss.json"))
	if err == nil {
		err = json.Unmarshal(b, &rep)
	}
	if err != nil || rep.ExitStatus != cli.ExitShort {
		t.Errorf("%v: %+v", err, rep)
	}
}
