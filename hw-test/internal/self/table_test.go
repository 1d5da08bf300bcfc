package self

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// fabricated is a report of four rows of six: one perfect, one at full speed
// with losses, one that fails, and one without results.
func fabricated() *Report {
	rep := newReport(Root, nil, 6)
	rep.Version = "v1.2.3"
	rep.Environment.Kernel, rep.Environment.OS, rep.Environment.Arch, rep.Environment.CPUs = "6.1.0", "linux", "amd64", 2

	row, tx, rx := perfect(Paced)
	tx.PPS = 50e3
	row.judge(program.Outcome{Result: tx}, program.Outcome{Result: rx})
	rep.Rows = append(rep.Rows, row)

	row, tx, rx = lossy(Full)
	row.Size, row.Queues, tx.PPS = 1514, 2, 14.88e6
	row.judge(program.Outcome{Result: tx}, program.Outcome{Result: rx})
	rep.Rows = append(rep.Rows, row)

	row, tx, rx = perfect(Paced)
	tx.PPS, tx.RateAskedPPS, tx.RateMet = 29e3, 50e3, false
	rx.Probe.Reordered, rx.Probe.Duplicates = 4, 1
	row.judge(program.Outcome{Result: tx}, program.Outcome{Result: rx})
	rep.Rows = append(rep.Rows, row)

	row = &Row{Size: 512, Queues: 1, Pace: Full}
	row.judge(program.Outcome{Failure: "was not started"}, program.Outcome{Failure: "ended with status 1: rcv: no such device"})
	rep.Rows = append(rep.Rows, row)
	return rep
}

const golden = `hw-test v1.2.3, kernel 6.1.0, linux/amd64, 2 CPUs
as root: pktgen and rcv in two network namespaces, joined by a veth pair
Paced is 50.000 Kpps. Mpps and Gbit/s are what pktgen sent; Gbit/s as on an Ethernet wire, with CRC and gap.
size queues pace      Mpps   Gbit/s      lost kernel drops duplicates reordered backend verdict
  60      1 paced    0.050    0.034         0            0          0         0 packet  passed
1514      2 full    14.880  183.084        30           31          0         0 packet  passed
  60      1 paced    0.029    0.019         0            0          1         4 packet  failed
 512      1 full         -        -         -            -          -         - -       invalid
60 bytes, 1 queue, paced: failed: probes that came twice: 1; probes out of order: 4.
512 bytes, 1 queue, full: invalid: pktgen was not started; rcv ended with status 1: rcv: no such device.
60 bytes, 1 queue, paced: pktgen sent 29.000 Kpps of the 50.000 Kpps asked; is this machine busy?
The kernel's flow hash gave all flows of a row to one queue, in every row with several: receiving by several queues is not tested.
Interrupted after 4 of 6 rows.
2 of 6 rows hold (12 s, exit status 1)
`

func TestTable(t *testing.T) {
	rep := fabricated()
	rep.finish(true, cli.ExitFailed)
	rep.Seconds = 12.3
	var b bytes.Buffer
	rep.printStart(&b)
	printHeader(&b)
	for _, row := range rep.Rows {
		row.print(&b)
	}
	rep.printEnd(&b)
	if b.String() != golden {
		t.Errorf("printed\n%s\nwant\n%s", b.String(), golden)
	}
	for line := range strings.Lines(b.String()) {
		// Sentences may wrap; the table may not.
		if strings.HasSuffix(line, "passed\n") && len(line) > 100 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}

// TestGbps compares with what the programs say, where both mean frames.
func TestGbps(t *testing.T) {
	tx := &cli.Result{Packets: 1000, Bytes: 60 * 1000, Seconds: 0.5}
	tx.Fill()
	row := Row{Size: 60, Pktgen: tx}
	if got, want := row.gbps(), tx.WireBPS/1e9; got < want*0.999999 || got > want*1.000001 {
		t.Errorf("%v Gbit/s, pktgen says %v", got, want)
	}
}

func TestJSON(t *testing.T) {
	rep := fabricated()
	rep.finish(false, cli.ExitOK)
	var b bytes.Buffer
	if err := bench.PrintJSON(&b, rep); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 1 {
		t.Errorf("%d lines, want one object on one", n)
	}
	var back Report
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Rows) != 4 || back.Rows[1].Rcv.Probe.Lost != 30 || back.Rows[1].Pktgen.EndRecords != 9 || back.Held() != 2 {
		t.Errorf("came back as %+v", back)
	}
	b.Reset()
	empty := newReport(UDP, nil, 1)
	empty.finish(true, cli.ExitFailed)
	if err := bench.PrintJSON(&b, empty); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Errorf("a list is null: %s", b.String())
	}
}
