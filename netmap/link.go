package netmap

import (
	"fmt"
	"strings"
	"syscall"
)

// device returns the network interface in a port's kernel name, "" if there can
// be none: VALE ports have none, a pipe's is its parent.
func device(name string) string {
	if strings.HasPrefix(name, "vale") && strings.Contains(name, ":") {
		return ""
	}
	if i := strings.IndexAny(name, "{}"); i >= 0 {
		return ""
	}
	return name
}

// alive says what became of the port's interface, which neither wakes a poll
// nor fails a sync when it goes.
func (p *Port) alive() error {
	if p.link == nil {
		return nil
	}
	up, there := p.link.state()
	switch {
	case !there:
		return fmt.Errorf("%w: %s: %w", errGone, p.link.name, syscall.ENXIO)
	case !up:
		return fmt.Errorf("interface %s is down: %w", p.link.name, syscall.ENETDOWN)
	}
	return nil
}

// dead gives a failed sync its cause.
func (p *Port) dead(err error) error {
	if cause := p.alive(); cause != nil {
		return cause
	}
	return fmt.Errorf("the port was reset or its rings are not as the kernel believes; close and open it again: %w", err)
}
