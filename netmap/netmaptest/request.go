package netmaptest

import (
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// Ctrl makes a request. As in the kernel, its body is written only on success.
func (f *file) Ctrl(r *netmap.Request) error {
	d := f.dev
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.closed {
		return unix.EBADF
	}
	if len(r.Name) > netmap.MaxName {
		return unix.ENAMETOOLONG
	}
	call := CallRequest
	if r.Type == netmap.ReqRegister {
		call = CallRegister
	}
	if err := d.fail(call); err != nil {
		return err
	}
	if err := takeOptions(r); err != nil {
		return r.Result(err)
	}
	return r.Result(f.request(r))
}

func (f *file) request(r *netmap.Request) error {
	d := f.dev
	switch r.Type {
	case netmap.ReqRegister:
		return answer(r, func(c *netmap.RegisterReq) error { return f.register(r, c) })
	case netmap.ReqPortInfoGet:
		return answer(r, func(c *netmap.PortInfoReq) error { return d.portInfo(r.Name, c) })
	case netmap.ReqPoolsInfoGet:
		return answer(r, func(c *netmap.PoolsInfoReq) error { return d.poolsInfo(r.Name, c) })
	case netmap.ReqVALEAttach:
		return answer(r, func(c *netmap.VALEAttachReq) error { return d.valeAttach(r.Name, c) })
	case netmap.ReqVALEDetach:
		return answer(r, func(c *netmap.VALEDetachReq) error { return d.valeDetach(r.Name, c) })
	case netmap.ReqVALEList:
		return answer(r, func(c *netmap.VALEListReq) error { return d.valeList(r, c) })
	case netmap.ReqPortHdrSet:
		return answer(r, func(c *netmap.PortHdrReq) error { return d.setHdr(r.Name, c) })
	case netmap.ReqPortHdrGet:
		return answer(r, func(c *netmap.PortHdrReq) error { return d.getHdr(r.Name, c) })
	case netmap.ReqVALENewIf:
		return answer(r, func(c *netmap.VALENewIfReq) error { return d.valeNewIf(r.Name, c) })
	case netmap.ReqVALEPollingEnable, netmap.ReqVALEPollingDisable:
		return answer(r, func(c *netmap.VALEPollingReq) error { return d.valePolling(r, c) })
	case netmap.ReqSyncKloopStart:
		return answer(r, func(c *netmap.SyncKloopStartReq) error { return f.startKloop(r, c) })
	}
	if r.Body != nil {
		return unix.EINVAL
	}
	switch r.Type {
	case netmap.ReqVALEDelIf:
		return d.valeDelIf(r.Name)
	case netmap.ReqSyncKloopStop:
		return f.stopKloop()
	case netmap.ReqCSBEnable:
		if o, status := option[*netmap.OptCSB](r); o != nil {
			return verdict(status, f.enableCSB(o))
		}
	}
	return unix.EINVAL
}

func answer[T any](r *netmap.Request, do func(*T) error) error {
	body, ok := r.Body.(*T)
	if !ok || body == nil {
		return unix.EINVAL
	}
	c := *body
	if err := do(&c); err != nil {
		return err
	}
	*body = c
	return nil
}

const (
	maxRequest   = 4096 // NETMAP_REQ_MAXSIZE
	optionHeader = 24   // struct nmreq_option
	lastOption   = netmap.OptTypeOffsets
)

// takeOptions is what nmreq_copyin does with them: one type goes once, and who
// heeds an option clears its status.
func takeOptions(r *netmap.Request) error {
	r.Status = make([]syscall.Errno, len(r.Options))
	size := 0
	seen := map[netmap.OptType]int{}
	for i, o := range r.Options {
		t := o.OptType()
		if t < 1 {
			r.Status[i] = unix.EINVAL
			return unix.EINVAL
		}
		size += optionHeader
		if t > lastOption {
			continue
		}
		if first, twice := seen[t]; twice {
			r.Status[first], r.Status[i] = unix.EINVAL, unix.EINVAL
			return unix.EINVAL
		}
		seen[t] = i
		if e, ok := o.(*netmap.OptSyncKloopEventFDs); ok {
			size += 8 * len(e.EventFDs)
		}
		if size > maxRequest {
			return unix.EMSGSIZE
		}
	}
	for i := range r.Status {
		r.Status[i] = unix.EOPNOTSUPP
	}
	return nil
}

// option returns an option of a request, if it has one of that kind, and what
// to set to the verdict on it (nmreq_getoption).
func option[T netmap.Option](r *netmap.Request) (o T, status *syscall.Errno) {
	for i := range r.Options {
		if o, ok := r.Options[i].(T); ok {
			return o, &r.Status[i]
		}
	}
	return o, nil
}

// checkOptions is nmreq_checkoptions: a registration heeds all options or fails.
func checkOptions(r *netmap.Request) error {
	for _, s := range r.Status {
		if s == unix.EOPNOTSUPP {
			return s
		}
	}
	return nil
}

// verdict writes what became of an option.
func verdict(status *syscall.Errno, errno syscall.Errno) error {
	if *status = errno; errno != 0 {
		return errno
	}
	return nil
}
