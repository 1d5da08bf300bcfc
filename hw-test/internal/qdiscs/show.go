package qdiscs

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"text/tabwriter"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/qdisc"
)

func (o *options) show(w io.Writer, args []string) error {
	states := []*qdisc.State{}
	err := o.inside(func() error {
		names := args
		if len(names) == 0 {
			list, err := net.Interfaces()
			if err != nil {
				return fmt.Errorf("list the interfaces: %w", err)
			}
			for _, i := range list {
				names = append(names, i.Name)
			}
		}
		for _, name := range names {
			s, err := qdisc.Get(qdisc.Link{Name: name})
			if err != nil {
				return err
			}
			states = append(states, s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if o.json {
		return bench.PrintJSON(w, states)
	}
	return table(w, states)
}

// table prints a line for each qdisc.
func table(w io.Writer, states []*qdisc.State) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "device\ttxqueuelen\tqdisc\thandle\tparent\tpackets\tdrops\trequeues\tqueued\toptions")
	for _, s := range states {
		if len(s.Qdiscs) == 0 {
			fmt.Fprintf(t, "%s\t%d\t-\t\t\t\t\t\t\t(down: the kernel attaches its default when it goes up)\n", s.Name, s.TxQueueLen)
		}
		for _, q := range s.Qdiscs {
			handle := q.Handle.String()
			if q.Handle == 0 {
				handle = "default"
			}
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%v\t%d\t%d\t%d\t%d\t%s\n", s.Name, s.TxQueueLen, q.Kind, handle, q.Parent,
				q.Stats.Packets, q.Stats.Drops, q.Stats.Requeues, q.Stats.Qlen, words(&q))
		}
	}
	return t.Flush()
}

// words are a qdisc's options by the names they have in JSON.
func words(q *qdisc.Qdisc) string {
	if q.Options == nil {
		if len(q.Raw) > 0 {
			return fmt.Sprintf("(%d bytes)", len(q.Raw))
		}
		return ""
	}
	b, err := json.Marshal(q.Options)
	if err != nil {
		return err.Error()
	}
	return strings.NewReplacer(`"`, "", "{", "", "}", "", ":", " ", ",", " ").Replace(string(b))
}
