package info

import (
	"fmt"
	"io"
	"strings"
)

// advise says what to do before a netmap program runs.
func (r *Report) advise() {
	say := func(format string, args ...any) { r.Advice = append(r.Advice, fmt.Sprintf(format, args...)) }
	if !r.Netmap {
		say("load netmap's module: scripts/build-netmap.sh --load")
	}
	i := r.Interface
	if i == nil {
		return
	}
	if !i.Up {
		say("ip link set dev %s up", i.Name)
	} else if !i.Carrier {
		say("%s has no carrier: look at its cable and its peer", i.Name)
	}
	if !i.Promisc {
		say("%s is not promiscuous: pktgen, rcv and engine.Config.Promisc make it so while they run", i.Name)
	}
	if len(i.Offloads) > 0 {
		say("offloads are on that a netmap program cannot do: pktgen and rcv switch them off while they run; for others: ethtool -K %s rx off tx off tso off gso off gro off lro off rxvlan off txvlan off", i.Name)
	}
	if i.DefaultRoute {
		say("%s carries this host's default route: a netmap program would cut the host off", i.Name)
	}
	if r.Netmap && !i.Native {
		say("netmap would emulate %s, which is slower than packet:%s for most: %s", i.Name, i.Name, i.Why)
	}
	if r.Rings != nil && r.Memory != nil && r.Memory.BufSize > 0 && i.MTU+18 > r.Memory.BufSize {
		say("buffers of %d bytes hold no whole frame of MTU %d: frames take several slots, or echo %d > /sys/module/netmap/parameters/buf_size", r.Memory.BufSize, i.MTU, (i.MTU+18+63)/64*64)
	}
}

// print writes the report for people.
func (r *Report) print(w io.Writer) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	switch {
	case r.Why != "" && r.Port != "":
		p("%s: %s", r.Port, r.Why)
	case r.Why != "":
		p("netmap: %s", r.Why)
	case r.Port == "":
		p("netmap is here")
	}
	if g := r.Rings; g != nil {
		p("%s: %d transmit rings of %d slots, %d receive rings of %d; to and from the host %d and %d", r.Port, g.TX, g.TXSlots, g.RX, g.RXSlots, g.HostTX, g.HostRX)
		if g.Header > 0 {
			p("  each frame begins with a virtio-net header of %d bytes", g.Header)
		}
	}
	if m := r.Memory; m != nil {
		p("memory %d: %.1f MB", m.ID, float64(m.Bytes)/1e6)
	}
	if m := r.Memory; m != nil && m.Bufs > 0 {
		p("  %d buffers of %d bytes, %d rings of up to %d bytes, %d interfaces", m.Bufs, m.BufSize, m.Rings, m.RingSize, m.Ifs)
	}
	all := r.Interfaces
	if r.Interface != nil {
		all = append(all, *r.Interface)
	}
	for _, i := range all {
		i.print(w, r.Netmap)
	}
	for _, v := range r.VALE {
		p("switch %d port %d: %s", v.Bridge, v.Index, v.Name)
	}
	for _, h := range r.Holders {
		p("held by %s (process %d), %d descriptors", h.Command, h.PID, h.Descriptors)
	}
	for _, s := range r.Unknown {
		p("not known: %s", s)
	}
	for _, s := range r.Advice {
		p("to do: %s", s)
	}
}

// print writes one line on an interface, and one on its offloads.
func (i *Interface) print(w io.Writer, netmap bool) {
	word := func(yes bool, a, b string) string {
		if yes {
			return a
		}
		return b
	}
	name := i.Driver
	if name == "" {
		name = "no driver known"
	}
	fmt.Fprintf(w, "interface %s (%s): %s, %s, %s%s, MTU %d", i.Name, name,
		word(i.Up, "up", "down"), word(i.Carrier, "carrier", "no carrier"), word(i.Promisc, "promiscuous", "not promiscuous"),
		word(i.DefaultRoute, ", default route", ""), i.MTU)
	if netmap {
		fmt.Fprintf(w, "; %s in netmap: %s", word(i.Native, "native", "emulated"), i.Why)
	}
	fmt.Fprintln(w)
	if len(i.Offloads) > 0 {
		fmt.Fprintln(w, "  offloads on:", strings.Join(i.Offloads, " "))
	}
}
