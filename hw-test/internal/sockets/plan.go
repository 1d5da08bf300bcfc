package sockets

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// A row is one line of the table.
type row struct {
	name     string
	group    string
	kind     kind
	tx, rx   side
	size     int     // of a payload in bytes
	receives bool    // it is about the receiving side; together: about both
	beside   *row    // what the row is held against
	aim      float64 // the ratio to it that is hoped for
	trials   []trial
	// ended, if not "", is a verdict that needs no more trials, and why.
	ended results.Verdict
	why   string
}

// Groups, in the order of the table.
const (
	groupReceive = "receive (UDP): what a full socket holds"
	groupSend    = "send (UDP): into a socket with room"
	groupQueues  = "receive queues (UDP, SO_REUSEPORT): a thread for each, of 32 flows"
	groupPacket  = "AF_PACKET"
	groupLive    = "both ends at once, the sender at full speed, a socket buffer of the usual 208 KiB"
)

const flows = 32

// What is hoped for, as the ratio of a row's packets a second to those of the
// row it is held against. Calls of many messages are judged at 64.
const (
	aimEngine   = 0.95 // of the bare calls
	aimSendmmsg = 1.25 // of sendto
	aimRecvmmsg = 1.2  // of recvfrom
	aimGSO      = 10   // of sendmmsg

	judged = 64
)

func aimOf(vector int, aim float64) float64 {
	if vector != judged {
		return 0
	}
	return aim
}

var vectors = []int{8, 64, maxVector}

// plan makes the rows.
func plan(size int) []*row {
	var rows []*row
	add := func(r row) *row {
		r.size = size
		rows = append(rows, &r)
		return rows[len(rows)-1]
	}
	// The other side of a row, the same for all.
	fill := side{name: "sendmmsg 64", call: callSendmmsg, vector: 64}
	empty := side{name: "recvmmsg 64", call: callRecvmmsg, vector: 64}
	cut := side{name: "sendmmsg with UDP_SEGMENT", call: callSendmmsg, vector: 1, gso: true}
	whole := side{name: "recvmsg with UDP_GRO", call: callRecvmsg, gro: true}

	receive := func(rx side, beside *row, aim float64) *row {
		tx := fill
		if rx.gro {
			tx = cut
		}
		return add(row{name: rx.name, group: groupReceive, tx: tx, rx: rx, receives: true, beside: beside, aim: aim})
	}
	var many *row
	one := receive(side{name: "recvfrom", call: callRecvfrom}, nil, 0)
	receive(side{name: "recvmsg", call: callRecvmsg}, one, 0)
	for _, v := range vectors {
		bare := receive(side{name: fmt.Sprintf("recvmmsg %d", v), call: callRecvmmsg, vector: v}, one, aimOf(v, aimRecvmmsg))
		receive(side{name: fmt.Sprintf("engine, vector %d", v), engine: true, vector: v}, bare, aimEngine)
		if v == judged {
			many = bare
		}
	}
	receive(side{name: "recvmmsg 64, into 1024 buffers", call: callRecvmmsg, vector: 64, keep: true}, many, 0)
	receive(whole, one, 0)
	gro := receive(side{name: "recvmmsg 64 with UDP_GRO", call: callRecvmmsg, vector: 64, gro: true}, one, 0)
	receive(side{name: "the same, copied into 1024 buffers", call: callRecvmmsg, vector: 64, gro: true, keep: true}, gro, 0)
	receive(side{name: "engine with UDP_GRO", engine: true, gro: true}, gro, aimEngine)

	send := func(tx side, rx side, beside *row, aim float64) *row {
		return add(row{name: tx.name, group: groupSend, tx: tx, rx: rx, beside: beside, aim: aim})
	}
	one = send(side{name: "sendto", call: callSendto}, empty, nil, 0)
	for _, v := range vectors {
		bare := send(side{name: fmt.Sprintf("sendmmsg %d", v), call: callSendmmsg, vector: v}, empty, one, aimOf(v, aimSendmmsg))
		send(side{name: fmt.Sprintf("engine, vector %d", v), engine: true, vector: v}, empty, bare, aimEngine)
		if v == judged {
			many = bare
		}
	}
	flat := cut
	flat.name, flat.flat = "UDP_SEGMENT, one buffer", true
	cut.name = "UDP_SEGMENT, a buffer each"
	send(flat, whole, many, aimGSO)
	bare := send(cut, whole, many, aimGSO)
	send(side{name: "engine with UDP_SEGMENT", engine: true, gso: true}, whole, bare, aimEngine)
	cut.name = "UDP_SEGMENT to one without UDP_GRO"
	send(cut, empty, many, 0)

	var single *row // the row with one queue
	for _, n := range []int{1, 2} {
		for _, byCPU := range []bool{false, true} {
			if n == 1 && byCPU {
				continue
			}
			name := fmt.Sprintf("%d queues by hash", n)
			switch {
			case n == 1:
				name = "1 queue"
			case byCPU:
				name = fmt.Sprintf("%d queues by CPU", n)
			}
			tx, rx := fill, empty
			tx.flows, rx.queues, rx.byCPU = flows, n, byCPU
			bare := add(row{name: name + ", recvmmsg 64", group: groupQueues, kind: parallel, tx: tx, rx: rx, receives: true, beside: single})
			rx = side{engine: true, queues: n, byCPU: byCPU, vector: 64}
			add(row{name: name + ", engine", group: groupQueues, kind: parallel, tx: tx, rx: rx, receives: true, beside: bare, aim: aimEngine})
			if n == 1 {
				single = bare
			}
		}
	}
	rows = append(rows, packetRows(size)...)

	empty.buf = liveBuf
	bare = add(row{name: "sendmmsg 64 to recvmmsg 64", group: groupLive, kind: together, tx: fill, rx: empty})
	e := side{name: "engine", engine: true, vector: 64, buf: liveBuf}
	add(row{name: "engine to engine, vector 64", group: groupLive, kind: together, tx: e, rx: e, beside: bare, aim: aimEngine})
	add(row{name: "sendto to recvfrom", group: groupLive, kind: together, beside: bare,
		tx: side{name: "sendto", call: callSendto}, rx: side{name: "recvfrom", call: callRecvfrom, buf: liveBuf}})
	return rows
}

// only keeps the rows with the text in their group or name, and those that they
// are held against.
func only(rows []*row, text string) []*row {
	keep := map[*row]bool{}
	for _, r := range rows {
		if strings.Contains(r.group+": "+r.name, text) {
			for ; r != nil && !keep[r]; r = r.beside {
				keep[r] = true
			}
		}
	}
	return slices.DeleteFunc(rows, func(r *row) bool { return !keep[r] })
}

// packetRows are those over AF_PACKET; a size of a payload makes frames of the
// same size there.
func packetRows(size int) (rows []*row) {
	add := func(r row) *row {
		r.size, r.group, r.tx.packet, r.rx.packet = size, groupPacket, true, true
		rows = append(rows, &r)
		return rows[len(rows)-1]
	}
	fill := side{name: "sendmmsg 64", call: callSendmmsg, vector: 64}
	empty := side{name: "recvmmsg 64", call: callRecvmmsg, vector: 64}
	one := add(row{name: "recvfrom", tx: fill, rx: side{name: "recvfrom", call: callRecvfrom}, receives: true})
	bare := add(row{name: "recvmmsg 64", tx: fill, rx: empty, receives: true, beside: one})
	aux := empty
	aux.aux = true
	bare = add(row{name: "recvmmsg 64 with PACKET_AUXDATA", tx: fill, rx: aux, receives: true, beside: bare})
	e := side{name: "engine", engine: true, vector: 64}
	add(row{name: "engine receives, vector 64", tx: fill, rx: e, receives: true, beside: bare, aim: aimEngine})
	one = add(row{name: "sendto", tx: side{name: "sendto", call: callSendto}, rx: empty})
	bare = add(row{name: "sendmmsg 64", tx: fill, rx: empty, beside: one})
	add(row{name: "engine sends, vector 64", tx: e, rx: empty, beside: bare, aim: aimEngine})
	return rows
}
