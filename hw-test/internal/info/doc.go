// Package info is hw-test info: what netmap is on this machine, or what one port
// is, in words a person can act on.
//
//	netmap.Control ──▶ rings, slots, pools, header ─┐
//	/sys/class/net ──▶ driver, state               ─┼─▶ Report ──▶ sentences, or JSON
//	ethtool        ──▶ offloads that are on        ─┤
//	/proc/*/fd     ──▶ programs with /dev/netmap   ─┘
//
// Nothing is changed. But a port that only opening makes, such as vale0:new, is
// made for the question and goes again, which may reset an interface on a
// switch.
package info
