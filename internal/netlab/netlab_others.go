//go:build !linux

package netlab

import (
	"net"
	"os/exec"
)

func can() error                                      { return ErrNotSupported }
func newNS() (*NS, error)                             { return nil, ErrNotSupported }
func (n *NS) do(func() error) error                   { return ErrNotSupported }
func onThread(func() error) error                     { return ErrNotSupported }
func start(func(func() error) error, *exec.Cmd) error { return ErrNotSupported }
func (n *NS) counters(string) (Counters, error)       { return Counters{}, ErrNotSupported }
func (n *NS) setUp(string, bool) error                { return ErrNotSupported }
func (n *NS) bridge([]string) error                   { return ErrNotSupported }
func (n *NS) plug(string, net.HardwareAddr) error     { return ErrNotSupported }
func (n *NS) delete(string) error                     { return ErrNotSupported }
func newPair(_, _ *NS, _ *PairOptions) (*Pair, error) { return nil, ErrNotSupported }
func inUserNS(*exec.Cmd) error                        { return ErrNotSupported }
func canUserNS() error                                { return ErrNotSupported }
