package preflight

import (
	"fmt"
	"slices"
	"strings"

	"github.com/safchain/ethtool"

	"github.com/ringwalk/ringwalk/internal/nic"
)

// Offloads by the kernel's names (ethtool -k; net/ethtool/common.c).
var (
	// mixing ones merge UDP frames, such as test frames are.
	mixing = []string{"rx-gro-list", "rx-udp-gro-forwarding"}
	// merging and splitting ones do it to TCP.
	merging   = []string{"rx-gro", "rx-gro-hw", "rx-lro"}
	splitting = []string{
		"tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation",
		"tx-generic-segmentation", "tx-udp-segmentation",
	}
	// rawOnly are in the way of a netmap program, which gets no checksums
	// filled in and no tags put back.
	rawOnly = []string{
		"rx-checksum", "tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6", "tx-checksum-sctp",
		"rx-vlan-hw-parse", "tx-vlan-hw-insert", "rx-vlan-stag-hw-parse", "tx-vlan-stag-hw-insert",
	}
)

// short are ethtool's own names of features, each once; others are as they are.
func short(features []string) (names []string) {
	for _, f := range features {
		switch {
		case f == "rx-gro" || f == "rx-lro":
			f = strings.TrimPrefix(f, "rx-")
		case strings.HasPrefix(f, "tx-tcp"):
			f = "tso"
		case f == "tx-generic-segmentation":
			f = "gso"
		case f == "rx-checksum":
			f = "rx"
		case strings.HasPrefix(f, "tx-checksum"):
			f = "tx"
		case f == "rx-vlan-hw-parse":
			f = "rxvlan"
		case f == "tx-vlan-hw-insert":
			f = "txvlan"
		}
		if !slices.Contains(names, f) {
			names = append(names, f)
		}
	}
	return names
}

func (l *portLook) checkOffloads(c Check) Check {
	now, err := nic.Features(l.e, l.Interface)
	if err != nil {
		return c.skip("%s", notTold(err))
	}
	unwanted := slices.Concat(mixing, merging, splitting)
	if l.netmap() {
		unwanted = append(unwanted, rawOnly...)
	}
	var on, fixed, words []string
	for _, f := range unwanted {
		if now[f].Active {
			on = append(on, f)
			if !changeable(now[f]) {
				fixed = append(fixed, f)
			}
		}
	}
	if len(on) == 0 {
		return c.pass("none in the way")
	}
	const want = "off"
	found := strings.Join(short(on), ", ")
	for _, f := range on {
		if !slices.Contains(fixed, f) {
			words = append(words, f)
			c.fix = append(c.fix, Setting{What: "offload", Name: f, Port: l.Interface, Set: "off"})
		}
	}
	var do []string
	if len(words) > 0 {
		do = append(do, "ethtool -K "+l.Interface+" "+strings.Join(short(words), " off ")+" off")
	}
	if len(fixed) > 0 {
		found += " (the driver keeps " + strings.Join(short(fixed), ", ") + " on)"
	}
	switch {
	case slices.ContainsFunc(on, func(f string) bool { return slices.Contains(mixing, f) }):
		return c.fail(found, want, "frames are merged before they are counted: counts and sizes are not those of the wire", do...)
	case l.netmap():
		return c.warn(found, want, "frames are merged, or miss checksums and tags; pktgen and rcv switch these off while they run, other programs do not", do...)
	}
	return c.warn(found, want, "frames of TCP are merged and split on the way: counts and sizes are not those of the wire", do...)
}

// changeable tells whether a feature can be switched by its user.
func changeable(f ethtool.FeatureState) bool { return f.Available && !f.NeverChanged }

func (l *portLook) checkSteering(c Check) Check {
	now, err := nic.Features(l.e, l.Interface)
	if err != nil {
		return c.skip("%s", notTold(err))
	}
	if f, known := now["rx-ntuple-filter"]; !known || !f.Available && !f.Active {
		return c.skip("the driver has no ntuple filters")
	}
	if now["rx-ntuple-filter"].Active {
		return c.warn("ntuple filters on", "off, or meant", "rules may take flows to other queues than RSS would",
			"ethtool -n "+l.Interface, "ethtool -K "+l.Interface+" ntuple off")
	}
	return c.pass("ntuple filters off")
}

func (l *portLook) checkPause(c Check) Check {
	p, err := l.e.GetPause(l.Interface)
	if err != nil {
		return c.skip("%s", notTold(err))
	}
	found := fmt.Sprintf("autoneg %s, rx %s, tx %s", onOff(p.Autoneg), onOff(p.RxPause), onOff(p.TxPause))
	if p.RxPause == 0 && p.TxPause == 0 {
		return c.pass("%s", found)
	}
	c = c.fail(found, "rx off, tx off", "a receiver that is late holds its sender back, so that no loss shows and the rate is not the sender's own",
		"ethtool -A "+l.Interface+" autoneg off rx off tx off")
	c.fix = []Setting{{What: "pause", Port: l.Interface, Set: "off,off,off"}}
	return c
}

func onOff(v uint32) string {
	if v != 0 {
		return "on"
	}
	return "off"
}

// mostUsecs is how long a NIC may wait before it interrupts.
const mostUsecs = 250

func (l *portLook) checkCoalescing(c Check) Check {
	g, err := l.e.GetCoalesce(l.Interface)
	if err != nil {
		return c.skip("%s", notTold(err))
	}
	found := fmt.Sprintf("adaptive rx %s, tx %s; rx-usecs %d, tx-usecs %d", onOff(g.UseAdaptiveRxCoalesce), onOff(g.UseAdaptiveTxCoalesce), g.RxCoalesceUsecs, g.TxCoalesceUsecs)
	switch {
	case g.UseAdaptiveRxCoalesce != 0 || g.UseAdaptiveTxCoalesce != 0:
		c = c.warn(found, "adaptive off", "interrupts come at a rate that depends on the load, and delays with them",
			"ethtool -C "+l.Interface+" adaptive-rx off adaptive-tx off")
		c.fix = []Setting{{What: "coalescing", Port: l.Interface, Set: "off,off"}}
		return c
	case g.RxCoalesceUsecs > mostUsecs:
		return c.warn(found, fmt.Sprintf("rx-usecs %d at most", mostUsecs), "every delay is longer by up to that, and a ring may overflow meanwhile",
			fmt.Sprintf("ethtool -C %s rx-usecs 10", l.Interface))
	}
	return c.pass("%s", found)
}
