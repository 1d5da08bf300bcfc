// Package nic gets a network interface ready for netmap and puts it back: link
// up, promiscuous, and the offloads off that break a program which sees frames
// as they are on the wire.
//
//	Prepare("eth0") ──▶ up, promisc, offloads as they were ──▶ the journal
//	                    up, promisc, no offloads                   │
//	Restore() ◀────────────────────────────────────────────────────┤
//	                    each thing that is still as Prepare        │
//	                    set it goes back                           │
//	Recover() ◀── the same, after the process was killed ──────────┘
//
// Several programs may have one interface prepared, each with some of its
// rings: the first one changes it, the last one to restore puts it back.
//
// Why offloads: a netmap program gets no checksums filled in, no segments split
// and no tags inserted, and its host rings pass what the host's stack left to
// the NIC to do; what the NIC merges (LRO, GRO) fits no buffer (netmap(4)).
package nic

import "errors"

// what is the journal's word for entries of this package.
const what = "nic"

// record is what the journal remembers of an interface: what Prepare changes.
type record struct {
	Name     string   `json:"name"`
	Up       bool     `json:"up"`       // it was down
	Promisc  bool     `json:"promisc"`  // it was not promiscuous
	Offloads []string `json:"offloads"` // they were on
}

// ErrNotSupported is wrapped on systems where interfaces cannot be prepared.
var ErrNotSupported = errors.ErrUnsupported

// Options say what to prepare; the zero value does everything.
type Options struct {
	KeepDown     bool // do not set the link up
	KeepPromisc  bool // do not make it promiscuous
	KeepOffloads bool // do not switch offloads off
}

// offloads are the kernel's names (ethtool -k) of what is switched off.
var offloads = []string{
	"rx-checksum", "tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6", "tx-checksum-sctp",
	"tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation",
	"tx-generic-segmentation", "tx-udp-segmentation", "rx-gro", "rx-gro-hw", "rx-lro",
	"rx-vlan-hw-parse", "tx-vlan-hw-insert", "tx-vlan-stag-hw-insert", "rx-vlan-stag-hw-parse",
}
