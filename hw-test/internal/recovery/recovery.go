// Package recovery puts back what killed programs left changed on a host: what
// the journal has of qdiscs, of netmap ports' interfaces and of a preflight.
package recovery

import (
	"errors"
	"fmt"
	"io"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/qdisc"
)

// Recovered is one thing that was put back, or not.
type Recovered struct {
	Host  string `json:"host,omitempty"` // of a lab of others
	Dev   string `json:"dev"`            // "" for settings of the whole host
	What  string `json:"what"`           // "qdisc", "guard", "nic" or "preflight"
	By    string `json:"by,omitempty"`   // who changed it
	Kept  bool   `json:"kept"`           // left alone, as somebody set it to stay
	Error string `json:"error,omitempty"`
}

// Here puts back what is left of programs that have ended, of one interface of
// the calling thread's namespace or, for "", of all and of the host. The list is
// never nil. Qdiscs come first, as when the programs do it: setting a device
// down would make the kernel forget some of them.
func Here(dev string) ([]Recovered, error) {
	list := []Recovered{}
	add := func(r Recovered, err error) {
		if err != nil {
			r.Error = err.Error()
		}
		list = append(list, r)
	}
	var only *qdisc.Link
	if dev != "" {
		only = &qdisc.Link{Name: dev}
	}
	err := qdisc.Recover(only, func(c qdisc.Change, err error) {
		add(Recovered{Dev: c.Dev, What: c.What, Kept: c.Kept, By: fmt.Sprintf("%s (pid %d, %s)", c.By, c.PID, c.Since.Format("2006-01-02 15:04:05"))}, err)
	})
	err = errors.Join(err, preflight.Recover(dev, func(name string, kept bool, err error) {
		add(Recovered{Dev: name, What: "preflight", Kept: kept}, err)
	}))
	err = errors.Join(err, nic.Recover(dev, func(name string, err error) { add(Recovered{Dev: name, What: "nic"}, err) }))
	return list, err
}

// words are what is put back, by Recovered.What.
var words = map[string]string{"nic": "link and offloads", "preflight": "settings", "qdisc": "qdisc", "guard": "qdisc"}

// Print writes a line for each; what went wrong is in Here's error.
func Print(w io.Writer, list []Recovered) {
	for _, r := range list {
		where := r.Dev
		if where == "" {
			where = "this host"
		}
		stays := ""
		switch {
		case r.Host != "" && r.Dev == "":
			where = r.Host
		case r.Host != "":
			where = r.Host + " " + r.Dev
		}
		switch {
		case r.Kept && r.What == "preflight":
			stays = "set to stay by hw-test preflight --fix; hw-test preflight --restore puts it back"
		case r.Kept:
			stays = fmt.Sprintf("set to stay by %s; %s puts it back", r.By, cli.Shell("hw-test", "qdisc", "restore", r.Dev))
		case r.Error == "":
			stays = words[r.What] + " put back"
		default:
			continue
		}
		fmt.Fprintf(w, "%s: %s\n", where, stays)
	}
	if len(list) == 0 {
		fmt.Fprintln(w, "nothing was left to put back by programs that have ended")
	}
}
