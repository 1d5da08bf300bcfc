package qdiscs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/carried"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

// program is pktgen or rcv under way.
type program struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	out    bytes.Buffer
	last   string // line on standard error
	ended  chan struct{}
}

// start starts a program in a namespace and returns when it is ready or has
// ended.
func start(ctx context.Context, ns *netlab.NS, name string, args ...string) (*program, error) {
	p := &program{ended: make(chan struct{})}
	ctx, p.cancel = context.WithCancel(ctx)
	cmd, err := carried.Command(ctx, name, args...)
	if err != nil {
		return nil, err
	}
	p.cmd = cmd
	cmd.Stdout = &p.out
	// A pipe of our own: exec's would be closed by Wait while it is read.
	r, w := io.Pipe()
	cmd.Stderr = w
	if err := ns.Start(cmd); err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	go func() {
		defer close(p.ended)
		once := false
		for lines := bufio.NewScanner(r); lines.Scan(); {
			p.last = lines.Text()
			if !once && strings.HasPrefix(p.last, name+": ready:") {
				once = true
				close(ready)
			}
		}
	}()
	go func() {
		_ = cmd.Wait() // wait looks at the state
		w.Close()
	}()
	if name == "rcv" {
		select {
		case <-ready:
		case <-p.ended:
		}
	}
	return p, nil
}

// wait waits for the end and returns the result that was printed.
func (p *program) wait() (r cli.Result, err error) {
	<-p.ended
	p.cancel()
	if err := json.Unmarshal(p.out.Bytes(), &r); err != nil {
		return r, fmt.Errorf("%s printed no result; its last word: %s", p.cmd.Args[0], p.last)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != cli.ExitOK {
		return r, fmt.Errorf("%s ended with status %d: %s", p.cmd.Args[0], code, strings.Join(r.Errors, "; "))
	}
	return r, nil
}

// stop ends it before its time.
func (p *program) stop() error {
	p.cancel()
	<-p.ended
	if p.cmd.ProcessState == nil {
		return errors.New("it did not end")
	}
	return nil
}
