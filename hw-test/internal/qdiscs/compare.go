package qdiscs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/qdisc"
)

// Row is one line of compare: pktgen and rcv run once.
type Row struct {
	Qdisc string `json:"qdisc"`
	// Receiver is where the receiving end takes a frame, one of receivers.
	Receiver string `json:"receiver"`
	// Sent and Received are frames, as pktgen and rcv counted them; what rcv's
	// socket had no room for counts as received.
	Sent     uint64  `json:"sent"`
	Received uint64  `json:"received"`
	SentPPS  float64 `json:"sent_pps"`
	// ReceivedPPS is Received in the time of sending.
	ReceivedPPS float64 `json:"received_pps"`
	// Lost is what was sent and never reached the other end's stack.
	Lost uint64 `json:"lost"`
	// QdiscDrops and Requeues are the qdisc's counts, DeviceDrops the sending
	// device's tx_dropped.
	QdiscDrops  uint64 `json:"qdisc_drops"`
	Requeues    uint64 `json:"requeues"`
	DeviceDrops uint64 `json:"device_drops"`
}

// comparison are compare's flags.
type comparison struct {
	qdiscs  string
	size    int
	seconds time.Duration
	rounds  int
}

func newCompare(o *options) *cobra.Command {
	c := comparison{seconds: time.Second}
	cmd := &cobra.Command{
		Use: "compare", Short: "measure what each qdisc does to a veth pair", Long: aboutCompare, Args: atMost(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			return c.run(ctx, o.json, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&c.qdiscs, "qdiscs", "default noqueue pfifo:100 pfifo pfifo_fast", "which qdiscs, a `list` with blanks between")
	fs.Var(cli.CountValue(&c.size), "size", "length of a frame in `bytes`, without CRC")
	c.size = 60
	fs.Var(cli.DurationValue(&c.seconds, time.Second), "seconds", "how long each row sends")
	fs.Var(cli.CountValue(&c.rounds), "rounds", "go through all rows this often, and show each row's median by what was received")
	c.rounds = 3
	return cmd
}

func (c *comparison) run(ctx context.Context, asJSON bool, stdout, stderr io.Writer) (err error) {
	names := strings.Fields(c.qdiscs)
	for _, n := range names {
		if _, err := qdisc.ParseSpec(n); err != nil {
			return cli.Usagef("--qdiscs: %w", err)
		}
	}
	if len(names) == 0 || c.seconds < 100*time.Millisecond || c.seconds > time.Minute || c.size > 1514 {
		return cli.Usagef("compare wants a qdisc or more, frames of at most 1514 bytes and 0.1 to 60 seconds")
	}
	human := stdout
	if asJSON {
		human = stderr
	}
	l, err := newLab()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	found := map[Row][]Row{} // by qdisc and receiver
	var order []Row
	for range c.rounds {
		for _, receiver := range receivers {
			if err := l.receive(receiver); err != nil {
				return err
			}
			for _, name := range names {
				row, err := l.measure(ctx, name, receiver, c)
				if err != nil {
					return err
				}
				key := Row{Qdisc: name, Receiver: receiver}
				if found[key] == nil {
					order = append(order, key)
				}
				found[key] = append(found[key], row)
			}
		}
	}
	rows := []Row{}
	for _, key := range order {
		list := found[key]
		slices.SortFunc(list, func(a, b Row) int { return int(a.ReceivedPPS - b.ReceivedPPS) })
		rows = append(rows, list[len(list)/2])
	}
	if asJSON {
		return bench.PrintJSON(stdout, rows)
	}
	fmt.Fprintf(human, "%-12s %-8s %10s %14s %8s %12s %12s %10s\n", "qdisc", "receiver", "sent Mpps", "received Mpps", "lost", "qdisc drops", "device drops", "requeues")
	for _, r := range rows {
		fmt.Fprintf(human, "%-12s %-8s %10.3f %14.3f %8d %12d %12d %10d\n", r.Qdisc, r.Receiver,
			r.SentPPS/1e6, r.ReceivedPPS/1e6, r.Lost, r.QdiscDrops, r.DeviceDrops, r.Requeues)
	}
	return nil
}

// measure runs both programs once. The frames are addressed to nobody, so that
// the receiving stack drops them at once.
func (l *lab) measure(ctx context.Context, name, receiver string, c *comparison) (row Row, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.seconds+10*time.Second)
	defer cancel()
	row = Row{Qdisc: name, Receiver: receiver}
	before, err := l.a.Counters(nameA)
	if err != nil {
		return row, err
	}
	rcv, err := start(ctx, l.b, "rcv", "-i", "packet:"+nameB, "-T", "0", "--json", "--idle", "400ms", "--wait-first", "3s")
	if err != nil {
		return row, err
	}
	tx, err := start(ctx, l.a, "pktgen", "-i", "packet:"+nameA, "--duration", c.seconds.String(), "-l", fmt.Sprint(c.size),
		"-D", "02:00:00:00:00:02", "-T", "0", "--json", "--qdisc", name)
	if err != nil {
		return row, errors.Join(err, rcv.stop())
	}
	sent, err := tx.wait()
	got, rerr := rcv.wait()
	if err = errors.Join(err, rerr); err != nil {
		return row, fmt.Errorf("%s: %w", name, err)
	}
	after, err := l.a.Counters(nameA)
	if err != nil {
		return row, err
	}
	if sent.TxResult == nil || sent.Qdisc == nil || got.RxResult == nil || sent.Seconds <= 0 {
		return row, fmt.Errorf("%s: the programs' reports lack what they should have", name)
	}
	row.Sent, row.SentPPS = sent.Packets+sent.EndRecords, sent.PPS
	row.Received = got.Packets + got.KernelDrops
	row.Lost = row.Sent - min(row.Sent, row.Received)
	row.ReceivedPPS = float64(row.Received) / sent.Seconds
	row.QdiscDrops, row.Requeues = sent.Qdisc.Drops, sent.Qdisc.Requeues
	row.DeviceDrops = after.TxDropped - before.TxDropped
	return row, nil
}

// The pair's ends.
const nameA, nameB = "rw-a", "rw-b"

// lab is a veth pair between two namespaces.
type lab struct{ a, b *netlab.NS }

func newLab() (*lab, error) {
	a, err := netlab.NewNS()
	if err != nil {
		return nil, err
	}
	b, err := netlab.NewNS()
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	l := &lab{a, b}
	if _, err := netlab.NewPair(a, b, &netlab.PairOptions{NameA: nameA, NameB: nameB}); err != nil {
		return nil, errors.Join(err, l.close())
	}
	if err := a.Do(func() error { return noTSO(nameA) }); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lab) close() error { return errors.Join(l.a.Close(), l.b.Close()) }

// receivers are where a veth takes a frame in: in the sender's own call; by
// NAPI in a softirq, which runs as a rule on the sender's processor; by NAPI
// in a thread, which has another.
var receivers = []string{"call", "softirq", "thread"}

func (l *lab) receive(where string) error {
	return l.b.Do(func() error { return napi(nameB, where != "call", where == "thread") })
}
